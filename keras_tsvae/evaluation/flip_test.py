"""Whether a picture changes in what is changed of its condition, and in nothing else."""

import typing
from collections.abc import Callable, Iterable, Sequence

import keras
import numpy as np

from keras_tsvae.arguments import positive_int
from keras_tsvae.conditions import JointConditions
from keras_tsvae.evaluation.judged_conditions import judged_conditions, labels_of, names_of
from keras_tsvae.metrics.classifier_features import ClassifierFeatures
from keras_tsvae.metrics.extractors import JudgeFeatures
from keras_tsvae.metrics.judging import as_judge, verdicts
from keras_tsvae.metrics.protocols import check_images


def flip_test(
    model: keras.Model,
    judge: ClassifierFeatures | JudgeFeatures,
    flips: int = 200,
    names: Sequence[str] | None = None,
    seed: int | None = 0,
    strength: float = 1.0,
    stage: int | str = 2,
    batch_size: int = 256,
) -> dict[str, dict[str, float]]:
    """Draws pictures twice from the same noise, the second time with one attribute flipped.

    With the judge's verdicts on both pictures of a pair:

    - `target` is the share of pairs in which the verdict on the flipped attribute is the asked
      one both before and after. It is the same whichever way the attribute is flipped.
    - `others` is the share of the verdicts on the other attributes that change.

    Where an attribute cannot be flipped alone, as the training conditions have it, one other goes
    along, and does not count among the others: a blonde becomes black-haired and no longer blonde
    (see `JointConditions.flipped`). Pairs for which that does not suffice are left out.

    Of classes, every picture is asked for each other class in turn; `target` of a class is the
    share of pictures that the judge takes for it after the change and not before, and there are
    no `others`. A model that does not heed its conditions has a `target` of 0 throughout.

    Args:
        model: A trained `keras_tsvae.ConditionalTwoStageVAE`.
        judge: A trained `keras_tsvae.metrics.ClassifierFeatures` that knows the attributes or
            classes which are the model's conditions, in their order.
        flips: Positive int, how many conditions are drawn from `model.draw_conditions`; each is
            flipped in every attribute. Defaults to 200.
        names: The attributes or classes to be tested, which are also the only ones that count as
            others. Defaults to None: all.
        seed: Non-negative int, of conditions and noise. Defaults to 0.
        strength: As in `model.sample`. Defaults to 1.0.
        stage: As in `model.sample`. Defaults to 2.
        batch_size: Images drawn per step. Defaults to 256.

    Returns:
        A dict from names to dicts of `"target"` and `"others"`, floats from 0 to 1; NaN where
        there are no others, no possible pair, or no picture that is not of the class already.

    Raises:
        ValueError: If an argument is not as described.
    """
    judge = as_judge(judge)
    conditions = judged_conditions(model, judge)
    flips = positive_int("flips", flips)

    def seen(labels):
        codes = conditions.encode(labels)
        batches = model.sample_batches(
            flips,
            stage=stage,
            seed=seed,
            batch_size=batch_size,
            condition=codes,
            strength=strength,
        )
        return np.concatenate([verdicts(judge, judge(check_images(batch))) for batch in batches])

    labels = labels_of(conditions, model.draw_conditions(flips, seed=seed))
    return flip_figures(model, judge, labels, seen, names)


def flip_figures(
    model: keras.Model,
    judge: JudgeFeatures,
    labels: np.ndarray,
    seen: Callable[[np.ndarray], np.ndarray],
    names: Sequence[str] | None = None,
) -> dict[str, dict[str, float]]:
    """Returns the figures of `flip_test` for what `seen(labels)`, the verdicts, tells."""
    conditions = model.conditions
    known = names_of(conditions, judge)
    tested = numbers_of(known if names is None else names, known)
    before = seen(labels)
    joint = typing.cast(JointConditions, model.joint)  # or `seen` would have raised
    figures = {}
    for number in tested:
        if judge.has_classes:
            after = seen(np.full_like(labels, number))
            target, others = (after == number) & (before != number), np.empty(0)
            target = target[labels != number]
        else:
            codes = conditions.encode(labels)
            asked, possible = joint.flipped(codes, number)
            after = seen(conditions.decode(asked))
            changed = before != after
            target = changed[:, number] & (after[:, number] == (asked[:, number] > 0))
            target = target[possible]
            kept = (codes == asked)[:, tested] & possible[:, None]
            others = changed[:, tested][kept]
        figures[known[number]] = {"target": _mean(target), "others": _mean(others)}
    return figures


def _mean(values):
    return float(values.mean()) if values.size else float("nan")


def numbers_of(names: Iterable[str], known: Sequence[str]) -> list[int]:
    """Returns the places of `names` in `known`, or raises."""
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(
            f"`names` must be among the model's conditions {known}. Received: {unknown}"
        )
    return [known.index(name) for name in names]
