"""What is borrowed from inside of Keras, with the reason for each.

Nothing here is part of Keras's interface, and any of it may change with its next version. The
tests of this file fail when it does.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops
from keras.src.backend.common import global_state

ModelPart: Any = object
"""The base of what stands in front of `keras.Model` in the bases of a model."""

_TRAINED = (
    "trainable_variables",
    "non_trainable_variables",
    "optimizer_variables",
    "metrics_variables",
)


def keep_from_decay(optimizer: keras.optimizers.Optimizer, variable: keras.Variable) -> None:
    """Keeps a variable out of an optimiser's weight decay, beside those that a user keeps out.

    `exclude_from_weight_decay` would forget the user's, so the set that it fills is added to.

    Args:
        optimizer: A Keras optimiser, built or not, alone or in a `LossScaleOptimizer`.
        variable: A `keras.Variable`.
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    kept = getattr(optimizer, "_exclude_from_weight_decay", ())
    optimizer._exclude_from_weight_decay = {*kept, optimizer._var_key(variable)}
    optimizer._exclude_from_weight_decay_cache = {}  # of decisions made before


def layers_inside(layer: keras.Layer) -> list[keras.Layer]:
    """Returns the layers that a layer holds itself, which only models have a public name for."""
    return layer._flatten_layers(include_self=False, recursive=False)


def all_layers(layer: keras.Layer) -> list[keras.Layer]:
    """Returns a layer and all layers inside it, each before those inside that."""
    return layer._flatten_layers(include_self=True, recursive=True)


def built_for(optimizer: keras.optimizers.Optimizer) -> list[keras.Variable]:
    """Returns the variables whose state an optimiser has, in the order of its own variables."""
    return getattr(optimizer, "inner_optimizer", optimizer)._trainable_variables


@contextlib.contextmanager
def shapes_alone() -> Iterator[None]:
    """A scope in which models are made without values for their weights: at once, of any size.

    Keras remembers such variables, and would give values to them all at the end of the next
    `keras.StatelessScope`.
    """
    name = "uninitialized_variables"
    before = global_state.get_global_attribute(name, [])
    global_state.set_global_attribute(name, [])
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        global_state.set_global_attribute(name, before)


def adam_moments(
    optimizer: keras.optimizers.Adam, variable: Any
) -> tuple[keras.Variable, keras.Variable]:
    """Returns the two moments that a `keras.optimizers.Adam` keeps of a variable."""
    index = optimizer._get_variable_index(variable)
    return optimizer._momentums[index], optimizer._velocities[index]


def from_within_fit(arguments: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns arguments of `evaluate` without, and as a dict, the one that `fit` calls it with.

    `fit` measures what it has checked and cut before: it is not to be checked once more.
    """
    cached = "_use_cached_eval_dataset"
    inner = {name: value for name, value in arguments.items() if name == cached and value}
    return {name: value for name, value in arguments.items() if name != cached}, inner


def build_symbolically(model: keras.Model, batch: Any) -> None:
    """Builds what `compile` was given, on JAX, for a batch of `keras.KerasTensor`s.

    Left to `fit`, Keras would begin to read the data for that, and then begin anew.
    """
    model._symbolic_build(data_batch=batch)


class TensorFlowFitOfBuilt(ModelPart):
    """Does not build a model in `fit` on TensorFlow, in front of `keras.Model`.

    All is built before; Keras would average the first batch over the devices for that.
    """

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Builds nothing."""


class NoDefaultSignature(ModelPart):
    """Exports the signature that is asked for alone, in front of `keras.Model`.

    Keras adds one on TensorFlow, for an input of the shape that `build` was called with. A model
    of several inputs fails there.
    """

    _default_save_signature = None


class JAXStateOfCopies(ModelPart):
    """Leaves the variables of a model their values on JAX, in front of `keras.Model`.

    Keras takes the values away from the variables, hands them to a compiled step, which donates
    their memory, and puts back what the last step returned. Where a step fails, or is interrupted,
    or its batch cannot be read, they are lost. Here they stay, and inference works on copies. What
    training takes, its steps still donate.
    """

    _jax_state: dict[str, Any] | None

    def _purge_model_variables(self, **kinds):
        """Takes no values away. No memory is held in training: what a step takes, it donates."""

    def _get_jax_state(self, *args, **kinds):
        state = super()._get_jax_state(*args, **kinds)
        if kinds.get("optimizer_variables"):
            return state
        return tuple([ops.copy(value) for value in part] for part in state)

    def _make_function(self, step_function, *args, **kwargs):
        def step(state, data):
            with _interrupted_later():
                logs, state = step_function(state, data)
                if len(state) == len(_TRAINED):  # of training, whose steps donate what they take
                    self._jax_state = dict(zip(_TRAINED, state))
            return logs, state

        return super()._make_function(step, *args, **kwargs)

    @contextlib.contextmanager
    def state_kept(self) -> Iterator[None]:
        """Forgets the state of what fails, which Keras would put back in a later training."""
        self.jax_state_sync()  # of an epoch that is going on, from whose callback this is called
        try:
            yield
        except BaseException:
            self._jax_state, self._jax_state_synced = None, True
            raise


@contextlib.contextmanager
def _interrupted_later() -> Iterator[None]:
    """Lets Ctrl-C wait until the body is done, and SIGTERM, if it is handled in Python."""
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        before = {number: handler for number, handler in handlers.items() if callable(handler)}
    received: list[Any] = []
    for number in before:
        signal.signal(number, lambda *arguments: received.append(arguments))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for arguments in received[:1]:
            before[arguments[0]](*arguments)
