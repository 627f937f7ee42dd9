"""Obedience to forty attributes: concatenation and modulation, either stage conditioned or both.

Trains one conditional first stage after another on the same faces, for the same number of epochs,
and on each of them all --second-stages, as many epochs each. One judge, trained on the real
pictures, measures what samples and edits show, and how far samples are from the test pictures.

--data-dir is a folder in CelebA's own layout. With --label-noise, that share of the attribute
values is turned round at random in training (never in the test set). Variants are written
CONDITIONING-STAGES; of modulate-second and concat-second the first stage is a trained one without
conditions, the same for both, that is made conditional. A trailing -uncorrected keeps the
recognizer from correcting labels. Without any variant the judge alone is trained, into --output,
where other processes find it.
"""

import argparse
import dataclasses
import pathlib
import time

import keras
import numpy as np
import record

import keras_tsvae as tsvae

NAME = "celeba_conditional_infogan"
PLAIN = "celeba_infogan"
SECOND_STAGES = ("vae", "mixture", "flow", "auto")
VARIANTS = ("modulate-both", "concat-both", "modulate-second", "concat-second")


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data-dir", required=True)
    add("--variants", nargs="*", default=VARIANTS)
    add("--second-stages", nargs="+", choices=SECOND_STAGES, default=("vae",))
    add("--image-size", type=int, default=64)
    add("--judge-epochs", type=int, default=14)
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


def train_conditional(variant, args, images, labels):
    """Returns a model whose conditioned first stage is trained, and the seconds of training."""
    keras.utils.set_random_seed(0)
    options = preset(args, len(images))
    conditioning = variant.split("-")[0]
    model = tsvae.ConditionalTwoStageVAE.from_preset(NAME, conditioning=conditioning, **options)
    model.compile()
    start = time.perf_counter()
    model.fit(
        images,
        labels,
        batch_size=args.batch_size,
        epochs=args.epochs,
        second_stage_epochs=0,
        correct_conditions=not variant.endswith("-uncorrected"),
        verbose=2,
    )
    return model, time.perf_counter() - start


def train_plain(args, images):
    """Returns a trained first stage without conditions, and the seconds of training."""
    keras.utils.set_random_seed(0)
    model = tsvae.TwoStageVAE.from_preset(PLAIN, **preset(args, len(images)))
    model.compile()
    start = time.perf_counter()
    size = args.batch_size
    model.fit(images, batch_size=size, epochs=args.epochs, second_stage_epochs=0, verbose=2)
    return model, time.perf_counter() - start


def with_second_stage(variant, kind, epochs, args, base, train_size):
    """Returns a model of a trained first stage and an untrained, conditioned second one."""
    conditioning, stages, *_ = variant.split("-")
    options = preset(args, train_size)
    options |= {"second_stage": kind, "second_stage_epochs": epochs}
    if stages == "second":
        second = tsvae.TwoStageVAE.from_preset(PLAIN, **options).second_stage
        conditions = tsvae.presets.conditions_of(tsvae.presets.get(NAME))
        plain = tsvae.TwoStageVAE(base.first_stage, second)
        model = tsvae.ConditionalTwoStageVAE.wrap(plain, conditions, conditioning)
    else:
        options["conditioning"] = conditioning
        second = tsvae.ConditionalTwoStageVAE.from_preset(NAME, **options).second_stage
        parts = base.first_stage, second, base.conditions
        model = tsvae.ConditionalTwoStageVAE(*parts, frozen_first_stage=True)
    model.compile(None, tsvae.presets.optimizers(tsvae.presets.get(NAME, **options))[1])
    return model


def train_second(variant, kind, args, images, labels, base, recognizer):
    """Returns a model with a trained second stage, and the seconds that this took.

    Only without a `recognizer`, which depends on no stage, it is trained as well.
    """
    keras.utils.set_random_seed(0)
    wrapped = "second" in variant.split("-")
    epochs = args.wrapped_epochs if wrapped else args.second_stage_epochs
    model = with_second_stage(variant, kind, epochs, args, base, len(images))
    if recognizer is not None:
        model.recognizer.set_weights(recognizer.get_weights())
    start = time.perf_counter()
    model.fit(
        images,
        labels,
        second_stage_batch_size=args.second_stage_batch_size,
        epochs=0,
        second_stage_epochs=epochs,
        correct_conditions=not variant.endswith("-uncorrected"),
        verbose=2,
    )
    return model, time.perf_counter() - start


def edits(model, data, judge, names):
    """Returns the mean figures of editing 512 test pictures."""
    images, labels = data.test.images[:512], data.test.labels[:512]
    each = tsvae.metrics.edit_test(model, images, labels, judge, names)
    keys = ("target", "others", "moved", "error")
    return {key: float(np.nanmean([row[key] for row in each.values()])) for key in keys}


def measure(model, data, judge, args):
    """Returns all figures of a model for JSON, and prints them."""
    report = tsvae.evaluate_obedience(model, data.test, judge, args.samples, strength=args.strength)
    generation = model.evaluate_generation(data.test, judge, num_samples=args.samples)
    stages, second = model.stages().items(), model.second_stage
    figures = {
        "gamma": {name: stage.gamma for name, stage in stages if hasattr(stage, "gamma")},
        "edits": edits(model, data, judge, report.visible),
    }
    if getattr(second, "choice", None) is not None:
        figures["choice"] = {"chosen": second.choice.chosen, **dataclasses.asdict(second.choice)}
    print(report, generation, figures, sep="\n", flush=True)
    return {**figures, "generation": generation.to_dict(), **report.to_dict()}


def load_judge(args, images, labels):
    """Returns the classifier of attributes that is in --output, or trains it."""
    path = args.output / f"judge{args.image_size}.keras"
    if path.exists():
        return keras.saving.load_model(path)
    judge = tsvae.metrics.ClassifierFeatures.fit(
        images, labels, args.judge_epochs, dimensions=128, verbose=2
    )
    judge.save(path)
    return judge


def main():
    args = arguments()
    args.output.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(0)
    data = tsvae.data.load("celeba", args.data_dir, image_size=args.image_size)
    images, labels = data.train.images[:], data.train.labels
    judge = load_judge(args, images, labels)
    flipped = np.random.default_rng(0).random(labels.shape) < args.label_noise
    labels = np.where(flipped, -labels, labels)
    plain = recognizer = None
    for variant in args.variants:
        if "second" in variant.split("-"):
            base, before = plain = plain or train_plain(args, images)
        else:
            base, before = train_conditional(variant, args, images, labels)
            recognizer = base.recognizer
        for kind in args.second_stages:
            print(f"\n== {variant}, {kind}", flush=True)
            parts = variant, kind, args, images, labels
            model, seconds = train_second(*parts, base, recognizer)
            recognizer = model.recognizer
            tag = f"{variant}-{kind}-{args.image_size}-{args.epochs}-noise{args.label_noise:g}"
            model.save(args.output / f"{tag}.keras")
            figures = {**vars(args), "output": None, "data_dir": None, "variant": variant}
            figures |= {"second_stage": kind, "seconds": seconds, "seconds_before": before}
            figures |= measure(model, data, judge, args)
            record.save(args.output / f"{tag}.json", [keras, np], **figures)


if __name__ == "__main__":
    main()
