"""Obedience to forty attributes: concatenation and modulation, either stage conditioned or both.

Trains one conditional model after another on the same faces, for the same number of epochs, and
measures each with one judge, trained on the real pictures. --data-dir is a folder in CelebA's own
layout. With --label-noise, that share of the attribute values is turned round at random in training
(never in the test set). Variants are written CONDITIONING-STAGES; of modulate-second and
concat-second the first stage is a trained one without conditions, the same for both, that is made
conditional. A trailing -uncorrected keeps the recognizer from correcting labels.
"""

import argparse
import pathlib
import time

import keras
import numpy as np
import record

import keras_tsvae as tsvae

NAME = "celeba_conditional_infogan"
VARIANTS = ("modulate-both", "concat-both", "modulate-second", "concat-second")


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data-dir", required=True)
    add("--variants", nargs="+", default=VARIANTS)
    add("--image-size", type=int, default=64)
    add("--epochs", type=int, default=18)
    add("--second-stage-epochs", type=int, default=20)
    add("--wrapped-epochs", type=int, default=10, help="of a second stage on a trained first one")
    add("--base-dim", type=int, default=32)
    add("--fc-dim", type=int, default=512)
    add("--learning-rate", type=float, default=2e-3)
    add("--batch-size", type=int, default=64)
    add("--second-stage-batch-size", type=int, default=256)
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
        "fc_dim": args.fc_dim,
        "epochs": args.epochs,
        "second_stage_epochs": args.second_stage_epochs,
        "batch_size": args.batch_size,
        "second_stage_batch_size": args.second_stage_batch_size,
        "learning_rate": args.learning_rate,
        "schedule": "cosine",
        "gamma": args.gamma if args.gamma in ("learned", "computed") else float(args.gamma),
    }


def train(variant, args, images, labels, plain):
    """Returns the trained model of a variant, and the seconds of training."""
    keras.utils.set_random_seed(0)
    conditioning, stages, *_ = variant.split("-")
    epochs = (args.epochs, args.second_stage_epochs)
    if stages == "second":
        epochs = (0, args.wrapped_epochs)
    common = {**preset(args, len(images)), "second_stage_epochs": epochs[1]}
    if stages == "second":
        conditions = tsvae.presets.conditions_of(tsvae.presets.get(NAME))
        model = tsvae.ConditionalTwoStageVAE.wrap(plain[0], conditions, conditioning)
        model.compile(None, tsvae.presets.optimizers(tsvae.presets.get(NAME, **common))[1])
    else:
        model = tsvae.ConditionalTwoStageVAE.from_preset(NAME, conditioning=conditioning, **common)
        model.compile()
    start = time.perf_counter()
    model.fit(
        images,
        labels,
        batch_size=args.batch_size,
        second_stage_batch_size=args.second_stage_batch_size,
        epochs=epochs[0],
        second_stage_epochs=epochs[1],
        correct_conditions=not variant.endswith("-uncorrected"),
        verbose=2,
    )
    seconds = {"seconds": time.perf_counter() - start}
    return model, {**seconds, "seconds_before": plain[1]} if stages == "second" else seconds


def train_plain(args, images):
    """Returns a trained first stage without conditions, and the seconds of training."""
    keras.utils.set_random_seed(0)
    model = tsvae.TwoStageVAE.from_preset("celeba_infogan", **preset(args, len(images)))
    model.compile()
    start = time.perf_counter()
    size = args.batch_size
    model.fit(images, batch_size=size, epochs=args.epochs, second_stage_epochs=0, verbose=2)
    return model, time.perf_counter() - start


def edits(model, data, judge, names):
    """Returns the mean figures of editing 512 test pictures."""
    images, labels = data.test.images[:512], data.test.labels[:512]
    each = tsvae.metrics.edit_test(model, images, labels, judge, names)
    keys = ("target", "others", "moved", "error")
    return {key: float(np.nanmean([row[key] for row in each.values()])) for key in keys}


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
        judge = tsvae.metrics.ClassifierFeatures.fit(images, labels, 14, dimensions=128, verbose=2)
        judge.save(judge_path)
    flipped = np.random.default_rng(0).random(labels.shape) < args.label_noise
    labels = np.where(flipped, -labels, labels)
    plain = None
    for variant in args.variants:
        print(f"\n== {variant}", flush=True)
        if "second" in variant:
            plain = plain or train_plain(args, images)
        model, seconds = train(variant, args, images, labels, plain)
        tag = f"{variant}-{args.image_size}-{args.epochs}-noise{args.label_noise:g}"
        model.save(args.output / f"{tag}.keras")
        report = tsvae.evaluate_obedience(
            model, data.test, judge, args.samples, strength=args.strength
        )
        print(report)
        gammas = {name: stage.gamma for name, stage in model.stages().items()}
        edited = edits(model, data, judge, report.visible)
        print(variant, seconds, "gamma", gammas, "edits", edited)
        figures = {**vars(args), "output": None, "data_dir": None, "variant": variant}
        figures |= {**seconds, "gamma": gammas, "edits": edited}
        record.save(args.output / f"{tag}.json", [keras, np], **figures, **report.to_dict())


if __name__ == "__main__":
    main()
