"""Models that test after test gets as new: to build and to trace one takes far longer than to run.

`model = reused(tiny.two_stage, "adam")` is `tiny.two_stage("adam")`, as an earlier test may have
had it, reset.
"""

import collections
import contextlib
import random

import keras

_free = collections.defaultdict(list)  # by how they were made
_lent = None  # to the test that runs

# What may have changed once a model has run: what makes it none the older, and what is taken back.
_KEPT = {"_called", "_jit_compile", "_trained", "_eval_epoch_iterator", "_jax_state"}
_KEPT |= {"train_function", "test_function", "predict_function", "_exclude_from_weight_decay_cache"}
_KEPT |= {"_exclude_from_weight_decay", "stop_evaluating", "stop_predicting"}
_KEPT |= {"_outputs_of", "_compiled_codes_of", "_joint"}
_TAKEN_BACK = {"history", "_history", "joint", "stop_training"}


def reused(make, *args, **kwargs):
    """Returns `make(*args, **kwargs)`, or a model whose variables have the values of that one's.

    Its functions may be traced already, and its optimizers are built. A model to which a test does
    more than to run it, such as to compile or to freeze it, is not used again.

    For tests, not for fixtures of modules, and not where a test replaces functions of the package,
    which traced functions would not see, or would go on with.

    Args:
        make: Function of the module's that returns a model which has been compiled.
        *args: Strings or functions.
        **kwargs: Likewise.
    """
    assert _lent is not None, "Models are reused by tests alone."
    policy, state = keras.config.dtype_policy().name, random.getstate()
    key = (make, args, tuple(sorted(kwargs.items())), policy, state)
    made = _free[key].pop() if _free[key] else _Reusable(make(*args, **kwargs))
    _lent.append((key, made))
    random.setstate(made.state)
    return made.model


@contextlib.contextmanager
def lent():
    """A context, of one test, in which models are lent; then they are reset."""
    global _lent
    _lent = []
    try:
        yield
    finally:
        for key, made in _lent:
            if made.reset():
                _free[key].append(made)
        _lent = None


class _Reusable:
    """A model, and what it was like when it was new."""

    def __init__(self, model):
        self.state = random.getstate()  # of what Keras draws seeds of initial weights from
        model.build_optimizers()
        self.model = model
        self.attributes = {key: (part, dict(vars(part))) for key, part in self._parts().items()}
        self.values = {key: (v, keras.ops.copy(v.value)) for key, v in self._variables().items()}

    def reset(self):
        """Makes the model as new, or returns False where more was done to it than to run it."""
        if self._parts().keys() != self.attributes.keys():
            return False
        if self._variables().keys() != self.values.keys():
            return False
        for part, before in self.attributes.values():
            now = vars(part)
            names = now.keys() | before.keys()
            changed = {name for name in names if now.get(name) is not before.get(name)} - _KEPT
            if changed - _TAKEN_BACK or now.get("_jax_state") is not None:
                return False
            for name in changed:
                setattr(part, name, before[name]) if name in before else delattr(part, name)
        for variable, value in self.values.values():
            variable.assign(keras.ops.copy(value))
        return True

    def _parts(self):
        layers = list(self.model._flatten_layers())
        optimizers = [getattr(layer, "optimizer", None) for layer in layers]
        return {id(part): part for part in (*layers, *optimizers) if part is not None}

    def _variables(self):
        lists = [getattr(part, "variables", ()) for part in self._parts().values()]
        return {id(variable): variable for some in lists for variable in some}
