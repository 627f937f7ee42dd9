"""Sharing trained models on Hugging Face's hub.

    >>> keras_tsvae.hub.push("user/model", model, license="apache-2.0")
    >>> model = keras_tsvae.TwoStageVAE.from_preset("hf://user/model")

Needs `pip install "keras_tsvae[hub]"`.
"""

from keras_tsvae.hub.push import push

__all__ = ["push"]
