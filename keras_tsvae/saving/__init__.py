"""What every Keras model of this package shares in being saved, loaded and exported."""
