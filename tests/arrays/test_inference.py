import numpy as np
import pytest

from keras_tsvae.arrays.inference import (
    DivergedError,
    batched,
    batches_of,
    collect,
    finite,
    with_progress,
)

ROWS = np.arange(14.0).reshape(7, 2)


@pytest.mark.parametrize("batch_size, lengths", [(3, [3, 3, 1]), (7, [7]), (9, [7]), (1, [1] * 7)])
def test_batches_are_all_rows_once(batch_size, lengths):
    batches = list(batched(lambda a, b: a + b, (ROWS, 2 * ROWS), batch_size))
    assert [len(batch) for batch in batches] == lengths
    np.testing.assert_array_equal(collect(batches, 7), 3 * ROWS)
    assert collect(batches, 7).dtype == ROWS.dtype
    assert list(batches_of((), 7, batch_size)) == [()] * len(lengths)


def test_batches_are_of_one_image_at_least():
    with pytest.raises(ValueError, match="`batch_size` must be a positive integer"):
        next(batched(lambda a: a, (ROWS,), 0))


def test_what_is_not_finite_is_named_when_its_turn_comes():
    batches = finite([ROWS, ROWS * np.inf], "latent vectors")
    assert next(batches) is ROWS
    with pytest.raises(DivergedError, match="Received: latent vectors with NaN or infinity"):
        next(batches)


@pytest.mark.parametrize("total", [3, None])
def test_progress_hands_on_all_batches(total, capsys):
    assert list(with_progress(iter("abc"), total)) == ["a", "b", "c"]
    assert "3/" in capsys.readouterr().out
