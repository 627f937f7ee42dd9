"""`python -m keras_tsvae`: the command line."""

from keras_tsvae.cli.main import app

if __name__ == "__main__":
    app(prog_name="keras-tsvae")
