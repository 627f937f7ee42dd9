"""A run's pictures ask a model for nothing that it cannot draw."""

import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae.experiments import drawing
from tests.conditions import toy

pytestmark = pytest.mark.slow


@pytest.fixture
def asked(monkeypatch):
    """Draws what a model is asked for; returns the titles by the names of the pictures."""
    titles = []
    conditioned = drawing.plots.conditioned

    def watched(model, conditions, n=8):
        titles.extend(conditions)
        return conditioned(model, conditions, n=n)

    monkeypatch.setattr(drawing.plots, "conditioned", watched)

    def drawn(conditions, seen):
        titles.clear()
        return list(drawing._asked(toy.linear(conditions, seen=seen))), list(titles)

    return drawn


def test_attributes_that_never_occur_are_not_asked_for(asked):
    seen = toy.ROWS * [1, -1, 1]
    seen[:, 0] = -1
    names = tsvae.conditions.Attributes(toy.NAMES)
    assert asked(names, seen) == (["attributes"], ["north_east", "south_west"])
    assert asked(tsvae.conditions.Attributes(size=3), toy.ROWS) == ([], [])


def test_classes_that_never_occur_are_not_asked_for(asked):
    classes = tsvae.conditions.Classes(3)
    assert asked(classes, np.eye(3)) == (["classes"], [])  # in the grid of all
    assert asked(classes, np.eye(3)[[0, 2]]) == (["classes"], ["0", "2"])
