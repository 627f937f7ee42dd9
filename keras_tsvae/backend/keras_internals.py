"""What is borrowed from inside of Keras, with the reason for each.

Nothing here is part of Keras's interface, and any of it may change with its next version. The
tests of this file fail when it does.
"""


def keep_from_decay(optimizer, variable):
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


def layers_inside(layer):
    """Returns the layers that a layer holds itself, which only models have a public name for."""
    return layer._flatten_layers(include_self=False, recursive=False)


def all_layers(layer):
    """Returns a layer and all layers inside it, each before those inside that."""
    return layer._flatten_layers(include_self=True, recursive=True)


def built_for(optimizer):
    """Returns the variables whose state an optimiser has, in the order of its own variables."""
    return optimizer._trainable_variables
