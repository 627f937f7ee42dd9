"""One check that every layer and network has to pass."""

import keras
import numpy as np


def check_serializable(make, inputs, tmp_path, training_matters=False):
    """Config round trip, save and load, mixed precision, and a gradient for every weight.

    Args:
        make: Callable that returns a new layer or network.
        inputs: One array or a tuple of arrays.
        tmp_path: Folder for the saved model.
        training_matters: Whether training and inference give different outputs.
    """
    arrays = inputs if isinstance(inputs, tuple) else (inputs,)
    layer = make()
    outputs = flat(call(layer, arrays))

    clone = type(layer).from_config(layer.get_config())
    assert clone.get_config() == layer.get_config()
    clone(*(keras.KerasTensor(array.shape) for array in arrays))
    assert [w.shape for w in clone.weights] == [w.shape for w in layer.weights]

    symbols = [keras.Input(array.shape[1:]) for array in arrays]
    model = keras.Model(symbols, layer(*symbols))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for ours, theirs in zip(outputs, flat(call(loaded, (list(arrays),)))):
        np.testing.assert_array_equal(ours, theirs)

    trained = flat(call(layer, arrays, training=True)) if training_matters else outputs
    assert training_matters != all(np.allclose(a, b) for a, b in zip(outputs, trained))

    for policy in ("mixed_float16", "mixed_bfloat16"):
        keras.config.set_dtype_policy(policy)
        half = make()
        assert all(np.isfinite(np.asarray(o, "float32")).all() for o in flat(call(half, arrays)))
        assert all(w.dtype == "float32" for w in half.trainable_weights)
    keras.config.set_dtype_policy("float32")
    return layer


def call(layer, arrays, training=False):
    """Calls a layer; on JAX as one compiled function, since single operations take long there."""
    if keras.backend.backend() != "jax":
        return layer(*arrays, training=training)
    import jax

    symbols = jax.tree.map(lambda array: keras.KerasTensor(array.shape), arrays)
    layer(*symbols)  # builds it

    @jax.jit
    def stateless(values, arrays):
        with keras.StatelessScope(state_mapping=list(zip(layer.variables, values))):
            return layer(*arrays, training=training)

    return stateless([v.value for v in layer.variables], arrays)


def flat(outputs):
    """Returns the outputs of a layer as a list of NumPy arrays."""
    outputs = outputs if isinstance(outputs, (tuple, list)) else [outputs]
    return [keras.ops.convert_to_numpy(output) for output in outputs]


def gradients(layer, arrays, training=True):
    """Returns d sum(outputs^2) / d weights for all trainable weights, on either backend."""

    def loss():
        outputs = layer(*arrays, training=training)
        outputs = outputs if isinstance(outputs, (tuple, list)) else [outputs]
        return sum(keras.ops.sum(keras.ops.square(output)) for output in outputs)

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            value = loss()
        grads = tape.gradient(value, [w.value for w in layer.trainable_weights])
    else:
        import jax

        def stateless(values):
            mapping = list(zip(layer.trainable_weights, values))
            with keras.StatelessScope(state_mapping=mapping):
                return loss()

        grads = jax.jit(jax.grad(stateless))([w.value for w in layer.trainable_weights])
    return [np.asarray(g) for g in grads]
