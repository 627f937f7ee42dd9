"""The official code's networks, written again in TensorFlow 1's way, to write checkpoints with.

Only as much as it takes: variables under the official names, and evaluation. Widths may be
smaller than the official ones.
"""

import functools

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
RNG = np.random.default_rng


class Graph:
    """A TensorFlow 1 graph whose variables are random, and can be saved and run."""

    def __init__(self, seed=0):
        self.graph = tf.Graph()
        self.rng = RNG(seed)

    def variable(self, name, shape, low=-0.3, high=0.3):
        value = self.rng.uniform(low, high, shape).astype("float32")
        return v1.get_variable(name, initializer=tf.constant(value))

    def linear(self, x, name, units, kernel="kernel", bias="bias", spectral=False):
        w = self.variable(f"{name}/{kernel}", (x.shape[-1], units))
        scaled = self.spectral(w, f"{name}/{name}/{kernel}0/u_var") if spectral else w
        return tf.matmul(x, scaled) + self.variable(f"{name}/{bias}", (units,))

    def conv(self, x, name, units, side, stride=1, kernel="kernel", bias="bias", spectral=False):
        w = self.variable(f"{name}/{kernel}", (side, side, x.shape[-1], units))
        scaled = self.spectral(w, f"{name}/{name}/{kernel}0/u_var") if spectral else w
        y = tf.nn.conv2d(x, scaled, stride, "SAME")
        return y + self.variable(f"{name}/{bias}", (units,))

    def deconv(self, x, name, units, side, stride=2, kernel="kernel", bias="bias"):
        w = self.variable(f"{name}/{kernel}", (side, side, units, x.shape[-1]))
        shape = tf.stack([tf.shape(x)[0], x.shape[1] * stride, x.shape[2] * stride, units])
        y = tf.nn.conv2d_transpose(x, w, shape, stride, "SAME")
        y = tf.ensure_shape(y, (None, x.shape[1] * stride, x.shape[2] * stride, units))
        return y + self.variable(f"{name}/{bias}", (units,))

    def norm(self, x, name):
        """Batch normalisation in evaluation, with all that its moving averages leave behind."""
        shape = x.shape[-1:]
        beta, gamma = self.variable(f"{name}/beta", shape), self.variable(f"{name}/gamma", shape)
        mean = self.variable(f"{name}/mean", shape)
        variance = self.variable(f"{name}/variance", shape, 0.5, 2.0)
        for average in ("mean", "variance"):
            self.variable(f"{name}/{name}/{average}/biased", shape)
            v1.get_variable(f"{name}/{name}/{average}/local_step", initializer=tf.constant(30.0))
        return (x - mean) / tf.sqrt(variance + 1e-5) * gamma + beta

    def spectral(self, w, name):
        matrix = tf.reshape(w, (-1, w.shape[-1]))
        u = self.variable(name, (matrix.shape[0], 1))
        v = tf.linalg.normalize(tf.matmul(matrix, u, transpose_a=True))[0]
        u = tf.linalg.normalize(tf.matmul(matrix, v))[0]
        return w / tf.reduce_sum(u * tf.matmul(matrix, v))

    def scale_block(self, x, name, units, blocks, depth, side):
        for b in range(blocks):
            y = x
            for d in range(depth):
                y = tf.nn.relu(self.norm(y, f"{name}/block{b}/bn{d}_w"))
                y = self.conv(y, f"{name}/block{b}/layer{d}", units, side)
            x = y + self.conv(x, f"{name}/block{b}/shortcut", units, side)
        return x

    def mlp(self, x, name, width, depth):
        y = x
        for d in range(depth):
            y = tf.nn.relu(self.linear(y, f"{name}/fc{d}", width))
        return tf.concat([x, y], -1)


def resnet(g, x, z, latent, scales=2, blocks=2, depth=1, side=5, base=3, fc=7):
    y = g.conv(x, "stage1/encoder/conv0", base, side)
    for s in range(scales):
        y = g.scale_block(y, f"stage1/encoder/scale{s}", base * 2**s, blocks, depth, side)
        if s < scales - 1:
            y = g.conv(y, f"stage1/encoder/downsample{s}/conv2d", base * 2 ** (s + 1), side, 2)
    x_mean = tf.reduce_mean(y, [1, 2])
    y = x_mean
    for d in range(depth):
        y = g.linear(tf.nn.relu(y), f"stage1/encoder/fc/block0/layer{d}", fc)
    y = y + g.linear(x_mean, "stage1/encoder/fc/block0/shortcut", fc)
    posterior = heads(g, y, latent)
    ups = int(np.log2(x.shape[1])) - 1
    y = g.linear(z, "stage1/decoder/fc0", 4 * base * 2**ups)
    y = tf.reshape(y, (-1, 2, 2, base * 2**ups))
    for i in range(ups):
        width = base * 2 ** (ups - 1 - i)
        y = g.deconv(y, f"stage1/decoder/up{i}/conv2d_transpose", width, side)
        y = g.scale_block(y, f"stage1/decoder/scale{i}", width, blocks, depth, side)
    return *posterior, tf.sigmoid(g.conv(y, "stage1/decoder/conv2d", x.shape[-1], side))


def heads(g, y, latent):
    mean = g.linear(y, "stage1/encoder/dense", latent)
    return mean, tf.exp(g.linear(y, "stage1/encoder/dense_1", latent))


def infogan(g, x, z, latent, base=4, fc=9):
    conv = {"kernel": "w", "bias": "biases"}
    dense = {"kernel": "Matrix", "bias": "bias"}

    def lrelu(y):
        return tf.maximum(y, 0.2 * y)

    y = lrelu(g.conv(x, "stage1/encoder/conv1", base, 4, 2, **conv, spectral=True))
    y = g.conv(y, "stage1/encoder/conv2", 2 * base, 4, 2, **conv, spectral=True)
    y = lrelu(g.norm(y, "stage1/encoder/bn2_w"))
    y = tf.reshape(y, (-1, np.prod(y.shape[1:])))
    y = g.linear(y, "stage1/encoder/fc3", fc, **dense, spectral=True)
    y = lrelu(g.norm(y, "stage1/encoder/bn3_w"))
    y = g.linear(y, "stage1/encoder/en4", 2 * latent, **dense, spectral=True)
    mean, std = y[:, :latent], 1e-6 + tf.nn.softplus(y[:, latent:])
    quarter = x.shape[1] // 4
    y = tf.nn.relu(g.norm(g.linear(z, "stage1/decoder/fc1", fc, **dense), "stage1/decoder/bn1_w"))
    y = g.linear(y, "stage1/decoder/fc2", 2 * base * quarter**2, **dense)
    y = tf.nn.relu(g.norm(y, "stage1/decoder/bn2_w"))
    y = tf.reshape(y, (-1, quarter, quarter, 2 * base))
    y = g.deconv(y, "stage1/decoder/conv3", base, 4, **conv)
    y = tf.nn.relu(g.norm(y, "stage1/decoder/bn3_w"))
    return mean, std, tf.sigmoid(g.deconv(y, "stage1/decoder/conv4", x.shape[-1], 4, **conv))


def wae(g, x, z, latent, base=2):
    def numbered(name, i):
        return name + (f"_{i}" if i else "")

    y = x
    for i in range(4):
        place = numbered("stage1/encoder/conv2d", i)
        y = g.conv(y, place, base * 2**i, 5, 2 if i else 1)
        y = tf.nn.relu(g.norm(y, f"stage1/encoder/bn{i + 1}_w"))
    posterior = heads(g, tf.reshape(y, (-1, np.prod(y.shape[1:]))), latent)
    eighth = x.shape[1] // 8
    y = tf.nn.relu(g.linear(z, "stage1/decoder/dense", eighth**2 * 8 * base))
    y = tf.reshape(y, (-1, eighth, eighth, 8 * base))
    for i in range(3):
        y = g.deconv(y, numbered("stage1/decoder/conv2d_transpose", i), base * 2 ** (2 - i), 5)
        y = tf.nn.relu(g.norm(y, f"stage1/decoder/bn{i + 1}_w"))
    y = g.deconv(y, "stage1/decoder/conv2d_transpose_3", x.shape[-1], 5, 1)
    return *posterior, tf.sigmoid(y)


def second_stage(g, z, u, latent, width=6, depth=2):
    y = g.mlp(z, "stage2/encoder", width, depth)
    mean = g.linear(y, "stage2/encoder/mu_u", latent)
    std = tf.exp(g.linear(y, "stage2/encoder/logsd_u", latent))
    z_hat = g.linear(g.mlp(u, "stage2/decoder", width, depth), "stage2/decoder/z_hat", latent)
    g.variable("stage2/decoder/loggamma_z", (), -1.0, 0.0)
    return mean, std, z_hat


NETWORKS = {"resnet": resnet, "infogan": infogan, "wae": wae}


def write(
    prefix, network, image_shape, latent=3, stages=2, skip=(), further=(), adam=False, reshaped=None
):
    """Writes a checkpoint at `prefix`; returns inputs and the outputs it stands for.

    Variables in `skip` are left out, those in `further` added, and those in the dict `reshaped`
    saved with another shape.
    """
    results, variables = run(network, image_shape, latent, stages)
    saved = {name: value for name, value in variables.items() if name not in skip}
    others = {**dict.fromkeys(further, (2,)), **(reshaped or {})}
    if adam:
        for name, value in variables.items():
            others |= {f"{name}/Adam": value.shape, f"{name}/Adam_1": value.shape}
        others |= {"beta1_power": (), "beta2_power_1": ()}
        saved["global_step"] = np.int32(7)
    rng = RNG(2)
    saved |= {k: np.float32(rng.uniform(-0.3, 0.3, shape)) for k, shape in others.items()}
    names = sorted(saved)
    tf.raw_ops.SaveV2(  # as does TensorFlow 1's `Saver`
        prefix=str(prefix),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[saved[name] for name in names],
    )
    return dict(results)


@functools.cache
def run(network, image_shape, latent, stages):
    """Returns inputs and outputs of a graph of random variables, and these by name."""
    rng, g = RNG(1), Graph()
    inputs = {
        "x": rng.integers(0, 256, (4, *image_shape)).astype("uint8"),
        "z": rng.normal(size=(4, latent)).astype("float32"),
        "u": rng.normal(size=(4, latent)).astype("float32"),
    }
    with g.graph.as_default():
        x = tf.constant(inputs["x"] / 255.0, tf.float32)
        z, u = tf.constant(inputs["z"]), tf.constant(inputs["u"])
        outputs = dict(zip(("mu_z", "sd_z", "x_hat"), NETWORKS[network](g, x, z, latent)))
        g.variable("stage1/decoder/loggamma_x", (), -1.0, 0.0)
        if stages == 2:
            outputs |= dict(zip(("mu_u", "sd_u", "z_hat"), second_stage(g, z, u, latent)))
        named = {v.op.name: v for v in v1.global_variables()}
        logs = {"gamma_x": "stage1/decoder/loggamma_x", "gamma_z": "stage2/decoder/loggamma_z"}
        outputs |= {k: tf.exp(named[v]) for k, v in logs.items() if v in named}
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            outputs, variables = session.run((outputs, named))
    return {**inputs, **outputs}, variables
