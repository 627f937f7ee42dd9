"""Curves where they belong: held against their closed form."""

import math
import re

import pytest

from keras_tsvae.experiments.report_curves import curves

pytestmark = pytest.mark.backend_free
LEFT, RIGHT, TOP, BOTTOM = 60, 388, 24, 196  # of the field in the drawing


def points(drawing, kind="training"):
    found = re.search(rf'<polyline class="{kind}" points="([^"]*)"', drawing)
    return [tuple(map(float, pair.split(","))) for pair in found[1].split()]


def test_points_are_linear_in_epoch_and_value():
    drawing = curves({"epoch": [0, 1, 2], "loss": [4.0, -4.0, 0.0]})
    assert drawing.count("<svg") == 1
    middle = (TOP + BOTTOM) / 2
    assert points(drawing) == [(LEFT, TOP), ((LEFT + RIGHT) / 2, BOTTOM), (RIGHT, middle)]
    assert "loss, 0 at last" in drawing and ">4<" in drawing and ">-4<" in drawing


def test_positive_values_of_several_magnitudes_are_logarithmic():
    ((_, y, _),) = [tuple(height for _, height in points(curves({"gamma": [1.0, 0.1, 0.001]})))]
    assert y == pytest.approx(TOP + (BOTTOM - TOP) / 3, abs=0.1)


def test_validation_shares_the_axes_of_training():
    drawing = curves({"loss": [2.0, 1.0], "val_loss": [3.0, 0.5]})
    assert drawing.count("<svg") == 1
    assert points(drawing, "validation") == [(LEFT, TOP), (RIGHT, BOTTOM)]
    heights = [y for _, y in points(drawing)]
    expected = [BOTTOM - (BOTTOM - TOP) * (value - 0.5) / 2.5 for value in (2.0, 1.0)]
    assert heights == pytest.approx(expected, abs=0.1)


def test_what_is_not_finite_is_left_out():
    drawing = curves({"loss": [math.nan, 1.0, math.inf, 3.0], "kl": [math.nan]})
    assert drawing.count("<svg") == 1 and len(points(drawing)) == 2
    assert "nan" not in drawing and "inf" not in drawing


def test_one_epoch_is_a_point_and_a_constant_a_line():
    assert '<circle class="training" cx="60.0"' in curves({"loss": [3.0]})
    assert {y for _, y in points(curves({"loss": [3.0, 3.0]}))} == {BOTTOM}


def test_long_curves_are_thinned_and_keep_their_last_value():
    values = [float(i % 7) for i in range(5000)] + [9.0]
    found = points(curves({"loss": values}))
    assert len(found) <= 402 and found[-1] == (RIGHT, TOP)


def test_the_loss_comes_first():
    drawing = curves({"active_units": [1.0], "gamma": [1.0], "loss": [1.0], "val_other": [1.0]})
    assert re.findall(r">(\w+), 1 at last", drawing) == ["loss", "gamma", "active_units"]


def test_thousands_are_written_out():
    drawing = curves({"loss": [11234.0, -7610.2]})
    assert ">11,234<" in drawing and "loss, -7,610 at last" in drawing
