"""Obedience to forty attributes: concatenation and modulation, either stage conditioned or both.

Trains one conditional model after another on the same faces, for the same number of epochs, and
measures each with one judge, trained on the real pictures. --data-dir is a folder in CelebA's own
layout. With --label-noise, that share of the attribute values is turned round at random in training
(never in the test set). Variants are written CONDITIONING-STAGES, such as modulate-both,
concat-both, modulate-second; a trailing -uncorrected keeps the recognizer from correcting labels,
and wrap makes a trained unconditional model conditional.
"""

import argparse
import pathlib
import time

import keras
import numpy as np
import record

import keras_tsvae as tsvae

VARIANTS = ("modulate-both", "concat-both", "modulate-second", "concat-second", "wrap")


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data-dir", required=True)
    add("--variants", nargs="+", default=VARIANTS)
    add("--image-size", type=int, default=64)
    add("--epochs", type=int, default=12)
    add("--second-stage-epochs", type=int, default=30)
    add("--base-dim", type=int, default=8)
    add("--learning-rate", type=float, default=2e-3)
    add("--batch-size", type=int, default=64)
    add("--gamma", default="computed", help="learned, computed or a number")
    add("--label-noise", type=float, default=0.0)
    add("--strength", type=float, default=1.0)
    add("--samples", type=int, default=2000)
    add("--output", type=pathlib.Path, default=pathlib.Path("runs/conditional_faces"))
    return parser.parse_args()


def preset(args, train_size):
    """Returns what all variants have in common, as overrides of a preset."""
    return {
        "image_shape": (args.image_size, args.image_size, 3),
        "train_size": train_size,
        "latent_dim": 2 * args.image_size,  # where a computed gamma weighs the KL divergence by 1
        "base_dim": args.base_dim,
        "num_scale": 4 if args.image_size >= 64 else 3,
        "epochs": args.epochs,
        "second_stage_epochs": args.second_stage_epochs,
        "batch_size": args.batch_size,
        "learning_rate": args.learning_rate,
        "schedule": "cosine",
        "gamma": args.gamma if args.gamma in ("learned", "computed") else float(args.gamma),
    }


def train(variant, args, images, labels):
    """Returns the trained model of a variant, and the seconds that it took."""
    keras.utils.set_random_seed(0)
    common = preset(args, len(images))
    name = "celeba_conditional"
    if variant == "wrap":
        plain = tsvae.TwoStageVAE.from_preset("celeba", **common)
        plain.compile()
        start = time.perf_counter()
        plain.fit(images, batch_size=args.batch_size, epochs=args.epochs, second_stage_epochs=0)
        before = time.perf_counter() - start
        model = tsvae.ConditionalTwoStageVAE.wrap(
            plain, tsvae.presets.conditions_of(tsvae.presets.get(name))
        )
        model.compile(None, tsvae.presets.optimizers(tsvae.presets.get(name, **common))[1])
        epochs = 0
    else:
        conditioning, stages, *_ = variant.split("-")
        model = tsvae.ConditionalTwoStageVAE.from_preset(
            name, conditioning=conditioning, conditioned_stages=stages, **common
        )
        model.compile()
        epochs, before = args.epochs, 0.0
    start = time.perf_counter()
    model.fit(
        images,
        labels,
        batch_size=args.batch_size,
        epochs=epochs,
        second_stage_epochs=args.second_stage_epochs,
        correct_conditions=not variant.endswith("-uncorrected"),
        verbose=2,
    )
    return model, {"seconds": time.perf_counter() - start, "seconds_before": before}


def main():
    args = arguments()
    args.output.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(0)
    data = tsvae.data.load("celeba", args.data_dir, image_size=args.image_size)
    images, labels = data.train.images[:], data.train.labels
    judge_path = args.output / f"judge{args.image_size}.keras"
    if judge_path.exists():
        judge = keras.saving.load_model(judge_path)
    else:
        judge = tsvae.metrics.ClassifierFeatures.fit(images, labels, epochs=6, verbose=2)
        judge.save(judge_path)
    flipped = np.random.default_rng(0).random(labels.shape) < args.label_noise
    labels = np.where(flipped, -labels, labels)
    for variant in args.variants:
        print(f"\n== {variant}", flush=True)
        model, seconds = train(variant, args, images, labels)
        tag = f"{variant}-{args.image_size}-{args.epochs}-noise{args.label_noise:g}"
        model.save(args.output / f"{tag}.keras")
        report = tsvae.evaluate_obedience(
            model, data.test, judge, args.samples, strength=args.strength
        )
        print(report)
        print(variant, seconds, "gamma", [stage.gamma for stage in model.stages().values()])
        figures = {**vars(args), "output": None, "data_dir": None, "variant": variant, **seconds}
        record.save(args.output / f"{tag}.json", [keras, np], **figures, **report.to_dict())


if __name__ == "__main__":
    main()
