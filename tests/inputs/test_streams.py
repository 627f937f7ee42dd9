"""Streams are read as often as they are used, and no batch of them for a check alone."""

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae import inputs
from tests import tiny
from tests.conditions import toy
from tests.reused import reused

pytestmark = pytest.mark.slow

tf = pytest.importorskip("tensorflow")

IMAGES, ATTRIBUTES = toy.data(64)
SPEC = tf.TensorSpec((None, *tiny.IMAGE_SHAPE), "uint8")
PAIRS = (SPEC, tf.TensorSpec((None, 3), "int64"))


class Source:
    """A generator's function that counts the batches it yields, and yields them once at most."""

    def __init__(self, once=False, pairs=False, count=4):
        self.once, self.pairs, self.count = once, pairs, count
        self.read = self.passes = 0

    def __call__(self):
        self.passes += 1
        for index in range(0 if self.once and self.passes > 1 else self.count):
            self.read += 1
            rows = slice(16 * index % 64, 16 * index % 64 + 16)
            yield (IMAGES[rows], ATTRIBUTES[rows]) if self.pairs else IMAGES[rows]

    def dataset(self, spec=SPEC):
        return tf.data.Dataset.from_generator(self, output_signature=PAIRS if self.pairs else spec)


class OneShot(Source):
    """Goes on where it was left off: what is read for a check is lost."""

    def __call__(self):
        self.passes += 1
        while self.read < self.count:
            self.read += 1
            yield IMAGES[16 * self.read - 16 : 16 * self.read]


@pytest.fixture(scope="module")
def stage():
    keras.utils.set_random_seed(0)
    made = tsvae.FirstStageVAE(*tiny.linear_networks(tiny.IMAGE_SHAPE, 2))
    made.compile(keras.optimizers.SGD(1e-3))
    return made


def steps(stage, fit):
    before = int(keras.ops.convert_to_numpy(stage.optimizer.iterations))
    fit()
    return int(keras.ops.convert_to_numpy(stage.optimizer.iterations)) - before


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_stage_reads_a_stream_once_an_epoch(stage, shuffled):
    source, held_out = Source(), Source(count=2)
    data = source.dataset().shuffle(1000) if shuffled else source.dataset()
    assert steps(stage, lambda: stage.fit(data, verbose=0)) == 4
    assert (source.read, source.passes) == (4, 1)
    stage.fit(data, epochs=2, validation_data=held_out.dataset(), verbose=0)
    assert (source.read, source.passes) == (12, 3)
    assert (held_out.read, held_out.passes) == (4, 2)
    for use in (stage.encode, stage.posteriors, stage.reconstruct, stage.evaluate):
        source.read = source.passes = 0
        use(data)
        assert (source.read, source.passes) == (4, 1), use


def test_no_batch_of_a_stream_that_is_read_once_is_lost(stage):
    for spec in (SPEC, tf.TensorSpec(None, "uint8"), tf.TensorSpec((None,) * 4, "uint8")):
        for shuffle in (1, 1000):
            source = OneShot()
            data = source.dataset(spec).shuffle(shuffle)
            assert steps(stage, lambda: stage.fit(data, verbose=0)) == 4
            np.testing.assert_equal(len(stage.posteriors(OneShot().dataset(spec))), 64)
    loaded = stage.encode(OneShot().dataset())[0]
    np.testing.assert_allclose(loaded, stage.encode(IMAGES)[0], atol=1e-5)


@pytest.mark.parametrize("whole", [True, False])
def test_a_stream_that_is_used_up_says_so(stage, whole):
    """Not an epoch of nothing."""
    model = reused(tiny.two_stage) if whole else stage
    with pytest.raises(ValueError, match="`x` must not be empty.*read only once"):
        model.fit(Source(once=True).dataset(), epochs=1 if whole else 2, verbose=0)
    with pytest.raises(ValueError, match="`validation_data` must not be empty"):
        stage.fit(IMAGES, validation_data=Source(count=0).dataset(), verbose=0)
    with pytest.raises(ValueError, match="`x` must not be empty"):
        stage.evaluate(Source(count=0).dataset())


def test_both_stages_read_a_stream_once_an_epoch_and_once_to_encode_it():
    source, held_out = Source(), Source(count=2)
    arguments = {"epochs": 2, "second_stage_epochs": 1, "verbose": 0}
    data = source.dataset().shuffle(1000)
    model = reused(tiny.two_stage)
    model.fit(data, validation_data=held_out.dataset(), **arguments)
    assert (source.passes, source.read) == (3, 12)
    assert (held_out.passes, held_out.read) == (3, 6)
    source.read = source.passes = 0
    model.evaluate(data)
    assert (source.passes, source.read) == (2, 8)  # each stage


def test_a_conditional_model_reads_a_stream_once_more_for_its_conditions():
    source, held_out = Source(pairs=True), Source(pairs=True)
    model = reused(toy.linear)
    arguments = {"epochs": 2, "second_stage_epochs": 1, "recognizer_epochs": 3, "verbose": 0}
    arguments["correct_conditions"] = False
    model.fit(source.dataset().shuffle(1000), validation_data=held_out.dataset(), **arguments)
    assert (source.passes, source.read) == (1 + 3 + 2 + 1, 28)
    assert (held_out.passes, held_out.read) == (3, 12)


def test_endless_streams_are_taken_where_their_length_is_given(stage):
    endless = Source(count=10**9).dataset().apply(tf.data.experimental.assert_cardinality(-1))
    stage.evaluate(endless, steps=3, verbose=0)
    stage.fit(endless, steps_per_epoch=2, validation_data=endless, validation_steps=2, verbose=0)
    assert tsvae.callbacks.LatentReport(endless, num_images=40).data.shape == (40, 8, 8, 1)
    for use in (stage.fit, stage.evaluate, stage.encode):
        with pytest.raises(ValueError, match="`x` must be finite"):
            use(endless)
    with pytest.raises(ValueError, match="`validation_data` must be finite"):
        stage.fit(endless, steps_per_epoch=2, validation_data=endless, verbose=0)


def test_bad_batches_in_the_middle_are_named(stage):
    good = (IMAGES[:16] / 255).astype("float32")

    def data(bad):
        spec = tf.TensorSpec(None, "float32")
        parts = iter([good, bad])
        return tf.data.Dataset.from_generator(lambda: parts, output_signature=spec)

    for bad, rule in [
        (2 * good, "must hold finite values"),
        (good[:, :7], r"must hold images of shape \(8, 8, 1\).*Received: .*16 7 8 1"),
        (good[0], r"must hold images of shape \(8, 8, 1\).*Received: .*8 8 1"),
    ]:
        for use in (stage.fit, stage.evaluate, stage.encode):
            with pytest.raises(ValueError, match=f"`x` {rule}"):
                use(data(bad))
        with pytest.raises(ValueError, match=f"`validation_data` {rule}"):
            stage.fit(IMAGES, validation_data=data(bad), verbose=0)


def test_a_model_that_is_not_built_needs_a_shape():
    encoder = keras.layers.Lambda(lambda x: (x[:, 0, :4, 0], x[:, 1, :4, 0]))
    decoder = keras.Sequential([keras.layers.Dense(64), keras.layers.Reshape((8, 8, 1))])
    stage = tsvae.FirstStageVAE(encoder, decoder)
    stage.compile("sgd")
    source = OneShot()
    with pytest.raises(ValueError, match="`x` must say the shape of its images"):
        stage.fit(source.dataset(tf.TensorSpec(None, "uint8")))
    assert source.read == 0
    with pytest.raises(ValueError, match="`images` must say the shape"):
        inputs.image_shape_of(source.dataset(tf.TensorSpec(None, "uint8")), "images")
