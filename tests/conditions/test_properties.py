"""Whatever is given for a condition is coded, or refused by name, by conditions of every kind."""

import warnings

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from keras_tsvae.conditions import Attributes, Classes, JointConditions, Number, Vector
from keras_tsvae.conditions.requests import for_each, requested, whole
from tests.properties import ODD, examples, refused

pytestmark = pytest.mark.backend_free

NAMES = ("a", "b", "c")
KINDS = {  # with labels of training
    "attributes": (Attributes(NAMES), [[1, 1, -1], [1, -1, 1]]),
    "attributes without names": (Attributes(size=3), [[1, 1, -1], [1, -1, 1]]),
    "classes": (Classes(names=NAMES), [0, 1, 2]),
    "classes without names": (Classes(3), [0, 1, 2]),
    "number": (Number(), [1.0, 2.0]),
    "vector": (Vector(names=NAMES), [[0.1, 0.2, 0.3], [1, 2, 3]]),
    "vector without names": (Vector(3), [[0.1, 0.2, 0.3], [1, 2, 3]]),
}


class Table:
    """As little of a pandas DataFrame as is asked of one."""

    ndim = 2

    def __init__(self, columns, n, value):
        self.columns, self.rows = columns, np.full((n, len(columns)), value)

    def __getitem__(self, name):
        return self.rows[:, self.columns.index(name)]

    def __len__(self):
        return len(self.rows)

    def __array__(self, dtype=None, copy=None):
        return self.rows


SCALARS = st.one_of(
    st.sampled_from((-1, 1, 0, 2, *NAMES, "A", "zz", *ODD)),
    st.sampled_from(
        (np.float32(1), np.int8(-1), np.str_("a"), np.array(1), np.array([1]), 10**400)
    ),
    st.floats(width=32),
)
KEYS = st.sampled_from((*NAMES, "A", "zz", 0, None, (1,)))
ARRAYS = st.builds(
    lambda shape, dtype, value: np.full(shape, value).astype(dtype),
    st.lists(st.integers(0, 4), max_size=3),
    st.sampled_from(("f4", "i8", "u1", "?", "U1", "O", "c8", "g", ">f4", "M8[s]")),
    st.sampled_from((0, 1, -1, 2)),
)
TABLES = st.builds(
    Table,
    st.lists(st.sampled_from((*NAMES, "d", 0, 1, 2)), max_size=4),
    st.integers(0, 2),
    st.sampled_from((0, 1, -1, 0.5)),
)
VALUES = st.one_of(
    st.recursive(
        SCALARS,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.lists(inner, max_size=3).map(tuple),
            st.dictionaries(KEYS, inner, max_size=3),
        ),
        max_leaves=6,
    ),
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from((1, -1, 0)), max_size=3),
    st.lists(st.sampled_from((1, -1)), min_size=3, max_size=3),
    ARRAYS,
    ARRAYS.map(np.ma.masked_array),
    TABLES,
)


@pytest.mark.parametrize("kind", KINDS)
@examples(60)
@hypothesis.given(value=VALUES, n=st.integers(1, 3))
def test_conditions_are_coded_or_refused_by_name(kind, value, n):
    conditions, labels = KINDS[kind]
    joint = JointConditions.from_batches([conditions.encode(labels)])
    rows, low, high = joint.rows[:1], joint.rows.min(0), joint.rows.max(0)

    def check(codes, *shape):
        assert codes.shape[-1] == conditions.size and np.isfinite(codes).all()
        assert codes.dtype == "float32" and codes.shape[:-1] in (shape, (len(codes),) * (not shape))

    def draw():
        uniform = np.linspace(0, 1, n)
        check(requested(conditions, joint, value, n)(slice(0, n), uniform), n)

    calls = (
        draw,
        lambda: check(conditions.encode(value)),
        lambda: check(conditions.changed(np.repeat(rows, n, 0), value), n),
        lambda: check(for_each(whole(conditions, value), n), n),
        lambda: check(conditions.path(rows, value, 3, low, high), 1, 3),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for call in calls:
            refused(call)


def test_what_was_something_else_once():
    """Names that are arrays, rows of different lengths, numbers that are too large or complex."""
    attributes, classes = Attributes(NAMES), Classes(names=NAMES)
    low, high = np.full(3, -1.0), np.ones(3)
    for name in (np.zeros(3), np.array([]), [1, 2], {"a": 1}):
        with pytest.raises(ValueError, match="`condition` must name"):
            attributes.path(low[None], name, 3, low, high)
    for odd in ([{"a": 1}, ()], [[1, 2], [1]], {"a": [[1], [1, 2]]}):
        with pytest.raises(ValueError, match="`conditions?` must"):
            classes.request(odd)
    for value in (1 + 0j, [[1], [1, 2]], 10**400):
        with pytest.raises(ValueError, match="`condition` must give"):
            attributes.request({"a": value})
    with pytest.raises(ValueError, match="`condition` must give numbers"):
        Vector(names=NAMES).request({"a": 10**400})
