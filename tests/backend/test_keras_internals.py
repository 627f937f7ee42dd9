"""What is borrowed from inside of Keras is still there, and still means what it did."""

import inspect

import keras
import numpy as np
import pytest

from keras_tsvae.backend import keras_internals
from keras_tsvae.backend.keras_internals import (
    adam_moments,
    all_layers,
    build_symbolically,
    built_for,
    from_within_fit,
    keep_from_decay,
    layers_inside,
    shapes_alone,
)

TENSORFLOW = keras.backend.backend() == "tensorflow"
on_tensorflow = pytest.mark.skipif(not TENSORFLOW, reason="of Keras's TensorFlow trainer")
on_jax = pytest.mark.skipif(TENSORFLOW, reason="of Keras's JAX trainer")
X = np.ones((8, 2), "float32")


def made(cls=keras.Model, optimizer="adam"):
    x = keras.Input((2,))
    inner = keras.Sequential([keras.layers.Dense(2, name="inner")], name="sequence")
    model = cls(x, keras.layers.Dense(1, name="outer")(inner(x)))
    model.compile(optimizer, "mse")
    return model


class Spied(keras.Model):
    """Writes down with what Keras calls the methods that are overridden elsewhere."""

    NAMES = ("_maybe_symbolic_build", "_purge_model_variables", "_get_jax_state", "_make_function")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.calls = []

    def evaluate(self, *args, **kwargs):
        self.calls.append(("evaluate", kwargs))
        return super().evaluate(*args, **kwargs)


def spy(name):
    def method(self, *args, **kwargs):
        if "calls" in vars(self):
            self.calls.append((name, kwargs))
        return getattr(super(Spied, self), name)(*args, **kwargs)

    return method


for name in Spied.NAMES:
    if hasattr(keras.Model, name):
        setattr(Spied, name, spy(name))


def test_adams_moments_are_those_that_it_adds_for_a_variable():
    optimizer = keras.optimizers.Adam()
    variables = [keras.Variable(np.zeros(shape, "float32")) for shape in (2, 3)]
    optimizer.build(variables)
    for variable in variables:
        moments = adam_moments(optimizer, variable)
        assert [m.shape for m in moments] == [variable.shape] * 2
        kinds = [m.name.rsplit("_", 1)[-1] for m in moments]
        assert kinds == ["momentum", "velocity"]


def test_a_variable_is_kept_from_decay_beside_the_users():
    optimizer = keras.optimizers.SGD(1.0, weight_decay=0.5)
    user, ours, other = (keras.Variable(np.ones(2, "float32")) for _ in range(3))
    optimizer.exclude_from_weight_decay(var_list=[user])
    keep_from_decay(optimizer, ours)
    optimizer.build([user, ours, other])
    optimizer.apply([keras.ops.zeros(2)] * 3)
    assert [float(v.numpy()[0]) for v in (user, ours, other)] == [1.0, 1.0, 0.5]


def test_layers_and_the_variables_that_an_optimizer_was_built_for():
    model = made()
    assert [layer.name for layer in layers_inside(model)][1:] == ["sequence", "outer"]
    assert "inner" in [layer.name for layer in all_layers(model)]
    assert next(iter(all_layers(model))) is model
    model.optimizer.build(model.trainable_variables)
    assert [id(v) for v in built_for(model.optimizer)] == [id(v) for v in model.trainable_variables]


def test_fit_tells_evaluate_that_its_data_is_known():
    model = made(Spied)
    model.fit(X, X[:, :1], validation_data=(X, X[:, :1]), verbose=0)
    (arguments,) = [kwargs for name, kwargs in model.calls if name == "evaluate"]
    others, inner = from_within_fit(arguments)
    assert inner and len(others) == len(arguments) - 1
    model.evaluate(X, X[:, :1], verbose=0)
    assert not from_within_fit(model.calls[-1][1])[1]


@on_tensorflow
def test_fit_asks_whether_to_build():
    model = made(Spied)
    model.fit(X, X[:, :1], verbose=0)
    assert "_maybe_symbolic_build" in [name for name, _ in model.calls]
    theirs = inspect.signature(keras.Model._maybe_symbolic_build)
    ours = inspect.signature(keras_internals.TensorFlowFitOfBuilt._maybe_symbolic_build)
    assert list(theirs.parameters) == list(ours.parameters)


@on_tensorflow
def test_a_default_signature_is_made_of_the_shape_of_build():
    assert isinstance(
        inspect.getattr_static(keras.layers.Layer, "_default_save_signature"), property
    )


@on_jax
def test_fit_and_predict_take_the_state_by_the_methods_that_are_overridden():
    model = made(Spied)
    model.fit(X, X[:, :1], verbose=0)
    calls = dict(model.calls)
    assert calls["_get_jax_state"]["optimizer_variables"] is True
    assert calls["_purge_model_variables"] and "_make_function" in calls
    assert model._jax_state is None and model._jax_state_synced is True
    model.calls.clear()
    model.predict(X, verbose=0)
    assert not dict(model.calls)["_get_jax_state"].get("optimizer_variables")


@on_jax
def test_the_state_of_a_training_is_kept_by_these_names():
    model, seen = made(), []

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(tuple(self.model._jax_state))

    model.fit(X, X[:, :1], verbose=0, callbacks=[Look()])
    assert seen == [keras_internals._TRAINED]


@on_jax
def test_what_compile_was_given_is_built_for_a_batch():
    model = made()
    model.compile("adam", "mse", metrics=["mae"])
    assert not model._compile_metrics.built
    build_symbolically(model, (keras.KerasTensor((8, 2)), keras.KerasTensor((8, 1)), None))
    assert model._compile_metrics.built


def test_models_without_values_are_not_given_any_later():
    given = []

    def initializer(shape, dtype=None):
        given.append(shape)
        return keras.ops.zeros(shape, dtype)

    with shapes_alone():
        layer = keras.layers.Dense(3, kernel_initializer=initializer)
        layer.build((None, 2))
    assert layer.kernel.shape == (2, 3)
    with keras.StatelessScope():
        keras.layers.Dense(1).build((None, 2))
    assert not given
