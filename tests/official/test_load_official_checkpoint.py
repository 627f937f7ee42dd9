import os
import pathlib
import re

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae import losses
from keras_tsvae.backend.keras_internals import shapes_alone

pytestmark = pytest.mark.slow

tf1 = pytest.importorskip("tests.official.tf1")
SHAPES = {"resnet": (8, 8, 2), "infogan": (12, 12, 1), "wae": (16, 16, 3)}


@pytest.mark.parametrize("network", SHAPES)
def test_a_checkpoint_gives_its_outputs(network, tmp_path):
    expected = tf1.write(tmp_path / "stage2", network, SHAPES[network], adam=True)
    model = tsvae.load_official_checkpoint(tmp_path / "stage2", network, SHAPES[network])
    check_outputs(model, expected, 2e-5)
    check_outputs(round_trip(model, tmp_path), expected, 2e-5)
    norms = [w for w in model.first_stage.weights if w.name == "num_updates"]
    assert norms and all(float(keras.ops.convert_to_numpy(w)) == 30 for w in norms)


def round_trip(model, tmp_path):
    model.save(tmp_path / "model.keras")
    return keras.saving.load_model(tmp_path / "model.keras")


def check_outputs(model, expected, tolerance):
    first, second = model.first_stage, model.second_stage
    ours = dict(zip(("mu_z", "sd_z"), first.encode(expected["x"])))
    ours |= dict(zip(("mu_u", "sd_u"), second.encode(expected["z"])))
    ours |= {"x_hat": first.decode(expected["z"]), "z_hat": second.decode(expected["u"])}
    ours |= {"gamma_x": first.gamma, "gamma_z": second.gamma}
    for name, value in ours.items():
        scale = np.abs(expected[name]).max()
        np.testing.assert_allclose(value, expected[name], atol=tolerance * scale, err_msg=name)


def test_the_first_stage_alone_gives_a_first_stage(tmp_path):
    expected = tf1.write(tmp_path / "stage1", "resnet", (8, 8, 2), stages=1)
    model = tsvae.load_official_checkpoint(str(tmp_path / "stage1"), "resnet", (8, 8, 2))
    assert type(model) is tsvae.FirstStageVAE
    np.testing.assert_allclose(model.decode(expected["z"]), expected["x_hat"], atol=1e-5)


def test_a_checkpoint_trained_with_the_cross_entropy(tmp_path):
    expected = tf1.write(tmp_path / "stage1", "infogan", (8, 8, 1), stages=1)
    arguments = (tmp_path / "stage1", "infogan", (8, 8, 1))
    model = tsvae.load_official_checkpoint(*arguments, likelihood="cross_entropy")
    assert model.likelihood == "cross_entropy" and model.gamma is None
    np.testing.assert_allclose(model.decode(expected["z"]), expected["x_hat"], atol=1e-5)


@pytest.mark.parametrize(
    "network, name",
    [
        ("resnet", "stage1/encoder/conv0/kernel"),
        ("resnet", "stage1/encoder/scale0/block1/layer0/kernel"),
        ("resnet", "stage1/decoder/scale0/block0/bn0_w/variance"),
        ("resnet", "stage1/encoder/dense/bias"),
        ("resnet", "stage1/decoder/loggamma_x"),
        ("infogan", "stage1/encoder/fc3/stage1/encoder/fc3/Matrix0/u_var"),
        ("infogan", "stage1/encoder/bn2_w/stage1/encoder/bn2_w/mean/local_step"),
        ("wae", "stage1/decoder/conv2d_transpose_3/bias"),
        ("wae", "stage2/decoder/fc1/kernel"),
        ("wae", "stage2/encoder/fc0/bias"),
    ],
)
def test_a_missing_variable_is_named(network, name, tmp_path):
    tf1.write(tmp_path / "model", network, SHAPES[network], skip=[name])
    with shapes_alone(), pytest.raises(ValueError, match=f"missing .*{name}"):
        tsvae.load_official_checkpoint(tmp_path / "model", network, SHAPES[network])


@pytest.mark.parametrize("name", ["stage1/encoder/conv9/kernel", "stage3/w", "conv0/kernel/Adam"])
def test_an_unexpected_variable_is_named(name, tmp_path):
    tf1.write(tmp_path / "model", "resnet", (8, 8, 2), further=[name])
    with shapes_alone(), pytest.raises(ValueError, match=f"unexpected {name}$"):
        tsvae.load_official_checkpoint(tmp_path / "model", "resnet", (8, 8, 2))


@pytest.mark.parametrize(
    "network, name, shape",
    [
        ("resnet", "stage1/encoder/conv0/bias", ()),
        ("resnet", "stage1/encoder/dense/bias", (7,)),
        ("resnet", "stage1/encoder/conv0/kernel", (0, 0, 0, 0)),
        ("resnet", "stage1/encoder/scale0/block0/layer0/bias", (9,)),
        ("resnet", "stage1/encoder/scale0/block0/bn0_w/gamma", ()),
        ("infogan", "stage1/encoder/fc3/bias", (11,)),
        ("wae", "stage1/decoder/conv2d_transpose/bias", (1,)),
    ],
)
def test_a_variable_of_another_shape_is_named(network, name, shape, tmp_path):
    tf1.write(tmp_path / "model", network, SHAPES[network], reshaped={name: shape})
    message = f"{name} .*{re.escape(str(shape))}"
    with shapes_alone(), pytest.raises(ValueError, match=message):
        tsvae.load_official_checkpoint(tmp_path / "model", network, SHAPES[network])


def test_even_variables_without_effect_are_checked(tmp_path):
    scope = "stage1/encoder/bn2_w"
    name = f"{scope}/{scope}/mean/biased"
    tf1.write(tmp_path / "model", "infogan", (8, 8, 1), reshaped={name: (3,)})
    with shapes_alone(), pytest.raises(ValueError, match=f"{name} .*3"):
        tsvae.load_official_checkpoint(tmp_path / "model", "infogan", (8, 8, 1))


def test_another_image_shape_or_network_is_refused(tmp_path):
    tf1.write(tmp_path / "model", "resnet", (8, 8, 2))
    load = tsvae.load_official_checkpoint
    with pytest.raises(ValueError, match=r"\(5, 5, 2, 3\) for float \(5, 5, 1, 3\)"):
        load(tmp_path / "model", "resnet", (8, 8, 1))
    with pytest.raises(ValueError, match="missing .*stage1/decoder/scale2/block0"):
        load(tmp_path / "model", "resnet", (16, 16, 2))
    with pytest.raises(ValueError, match="missing stage1/encoder/conv1/biases"):
        load(tmp_path / "model", "infogan", (8, 8, 2))
    with pytest.raises(ValueError, match="power of two as its side. Received: image_shape="):
        load(tmp_path / "model", "resnet", (28, 28, 1))
    with pytest.raises(ValueError, match="must be square"):
        load(tmp_path / "model", "infogan", (8, 16, 1))
    with pytest.raises(ValueError, match="`network` must be one of .* Received: network='vgg'"):
        load(tmp_path / "model", "vgg", (8, 8, 2))


def test_what_is_no_checkpoint_is_named(tmp_path):
    load = tsvae.load_official_checkpoint
    with pytest.raises(ValueError, match="there is no .*nowhere.index"):
        load(tmp_path / "nowhere", "resnet", (8, 8, 2))
    tf1.write(tmp_path / "model", "resnet", (8, 8, 2))
    data = tmp_path / "model.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:1000])
    with pytest.raises(ValueError, match="that TensorFlow can read. Received: .*model"):
        load(tmp_path / "model", "resnet", (8, 8, 2))
    (tmp_path / "model.index").write_bytes(b"no index")
    with pytest.raises(ValueError, match="that TensorFlow can read. Received: .*model"):
        load(tmp_path / "model", "resnet", (8, 8, 2))


@pytest.mark.parametrize(
    "name, network", [("resnet_a", "resnet"), ("resnet_b", "resnet"), ("infogan", "infogan")]
)
def test_the_official_codes_own_checkpoints(golden, name, network):
    expected = golden(name)
    prefix = pathlib.Path(os.environ["KERAS_TSVAE_DATA"], "golden", name)
    model = tsvae.load_official_checkpoint(prefix, network, expected["x"].shape[1:])
    check_outputs(model, expected, 1e-5)
    for number, stage, data, code in (
        (1, model.first_stage, expected["x"], "z"),
        (2, model.second_stage, expected["z"], "u"),
    ):
        noise = drawn_noise(expected, stage) if number == 2 else np.zeros_like(expected["z"])
        terms, gradients = terms_and_gradients(stage, data, expected[code], noise)
        for ours, theirs in (("kl", "kl_loss"), ("nll", "gen_loss"), ("loss", "loss")):
            np.testing.assert_allclose(terms[ours].mean(), expected[f"{theirs}{number}"], rtol=1e-4)
        given = official_gradients(expected, number, stage)
        assert given
        for name, (variable, gradient) in given.items():
            ours, scale = gradients[id(variable)], np.abs(gradient).max()
            np.testing.assert_allclose(ours, gradient, atol=1e-3 * scale, err_msg=name)


def official_gradients(expected, number, stage):
    """Returns our variables and the official gradients by the official names."""
    names = {"mu_u": "mean", "logsd_u": "log_std", "z_hat": "z"}
    result = {}
    for key in expected:
        if not key.startswith(f"grad{number}/"):
            continue
        if "loggamma" in key:
            result[key] = (stage.log_gamma, expected[key])
            continue
        network, layer, weight = key.split("/")[2:]
        layer = names.get(layer, layer.replace("fc", "hidden_"))
        variable = getattr(getattr(stage, network).get_layer(layer), weight)
        result[key] = (variable, expected[key])
    return result


def drawn_noise(expected, stage):
    """Returns the noise that the official graph drew for its gradients, from two of them.

    It was given the sample u, but its gradients flow through `mean + std * noise`, with a noise
    of their own: `d loss / d log_std = d kl / d log_std + (d nll / d u) * std * noise`.
    """
    hidden = keras.Model(stage.encoder.inputs, stage.encoder.get_layer("skip").output)
    features = np.asarray(hidden(expected["z"]), "float64")
    n, mean, std = len(features), expected["mu_u"], expected["sd_u"]
    to_mean, to_log_std = (
        np.linalg.lstsq(features.T, expected[f"grad2/stage2/encoder/{head}/kernel"], rcond=None)[0]
        for head in ("mu_u", "logsd_u")
    )
    return (to_log_std - (std**2 - 1) / n) / ((to_mean - mean / n) * std)


def terms_and_gradients(stage, data, code, noise):
    """Returns loss terms of a batch in evaluation, and the gradients of their mean loss.

    The value of the posterior sample is `code`; gradients flow through `mean + std * noise`.
    """
    code, noise = (keras.ops.cast(array, "float32") for array in (code, noise))
    variables = stage.trainable_variables

    def measure():
        x = stage.targets((keras.ops.convert_to_tensor(data),))
        mean, log_std = stage.encoder(x)
        path = mean + keras.ops.exp(log_std) * noise
        sample = path + keras.ops.stop_gradient(code - path)
        kl = losses.kl_divergence(mean, log_std)
        terms = {"kl": kl, **stage.reconstruction_terms(x, sample)}
        terms["loss"] = terms["kl"] + terms["nll"]
        return keras.ops.mean(terms["loss"]), terms

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss, terms = measure()
        gradients = tape.gradient(loss, [v.value for v in variables])
    else:
        import jax

        def stateless(values):
            with keras.StatelessScope(state_mapping=list(zip(variables, values))):
                return measure()

        gradients, terms = jax.jit(jax.grad(stateless, has_aux=True))([v.value for v in variables])
    terms = {name: np.asarray(value) for name, value in terms.items()}
    return terms, {id(v): np.asarray(g) for v, g in zip(variables, gradients) if g is not None}
