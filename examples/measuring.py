"""How the example scripts measure what a model draws: in tables at the end."""

import json

import keras

import keras_tsvae as tsvae

MOST_IMAGES = 60_000  # that the judge is trained on
MOST_FLIPS = 200  # of each condition


def train_judge(args, data):
    """Returns a judge trained on the data set's labels, or the one in --output."""
    path = args.output / "judge.keras"
    if not args.restart and path.exists():
        return keras.saving.load_model(path)
    print("\nTraining the judge, a small classifier of real images")
    images, labels = data.train.images[:MOST_IMAGES], data.train.labels[:MOST_IMAGES]
    judge = tsvae.metrics.ClassifierFeatures.fit(images, labels, verbose=2)
    judge.save(path)
    return judge


def print_table(model, args, data, others=None):
    """Measures reconstructions and samples, and real training images, against test images.

    Of `others`, models with the same first stage by name, samples alone are measured.
    Of a conditional model also whether its samples show what they are asked to show.
    """
    conditional = isinstance(model, tsvae.ConditionalTwoStageVAE)
    judge = train_judge(args, data) if conditional or args.inception is None else None
    features = judge if args.inception is None else args.inception
    table = model.evaluate_generation(
        data.test, features, num_samples=args.samples, train=data.train
    )
    for name, other in (others or {}).items():
        rows = other.evaluate_generation(data.test, features, num_samples=args.samples, verbose=0)
        table[name] = rows["stage2"]
    print(f"\n{table}")
    if conditional:
        most = {"num_samples": args.samples, "flips": min(args.samples, MOST_FLIPS)}
        obedience = tsvae.evaluate_obedience(model, data.test, judge, **most)
        (args.output / "obedience.json").write_text(json.dumps(obedience.to_dict(), indent=2))
        print(f"\n{obedience}")
