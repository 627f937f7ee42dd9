"""Sizes and speed of ONNX and LiteRT files beside the SavedModel and the model itself.

All draw the same number of images with the same untrained networks, the CIFAR-10 configuration
unless `--preset` says otherwise, in batches of 256, in turn, in one process, on the same threads.
Needs `pip install -e ".[onnx,litert]"`.
"""

import argparse
import pathlib
import statistics
import tempfile
import time

import ai_edge_litert
import keras
import numpy as np
import onnxruntime
import record
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

import keras_tsvae as tsvae

BATCH_SIZE = 256


def samplers(model, folder, threads):
    """Returns functions that draw one batch, by name, and the bytes of what is exported."""
    paths, seconds = {}, {}
    for format in ("tf_saved_model", "onnx", "litert"):
        paths[format], start = folder / format, time.perf_counter()
        model.export(paths[format], format=format)
        seconds[format] = time.perf_counter() - start
    served = tf.saved_model.load(str(paths["tf_saved_model"])).signatures["sample"]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(paths["onnx"] / "sample.onnx"), options)
    file = str(paths["litert"] / "sample.tflite")
    runner = Interpreter(file, num_threads=threads).get_signature_runner("sample")
    rng = np.random.default_rng(0)

    def noise():
        u, noise = rng.standard_normal((2, BATCH_SIZE, model.latent_dim), "float32")
        return {"u": u, "noise": noise}

    count, seed = tf.constant(BATCH_SIZE), tf.constant(0)
    draw = {
        "model": lambda: model.sample(BATCH_SIZE, seed=0, batch_size=BATCH_SIZE),
        "tf_saved_model": lambda: served(n=count, seed=seed)["images"].numpy(),
        "onnx": lambda: session.run(None, noise())[0],
        "litert": lambda: runner(**noise())["images"],
    }
    files = {format: [f for f in path.rglob("*") if f.is_file()] for format, path in paths.items()}
    sizes = {
        format: {
            "bytes": sum(file.stat().st_size for file in files[format]),
            "bytes_of_sample": sum(f.stat().st_size for f in files[format] if f.stem == "sample")
            or None,
            "export_seconds": round(seconds[format], 1),
        }
        for format in paths
    }
    return draw, sizes


def main():
    """Measures, prints and saves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="cifar10")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=pathlib.Path, default="results/exports.json")
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    keras.utils.set_random_seed(0)
    model = tsvae.TwoStageVAE.from_preset(args.preset)
    rates: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        draw, sizes = samplers(model, pathlib.Path(folder), args.threads)
        for number in range(1 + args.rounds):  # the first one warms up
            for name, function in draw.items():
                start = time.perf_counter()
                function()
                rate = BATCH_SIZE / (time.perf_counter() - start)
                rates.setdefault(name, []).append(rate)
    figures = {
        name: {"images_per_second": round(statistics.median(rate[1:])), **sizes.get(name, {})}
        for name, rate in rates.items()
    }
    for name, row in figures.items():
        print(name, row)
    record.save(
        args.output,
        [keras, tf, onnxruntime, ai_edge_litert],
        preset=args.preset,
        threads=args.threads,
        rounds=args.rounds,
        batch_size=BATCH_SIZE,
        parameters=model.count_params(),
        rows=figures,
    )


if __name__ == "__main__":
    main()
