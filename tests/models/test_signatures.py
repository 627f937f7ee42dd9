"""One order of arguments everywhere, and none that can be mistaken for another by its place."""

import inspect

import pytest

import keras_tsvae as tsvae

pytestmark = pytest.mark.backend_free

KINDS = (
    tsvae.FirstStageVAE,
    tsvae.SecondStageVAE,
    tsvae.TwoStageVAE,
    tsvae.ConditionalTwoStageVAE,
)
ORDERS = {
    "fit": ["self", "x", "y", "batch_size", "epochs"],
    "evaluate": ["self", "x", "y", "batch_size"],
    "sample": ["self", "n"],
    "sample_batches": ["self", "n"],
    "posteriors": ["self", "x"],
}
BY_NAME = {
    "sample": ["stage", "seed", "batch_size", "condition", "strength"],
    "sample_batches": ["stage", "seed", "batch_size", "condition", "strength"],
    "posteriors": [
        "batch_size",
        "memory_limit",
        "path",
        "verbose",
        "condition_dim",
        "condition",
    ],
}


def parameters(kind, method):
    return inspect.signature(getattr(kind, method)).parameters.values()


@pytest.mark.parametrize("method", ORDERS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_may_be_given_by_its_place(kind, method):
    if method == "posteriors" and kind is tsvae.SecondStageVAE:
        return
    placed = [p.name for p in parameters(kind, method) if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert placed == ORDERS[method]


@pytest.mark.parametrize("method", BY_NAME)
@pytest.mark.parametrize("kind", KINDS)
def test_one_order_of_what_is_given_by_name(kind, method):
    if method == "posteriors" and kind is tsvae.SecondStageVAE:
        return
    named = [p.name for p in parameters(kind, method) if p.kind is p.KEYWORD_ONLY]
    assert named == [name for name in BY_NAME[method] if name in named]
    assert {"batch_size"} <= set(named)


@pytest.mark.parametrize(
    "call",
    [
        lambda model, x: model.fit(x, None, 32, 1, 0),  # Keras's order, `verbose` the fifth
        lambda model, x: model.first_stage.fit(x, None, 32, 1, 0),
        lambda model, x: model.evaluate(x, None, 32, 0),
        lambda model, x: model.sample(4, 1),  # a stage here, a seed there
        lambda model, x: model.first_stage.sample(4, 1),
        lambda model, x: model.second_stage.sample_batches(4, 1),
        lambda model, x: model.posteriors(x, 32),
    ],
)
def test_what_is_given_by_its_place_alone_is_refused(call, fitted, images):
    with pytest.raises(TypeError, match="positional argument"):
        call(fitted, images)
