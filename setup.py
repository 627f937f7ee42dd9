"""Package metadata of keras_tsvae."""

import pathlib
import re

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
VERSION = re.search(
    r'^__version__ = "(.+)"$', (HERE / "keras_tsvae" / "version.py").read_text(), re.M
).group(1)

EXAMPLES = ["matplotlib", "scikit-learn"]
EXPLORE = ["gradio>=6"]
HUB = ["huggingface_hub>=1", "matplotlib"]
LITERT = ["ai-edge-litert"]
ONNX = ["onnx", "onnxruntime", "tf2onnx"]

setup(
    name="keras_tsvae",
    version=VERSION,
    description="Two-Stage VAE (Dai & Wipf 2019) for Keras 3, on TensorFlow and JAX",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["keras_tsvae", "keras_tsvae.*"]),
    package_data={"keras_tsvae": ["py.typed"]},
    python_requires=">=3.10",
    install_requires=[
        "tensorflow",
        "keras>=3.8",
        "keras-cv",
        "pillow",
        "h5py",
        "numpy",
        "scipy",
        "matplotlib",  # what a training leaves behind shows how it went
        "rich",
        "typer",  # small, and `keras-tsvae` is to work after `pip install .`
    ],
    entry_points={"console_scripts": ["keras-tsvae = keras_tsvae.cli.main:app"]},
    extras_require={
        "examples": EXAMPLES,
        "explore": EXPLORE,
        "hub": HUB,
        "jax": ["jax"],
        "litert": LITERT,
        "onnx": ONNX,
        "test": [
            *EXAMPLES,
            *EXPLORE,
            *HUB,
            *LITERT,
            *ONNX,
            "hypothesis",
            "jax",
            "mypy>=2",
            "playwright",  # which drives a browser that is there, and downloads none
            "pytest",
            "pytest-xdist",
            "ruff",
            "tensorboard",
        ],
        "benchmarks": ["torch", "pythae"],
    },
    classifiers=[
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
