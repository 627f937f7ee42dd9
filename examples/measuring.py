"""How the example scripts measure what a model draws: one table at the end."""

import keras

import keras_tsvae as tsvae

MOST_IMAGES = 60_000  # that the judge is trained on


def features(args, data):
    """Returns Inception's features, or those of a judge trained on the data set's labels."""
    if args.inception is not None:
        return args.inception
    path = args.output / "judge.keras"
    if args.resume and path.exists():
        return keras.saving.load_model(path)
    print("\nTraining the judge, a small classifier of real images")
    images, labels = data.train.images[:MOST_IMAGES], data.train.labels[:MOST_IMAGES]
    judge = tsvae.metrics.ClassifierFeatures.fit(images, labels, verbose=2)
    judge.save(path)
    return judge


def print_table(model, args, data):
    """Measures reconstructions and samples, and real training images, against test images."""
    table = model.evaluate_generation(
        data.test, features(args, data), num_samples=args.samples, train=data.train
    )
    print(f"\n{table}")
