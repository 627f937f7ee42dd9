import copy
import pickle

import pytest

from keras_tsvae.metrics import Score

WHOLE = Score(31.6247, "FID", "standard", "inception", 12_000, 10_000, 0.51)
BARE = Score(7.5, "IS", "dai-wipf", "judge", 500)


def test_a_score_says_what_it_was_measured_on():
    counts = "12,000 images against 10,000"
    expected = f"FID 31.62 ± 0.51 (standard protocol, {counts}, features inception)"
    assert repr(WHOLE) == str(WHOLE) == expected
    assert str(BARE) == "IS 7.5 (dai-wipf protocol, 500 images, features judge)"
    assert WHOLE == 31.6247 and BARE + 1 == 8.5


@pytest.mark.parametrize("score", [WHOLE, BARE])
@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))]
)
def test_copies_keep_all(score, again):
    assert again(score) == score and vars(again(score)) == vars(score)
