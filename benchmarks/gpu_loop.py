"""Trains a stage on JAX in a loop of its own: whole runs of steps as one program on the device."""

import functools

import jax


def state_of(stage):
    """Returns the state that `stage.train_step` takes and gives back."""
    kinds = (
        stage.trainable_variables,
        stage.non_trainable_variables,
        stage.optimizer.variables,
        stage.metrics_variables,
    )
    return tuple([variable.value for variable in variables] for variables in kinds)


def put_back(stage, state):
    """Gives a stage the state that steps have led to."""
    kinds = (
        stage.trainable_variables,
        stage.non_trainable_variables,
        stage.optimizer.variables,
        stage.metrics_variables,
    )
    for variables, values in zip(kinds, state):
        for variable, value in zip(variables, values):
            variable.assign(value)


def scanned(stage):
    """Returns a compiled function that makes many steps.

    It takes the state, the arrays on the device that batches are made of, and the rows of each
    step's batch, `(steps, batch)`; it returns the state and the logs of the last step.
    """

    @functools.partial(jax.jit, donate_argnums=0)
    def steps(state, arrays, rows):
        def step(state, rows):
            logs, state = stage.train_step(state, tuple(array[rows] for array in arrays))
            return state, logs

        state, logs = jax.lax.scan(step, state, rows)
        return state, {name: values[-1] for name, values in logs.items()}

    return steps
