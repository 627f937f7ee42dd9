"""How both stages are measured over the same images."""

import itertools

import keras

from keras_tsvae.inputs.images import Images
from keras_tsvae.latents.posteriors import Posteriors
from keras_tsvae.training.fit_arguments import check_steps

BATCH_SIZE = 64


def evaluate_stages(
    whole: keras.Model, x: Images, batch_size: int | None, verbose: int | str, steps: int | None
) -> dict[str, float]:
    """Measures a whole model over `Images`; see `TwoStageVAE.evaluate`, which calls this."""
    check_steps(batch_size=batch_size, steps=steps)
    size = batch_size or BATCH_SIZE
    first, second = whole.stages().values()
    options = {"verbose": verbose, "return_dict": True}
    results = {
        "stage1": first.evaluate(x, batch_size=size if x.is_array else None, steps=steps, **options)
    }
    if steps is None:
        posteriors = first.posteriors(x, condition_dim=whole.condition_dim)
    else:
        batches = first._posterior_batches(x, size, condition_dim=whole.condition_dim, endless=True)
        posteriors = Posteriors.from_batches(itertools.islice(batches, steps))
    results["stage2"] = second.evaluate(posteriors, batch_size=size, **options)
    return {f"{name}_{key}": value for name, logs in results.items() for key, value in logs.items()}
