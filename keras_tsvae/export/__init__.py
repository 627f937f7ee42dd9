"""SavedModels: what is exported, how it draws, and in which types it is asked."""

from keras_tsvae.export.saved_model import export_saved_model

__all__ = ["export_saved_model"]
