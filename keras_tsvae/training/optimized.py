"""An optimiser and the variables that it has state for, which need not be all, or only, trained."""

from typing import Any

import keras

from keras_tsvae.backend.keras_internals import all_layers, built_for


def loss_scaled(optimizer: Any, model: keras.Model) -> keras.optimizers.Optimizer:
    """Returns an optimiser that scales the loss, if any layer of a model is in `mixed_float16`.

    Keras looks at the model's own policy alone, which need not be that of the networks inside.
    """
    optimizer = keras.optimizers.get(optimizer)
    policies = {layer.dtype_policy.name for layer in all_layers(model)}
    if "mixed_float16" not in policies:
        return optimizer
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return optimizer
    return keras.optimizers.LossScaleOptimizer(optimizer, name="loss_scale_optimizer")


def check_optimized(model: keras.Model) -> None:
    """Sees to it that a fit trains what is trainable now, with the optimiser that is there.

    What was frozen since the last fit is left alone: the step is traced anew.

    Raises:
        ValueError: If the optimiser has no state for what was thawed since it was made.
    """
    known = {id(variable) for variable in built_for(model.optimizer)}
    trained = frozenset(id(variable) for variable in model.trainable_variables)
    if not trained <= known:
        raise ValueError(
            "`trainable` must not become True for layers that the optimizer has not been made "
            "for: call `compile` again. "
            f"Received: {len(trained - known)} variables that it does not know"
        )
    if trained != getattr(model, "_trained", trained):
        model.train_function = None
    model._trained = trained


def optimized_indices(model: keras.Model) -> list[int] | None:
    """Returns which of a model's variables its optimiser has state for, in the order of its own.

    None if these are those that are trainable, as they are unless some were frozen or thawed, or
    none of the model's.
    """
    optimized = [id(variable) for variable in built_for(model.optimizer)]
    if not optimized or optimized == [id(variable) for variable in model.trainable_variables]:
        return None
    index = {id(variable): position for position, variable in enumerate(model.variables)}
    return [index[key] for key in optimized] if set(optimized) <= set(index) else None
