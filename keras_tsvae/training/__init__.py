"""The custom train and test step of a stage, for the backend in use, and what feeds it."""

import keras

if keras.backend.backend() == "tensorflow":
    from keras_tsvae.training.tensorflow import StageTrainer
    from keras_tsvae.training.tensorflow_fit import Trainer
else:
    from keras_tsvae.training.jax import StageTrainer
    from keras_tsvae.training.jax_fit import Trainer

__all__ = ["StageTrainer", "Trainer"]
