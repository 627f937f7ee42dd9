"""One model in several threads: all get what one thread alone gets."""

import concurrent.futures
import threading

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae.conditions import Attributes, JointConditions
from tests import tiny

pytestmark = pytest.mark.slow

THREADS, ROUNDS = 4, 3
IMAGES = tiny.images(12)


def conditional():
    """A model of known conditions that has not been used yet: nothing is compiled."""
    keras.utils.set_random_seed(0)
    first = tsvae.FirstStageVAE(*tiny.linear_networks(tiny.IMAGE_SHAPE, 2))
    second = tsvae.SecondStageVAE(2, width=4, depth=1, condition_dim=3)
    made = tsvae.ConditionalTwoStageVAE(first, second, Attributes(("a", "b", "c")))
    made.build((None, *tiny.IMAGE_SHAPE))
    made.joint = JointConditions.from_batches([np.float32([[1, 1, -1], [1, -1, 1]])])
    return made


def use(model, number):
    """What a thread does, another thing for every number."""
    codes = np.where(np.arange(3 * len(IMAGES)).reshape(-1, 3) % (number + 2), 1, -1)
    return [
        model.sample(9, seed=number, condition={"a": 1}, batch_size=4),
        model.sample(5, seed=number, stage=1),
        *model.encode(IMAGES[number:], batch_size=4),
        model.reconstruct(IMAGES, condition=codes),
        model.edit(IMAGES, {"b": 1}, condition=codes, strength=1.0 + number),
        model.edit(IMAGES[:3], {"c": -1}),  # whose conditions are inferred
        model.draw_conditions(7, seed=number),
    ]


def test_threads_get_what_one_thread_gets():
    shared, start = conditional(), threading.Barrier(THREADS)

    def work(number):
        start.wait()  # so that all compile at once
        return [use(shared, number) for _ in range(ROUNDS)]

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(work, range(THREADS)))
    alone = conditional()
    for number, rounds in enumerate(found):
        expected = use(alone, number)
        for results in rounds:
            for ours, theirs in zip(results, expected, strict=True):
                np.testing.assert_array_equal(ours, theirs)
