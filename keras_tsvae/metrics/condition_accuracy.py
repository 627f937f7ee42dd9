"""Whether images show what they were asked to show."""

from collections.abc import Iterable

import numpy as np

from keras_tsvae.arrays.inference import batched
from keras_tsvae.arrays.types import ArrayLike
from keras_tsvae.data.picture_folder import batch_rows
from keras_tsvae.metrics.classifier_features import ClassifierFeatures
from keras_tsvae.metrics.condition_scores import ConditionScores
from keras_tsvae.metrics.extractors import JudgeFeatures
from keras_tsvae.metrics.judging import as_judge, check_labels, default_names, verdicts
from keras_tsvae.metrics.protocols import check_images


class ConditionAccuracy:
    """How often a judge sees in images the attributes, or the classes, that they were asked for.

    Of an attribute the balanced accuracy, `(TPR + TNR) / 2`: the share of images that show it
    among those asked to, averaged with the share that do not among those asked not to. It is 1/2
    for images that do not heed their conditions, however rare the attribute. Of a class the
    recall, the share of images that show it among those asked to. Nothing but counts is kept.

    Args:
        judge: A trained `keras_tsvae.metrics.ClassifierFeatures` of classes or attributes.
        names: Names of the attributes or classes, one for each of the judge's outputs. Defaults
            to None: their numbers, `"0"`, `"1"` and so on.

    Raises:
        ValueError: If an argument is not as described.

    Example:
        >>> accuracy = keras_tsvae.metrics.ConditionAccuracy(judge, names=("smiling", "hat"))
        >>> accuracy.update(images, [[1, -1], [-1, -1]])
        >>> accuracy.result().each["smiling"]
    """

    def __init__(
        self, judge: ClassifierFeatures | JudgeFeatures, names: Iterable[str] | None = None
    ):
        self.judge = as_judge(judge)
        self._names = None if names is None else tuple(names)
        self.names = default_names(self.judge) if names is None else tuple(names)
        outputs = self.judge.model.num_outputs
        if len(set(self.names)) != outputs or len(self.names) != outputs:
            raise ValueError(
                f"`names` must be {outputs} different names, one for each output of `judge`. "
                f"Received: names={self.names}"
            )
        self.reset()

    def reset(self) -> None:
        """Forgets all images."""
        outputs = self.judge.model.num_outputs
        shape = (outputs,) if self.judge.has_classes else (outputs, 2)  # absent, present
        self.num_samples = 0
        self._asked = np.zeros(shape, "int64")
        self._right = np.zeros(shape, "int64")

    def update(self, images: ArrayLike, conditions: ArrayLike) -> None:
        """Adds images and what each of them was asked to show.

        Args:
            images: uint8 or float in [0, 1], `(n, height, width, channels)`, of the shape that
                the judge was trained on.
            conditions: Class indices `(n,)`, or attributes `(n, attributes)` of +1 and -1, or of
                1 and 0.

        Raises:
            ValueError: If they are not as described.
        """
        images = check_images(images)
        if images.shape[1:3] != self.judge.image_shape[:2]:
            raise ValueError(
                f"`images` must have the shape of the judge's, {self.judge.image_shape}. "
                f"Received: images of shape {images.shape[1:]}"
            )
        conditions = self._check(conditions, len(images))
        features = list(batched(self.judge, (images,), batch_rows(images[:1].nbytes)))
        self.update_features(np.concatenate(features), conditions)

    def update_features(self, features: np.ndarray, conditions: ArrayLike) -> None:
        """Adds images by the judge's features of them, `(n, d)`; see `update`."""
        conditions = self._check(conditions, len(features))
        right = verdicts(self.judge, features) == conditions
        if self.judge.has_classes:
            count = len(self._asked)
            self._asked += np.bincount(conditions, minlength=count)
            self._right += np.bincount(conditions[right], minlength=count)
        else:
            for value in (0, 1):
                asked = conditions == value
                self._asked[:, value] += asked.sum(0)
                self._right[:, value] += (asked & right).sum(0)
        self.num_samples += len(features)

    def result(self) -> ConditionScores:
        """Returns the figures as `ConditionScores`; raises a `ValueError` without any image."""
        if not self.num_samples:
            raise ValueError("`update` must add images before `result`. Received: num_samples=0")
        unknown = np.full(self._asked.shape, np.nan)
        rates = np.divide(self._right, self._asked, out=unknown, where=self._asked > 0)
        if self.judge.has_classes:
            each, overall = rates, self._right.sum() / self.num_samples
        else:
            each = rates.mean(1)
            known = each[~np.isnan(each)]
            overall = known.mean() if len(known) else np.nan
        return ConditionScores(
            float(overall), dict(zip(self.names, each.tolist())), self.num_samples
        )

    def _check(self, conditions, count):
        """Returns class indices or bools, or raises."""
        conditions = check_labels(self.judge, "conditions", conditions, self._names)
        if len(conditions) != count:
            raise ValueError(
                "`conditions` must be as many as the images. "
                f"Received: {len(conditions)} for {count} images"
            )
        return conditions
