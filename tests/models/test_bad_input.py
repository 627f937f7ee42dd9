"""What a user gets wrong, and what is said about it."""

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from tests import tiny
from tests.harness import flat
from tests.reused import reused


class OneBadBatch(keras.utils.PyDataset):
    """Three batches of floats, of which the last is spoilt."""

    def __init__(self, bad):
        super().__init__()
        self.batches = [(tiny.images(16, seed=i) / 255.0).astype("float32") for i in range(3)]
        self.batches[2][3, 2, 2, 0] = bad

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return (self.batches[index],)


class Empty(keras.utils.PyDataset):
    def __len__(self):
        return 0


FLOATS = tiny.images(32) / 255.0
BAD_IMAGES = {
    "rank 3": (tiny.images(32)[..., 0], r"rank 4 .*grey images need a last axis.*\(32, 8, 8\)"),
    "rank 2": (FLOATS.reshape(32, 64), "rank 4"),
    "channels": (np.repeat(FLOATS, 3, -1), r"shape \(8, 8, 1\).* Received: .*\(8, 8, 3\)"),
    "side": (FLOATS[:, :7], r"shape \(8, 8, 1\).* Received: .*\(7, 8, 1\)"),
    "0 to 255": (FLOATS * 255, r"in \[0, 1\], or be uint8.*Received: min=0.0.*, max=2"),
    "-1 to 1": (FLOATS * 2 - 1, r"in \[0, 1\].*min=-1"),
    "NaN": (np.where(FLOATS > 0.9, np.nan, FLOATS), "finite.*nan"),
    "infinity": (np.where(FLOATS > 0.9, np.inf, FLOATS), "finite.*inf"),
    "int64": (tiny.images(32).astype("int64"), "uint8 .* or floating.*dtype=int64"),
    "bool": (tiny.images(32) > 100, "dtype=bool"),
    "no images": (FLOATS[:0], "not be empty"),
    "a string": ("mnist", r"array of images.*type\(x\)=str"),
    "None": (None, r"type\(x\)=NoneType"),
    "a dict": ({"x": FLOATS}, r"type\(x\)=dict"),
    "a generator": ((x for x in FLOATS), "type.*generator"),
    "three arrays": ((FLOATS, FLOATS, FLOATS), "pairs of images and labels.*tuple of 3"),
    "empty PyDataset": (Empty(), "at least one batch.*num_batches=0"),
}


@pytest.fixture(scope="module")
def stage():
    """Nothing that is refused changes it."""
    return tiny.first_stage()


@pytest.mark.parametrize("case", BAD_IMAGES)
@pytest.mark.parametrize("method", ["fit", "encode", "reconstruct", "evaluate", "posteriors"])
def test_bad_images_are_refused_everywhere_before_anything_happens(case, method, stage):
    bad, message = BAD_IMAGES[case]
    with pytest.raises(ValueError, match=message):
        getattr(stage, method)(bad, batch_size=16)
    assert int(flat(stage.optimizer.iterations)[0]) == 0


@pytest.mark.parametrize("case", ["rank 3", "0 to 255", "NaN", "no images"])
def test_bad_images_are_refused_by_an_unbuilt_model_and_as_validation_data(case):
    bad, message = BAD_IMAGES[case]
    model = reused(tiny.two_stage)
    with pytest.raises(ValueError, match=message):
        model.fit(bad, batch_size=16)
    with pytest.raises(ValueError, match=message):
        model.fit(FLOATS, batch_size=16, validation_data=bad)
    assert int(flat(model.first_stage.optimizer.iterations)[0]) == 0


@pytest.mark.parametrize(
    "kind, bad, place",
    [("PyDataset", np.nan, 2), ("PyDataset", -0.1, 2), ("tf.data", np.nan, 2), ("tf.data", 1.5, 0)],
)
def test_a_bad_batch_of_a_stream_leaves_the_weights_alone(bad, kind, place):
    data = OneBadBatch(bad)
    data.batches.insert(place, data.batches.pop())

    def steps_of(batches):
        keras.utils.set_random_seed(2)
        stage = reused(tiny.first_stage)
        if kind == "tf.data":
            tf = pytest.importorskip("tensorflow")
            stream = tf.data.Dataset.from_generator(
                lambda: iter(batches), output_signature=tf.TensorSpec((None, 8, 8, 1))
            )
        else:
            stream = OneBadBatch(0.5)
            stream.batches = batches
        try:
            if batches:
                stage.fit(stream, verbose=0, shuffle=False)
        except ValueError as error:
            return stage, error
        return stage, None

    (spoilt, error), (clean, none) = steps_of(data.batches), steps_of(data.batches[:place])
    assert "must hold finite values in [0, 1]" in str(error) and "Received" in str(error)
    assert none is None
    for a, b in zip(spoilt.get_weights(), clean.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_bad_streams_of_tf_data(stage):
    tf = pytest.importorskip("tensorflow")
    sets = {
        "not be empty": tf.data.Dataset.from_tensor_slices(FLOATS).batch(64, drop_remainder=True),
        "rank 4": tf.data.Dataset.from_tensor_slices(FLOATS),
        r"Received: images of shape \(4, 8, 1\)": tf.data.Dataset.from_tensors(FLOATS[:, :4]),
        "tuple of 3": tf.data.Dataset.from_tensors((FLOATS, 0, 0)),
        "dict": tf.data.Dataset.from_tensors({"x": FLOATS}),
        "dtype=int32": tf.data.Dataset.from_tensors(tf.zeros((4, 8, 8, 1), tf.int32)),
    }
    sets["a tf.data.Dataset with no batch"] = tf.data.Dataset.from_tensors(FLOATS).filter(
        lambda x: False
    )
    for message, data in sets.items():
        with pytest.raises(ValueError, match=message):
            stage.fit(data, verbose=0)
    with pytest.raises(ValueError, match="never ends"):
        stage.posteriors(tf.data.Dataset.from_tensors(FLOATS.astype("float32")).repeat())
    with pytest.raises(ValueError, match="`batch_size` must not be given"):
        stage.fit(tf.data.Dataset.from_tensors(FLOATS), batch_size=8)


def test_a_data_set_smaller_than_a_batch():
    model = reused(tiny.two_stage)
    with pytest.raises(ValueError, match="batch_size=64 for 32 examples"):
        model.fit(FLOATS)
    with pytest.raises(ValueError, match="`batch_size` must be a positive integer"):
        model.fit(FLOATS, batch_size=0)
    with pytest.raises(ValueError, match="batch_size=33 for 32 examples"):
        model.second_stage.fit(model.first_stage.posteriors(FLOATS), batch_size=33)


@pytest.mark.parametrize("call", ["sample", "sample_batches"])
def test_bad_sampling_arguments(fitted, call):
    sample = getattr(fitted, call)
    for n in (0, -3, 2.5, "4", None, True):
        with pytest.raises(ValueError, match="`n` must be a positive integer. Received: n="):
            sample(n)
    for stage in (3, 0, "2", None, True, np.ones(2)):
        with pytest.raises(ValueError, match="`stage` must be 1, 2 or 'mixture'. Received"):
            sample(4, stage=stage)
    for seed in (-1, 1.5, "0"):
        with pytest.raises(ValueError, match="`seed` must be an integer of at least 0"):
            sample(4, seed=seed)
    with pytest.raises(ValueError, match="`batch_size` must be a positive integer"):
        sample(4, batch_size=0)


def test_bad_latent_vectors(fitted):
    for z in (
        np.zeros(4),
        np.zeros((3, 5)),
        np.zeros((0, 4)),
        np.full((2, 4), np.nan),
        [["a"] * 4],
    ):
        with pytest.raises(ValueError, match="`z` must"):
            fitted.decode(z)
        with pytest.raises(ValueError, match="`u` must"):
            fitted.second_stage.decode(z)


def test_bad_interpolations(fitted, images):
    with pytest.raises(ValueError, match="`steps` must be at least 2"):
        fitted.interpolate(images[0], images[1], 1)
    with pytest.raises(ValueError, match="`a` and `b` must have one shape"):
        fitted.interpolate(images[0], images[:2], 3)


def test_networks_that_do_not_fit():
    with pytest.raises(ValueError, match="`decoder` must return the shape .*16, 16.*8, 8"):
        tsvae.FirstStageVAE(
            tiny.encoder(), tsvae.networks.ResNetDecoder((16, 16, 1), 4, base_dim=2)
        )
    with pytest.raises(ValueError, match="`encoder` must return a pair"):
        tsvae.FirstStageVAE(tiny.decoder(), tiny.encoder())
    x = keras.Input((8, 8, 1))
    heads = [keras.layers.Dense(n)(keras.layers.Flatten()(x)) for n in (4, 5)]
    with pytest.raises(ValueError, match="one shape .*Received: mean.shape"):
        tsvae.FirstStageVAE(keras.Model(x, heads), tiny.decoder())
    with pytest.raises(ValueError, match="one latent width. Received: 4 and 5"):
        tsvae.TwoStageVAE(tiny.first_stage(), tsvae.SecondStageVAE(5, 8, 1))


def test_one_optimiser_for_both_stages_is_refused():
    optimizer = keras.optimizers.Adam()
    with pytest.raises(ValueError, match="must be two objects"):
        tiny.two_stage().compile(optimizer, optimizer)


@pytest.mark.parametrize("name", ["epochs", "second_stage_epochs"])
def test_bad_epochs(name):
    with pytest.raises(ValueError, match=f"`{name}` must be an integer of at least 0"):
        reused(tiny.two_stage).fit(FLOATS, batch_size=16, **{name: -1})


def test_fitting_without_compile_says_so():
    model = tsvae.TwoStageVAE(
        tsvae.FirstStageVAE(*tiny.dense_networks()), tsvae.SecondStageVAE(4, 8, 1)
    )
    with pytest.raises(ValueError, match="compile"):
        model.fit(FLOATS, batch_size=16)


def test_a_model_that_was_never_built(tmp_path):
    decoder = keras.Sequential([keras.layers.Dense(64), keras.layers.Reshape((8, 8, 1))])
    encoder = keras.layers.Lambda(lambda x: (x[:, 0, :4, 0], x[:, 1, :4, 0]))
    model = tsvae.TwoStageVAE(tsvae.FirstStageVAE(encoder, decoder), tiny.second_stage())
    for use in (
        lambda: model.save(tmp_path / "m.keras"),
        lambda: model.first_stage.save(tmp_path / "m.keras"),
        lambda: model.export(tmp_path / "m"),
        lambda: model.sample(3),
        lambda: model.sample(3, stage=1),
        lambda: model.decode(np.zeros((1, 4))),
        lambda: model.encode(FLOATS),
    ):
        with pytest.raises(ValueError, match="The model must be built before"):
            use()
    assert not list(tmp_path.iterdir())


def test_saving_over_a_file_needs_leave(fitted, tmp_path):
    fitted.save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match="`filepath` must not exist unless `overwrite`"):
        fitted.save(tmp_path / "m.keras", overwrite=False)


def test_a_truncated_model_file_is_named(fitted, tmp_path):
    path = tmp_path / "model.keras"
    fitted.save(path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ValueError, match="model.keras"):
        keras.saving.load_model(path)


@pytest.mark.parametrize(
    "bad, message",
    [
        ((np.zeros((9, 5)), np.ones((9, 5))), "width 4"),
        ((np.zeros((9, 4)), np.ones((8, 4))), "one shape"),
        ((np.zeros((9, 4)), -np.ones((9, 4))), "must not be negative"),
        ((np.full((9, 4), np.nan), np.ones((9, 4))), "must be finite"),
        (np.zeros((9, 4)), "pair of arrays"),
        ("posteriors", "pair of arrays"),
    ],
)
def test_bad_posteriors(bad, message):
    with pytest.raises(ValueError, match=message):
        reused(tiny.second_stage).fit(bad, batch_size=4)


def test_things_that_are_no_networks_or_stages():
    with pytest.raises(ValueError, match="`encoder` must be a Keras layer or model"):
        tsvae.FirstStageVAE(lambda x: (x, x), tiny.decoder())
    with pytest.raises(ValueError, match="`first_stage` must be a FirstStageVAE"):
        tsvae.TwoStageVAE(tiny.second_stage(), tiny.first_stage())
    z = keras.Input((4,))
    narrow = keras.Model(z, [keras.layers.Dense(2)(z), keras.layers.Dense(2)(z)])
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4)])
    with pytest.raises(ValueError, match="u of width 4, that of z. Received: width 2"):
        tsvae.SecondStageVAE(4, encoder=narrow, decoder=decoder)


def test_what_the_second_stage_needs_is_checked_before_the_first_is_trained(tmp_path):
    model = reused(tiny.two_stage)
    with pytest.raises(ValueError, match="`posteriors_path` must name a file"):
        model.fit(FLOATS, batch_size=16, posteriors_path=tmp_path)
    with pytest.raises(ValueError, match="`posteriors_memory_limit` must be an integer"):
        model.fit(FLOATS, batch_size=16, posteriors_memory_limit=None)
    assert int(flat(model.first_stage.optimizer.iterations)[0]) == 0


def test_only_keras_files_are_saved(fitted, tmp_path):
    for name in ("model", "model.h5"):
        with pytest.raises(ValueError, match=f"must end in '.keras'. Received: .*{name}'"):
            fitted.save(tmp_path / name)


def test_an_endless_data_set_is_refused_before_training():
    tf = pytest.importorskip("tensorflow")
    endless = tf.data.Dataset.from_tensors(FLOATS.astype("float32")).repeat()
    for fit in (reused(tiny.two_stage).fit, reused(tiny.first_stage).fit):
        with pytest.raises(ValueError, match="never ends"):
            fit(endless)
    history = reused(tiny.first_stage).fit(endless, steps_per_epoch=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
