"""`keras-tsvae train`: a generator of pictures like one's own."""

import contextlib
import io
import shlex
import sys
import typing

from keras_tsvae.cli import options
from keras_tsvae.cli import train_options as given
from keras_tsvae.cli.answer import Answer
from keras_tsvae.cli.messages import say
from keras_tsvae.cli.wording import as_typed

EXAMPLES = (
    "folder/of/pictures --output runs/mine",
    "folder/of/pictures --output runs/mine --budget 2h --resize pad --size 64",
    "mnist --output runs/mnist --budget '5 epochs' --conditions none",
    "celeba --data-dir folder --preset celeba_fast --output runs/faces",
    "pictures.npz --output runs/mine --dry-run",
)


def run(
    data: given.Data,
    output: given.Run,
    budget: given.Budget = None,
    data_dir: options.DataDir = None,
    preset: given.Preset = None,
    conditions: given.Conditions = "auto",
    resize: given.Resize = None,
    size: given.Size = None,
    channels: given.Channels = None,
    skip_broken: options.SkipBroken = False,
    test_fraction: given.TestFraction = None,
    limit: given.Limit = None,
    network: given.Network = None,
    latent_dim: given.LatentDim = None,
    base_dim: given.BaseDim = None,
    second_stage: given.SecondStage = None,
    gamma: given.Gamma = None,
    learning_rate: given.LearningRate = None,
    batch_size: given.BatchSize = None,
    epochs: given.Epochs = None,
    second_stage_epochs: given.SecondEpochs = None,
    dtype_policy: given.DtypePolicy = None,
    seed: given.Seed = None,
    dry_run: given.DryRun = False,
    restart: given.Restart = False,
    as_json: options.Json = False,
) -> Answer:
    """Train a model on pictures; what is not given is chosen from them.

    Subfolders of pictures are classes; an attributes.csv among them, or one of CelebA's lists, has
    their attributes. The model can then be asked for them. Called again, the training goes on.
    """
    fields = {
        "network": network,
        "latent_dim": latent_dim,
        "base_dim": base_dim,
        "second_stage": second_stage,
        "gamma": gamma,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "epochs": epochs,
        "second_stage_epochs": second_stage_epochs,
    }
    of_data = {
        "resize": resize,
        "image_size": size,
        "channels": channels,
        "skip_broken": skip_broken or None,
        "test_fraction": test_fraction,
    }
    of_fit = {"dtype_policy": dtype_policy, "seed": seed}
    wanted = {
        "preset": preset,
        "conditions": conditions,
        "budget": budget,
        "limit": limit,
        "data_options": _known(of_data),
        "fit_options": _known(of_fit),
        **_known(fields),
    }
    names = (*fields, *of_data, *of_fit, *wanted, "output", "restart", "data_dir")
    typed = {name: f"--{name.replace('_', '-')}" for name in names} | {"source": "DATA"}
    with as_typed({**typed, "image_size": "--size"}):
        return _train(data, output, data_dir, wanted, dry_run, restart)


def _known(values):
    return {name: value for name, value in values.items() if value is not None}


def _train(data, output, data_dir, wanted, dry_run, restart):
    from keras_tsvae.cli import plans
    from keras_tsvae.cli.train_progress import TrainProgress
    from keras_tsvae.experiments import RunFolder, train

    wanted = plans.checked(data, wanted)
    folder = RunFolder(output)
    folder.check(restart=restart)
    plans.check_writable(folder.path)
    with _going_on(folder, io.StringIO()):
        plan = plans.made(folder, data, data_dir, wanted, dry_run, restart)
        known = plans.described(plan, folder, restart)
        if dry_run:
            return Answer(plans.text(known), known)
        plans.show(plans.text(known))
    command = shlex.join(["keras-tsvae", *sys.argv[1:]])
    said = io.StringIO()
    with _going_on(folder, said), TrainProgress(plan.experiment.model) as progress:
        with contextlib.redirect_stdout(said):  # what is said of an interruption
            train(
                plan.experiment,
                folder.path,
                restart=restart,
                verbose=0,
                callbacks=[progress],
                data=plan.data,
                facts=plan.facts,
                command=command,
            )
    known |= plans.results(folder)
    return Answer(plans.text(known), known)


@contextlib.contextmanager
def _going_on(folder: typing.Any, said: io.StringIO) -> typing.Iterator[None]:
    """Tells how to go on where the training is interrupted."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as error:
        text = said.getvalue().strip().replace("the same call goes on", "the same command goes on")
        text = text if "goes on" in text else f"{text or 'Interrupted.'} The same command goes on."
        if isinstance(error, SystemExit):  # told to end by another process
            say("Error", text)
            raise
        raise RuntimeError(text) from None
