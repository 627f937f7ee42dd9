"""What every example script leaves behind: pictures, curves, models, and figures on the screen."""

import shutil

import keras

from keras_tsvae import plots


def write_and_print(model, args, history, images, data, **further):
    """Writes pictures, curves, further figures and the SavedModel; prints the losses."""
    if model.preset.second_stage != "mixture":
        model.fit_mixture(images, seed=0)
    figures = {
        "reconstructions.png": plots.reconstructions(model, data.test.images[:64]),
        "samples.png": plots.samples(model),
        **{f"{name}.png": figure for name, figure in further.items()},
    }
    if history:
        figures["curves.png"] = plots.training_curves(history)
    for name, figure in figures.items():
        figure.savefig(args.output / name, dpi=150)
    model.save(args.model, include_optimizer=False)  # now with its mixture
    if keras.backend.backend() == "tensorflow":
        shutil.rmtree(args.output / "saved_model", ignore_errors=True)
        model.export(args.output / "saved_model")
    print(f"\nWrote to {args.output}: {', '.join(sorted(p.name for p in args.output.iterdir()))}")
    for key, values in history.items():
        if key.endswith(("loss", "mse", "kl", "gamma", "active_units")):
            print(f"{key:20} {values[0]:11.4f} at first, {values[-1]:11.4f} at last")
