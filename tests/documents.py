"""The pages of documentation: links, code, commands; small stand-ins for what they name."""

import inspect
import pathlib
import re
import textwrap

import numpy as np
from PIL import Image

from keras_tsvae import presets
from tests import tiny
from tests.data import faces

REPOSITORY = pathlib.Path(__file__).parents[1]
PAGES = sorted(
    str(path.relative_to(REPOSITORY))
    for path in (
        REPOSITORY / "README.md",
        REPOSITORY / "SECURITY.md",
        REPOSITORY / "benchmarks" / "README.md",
        *(REPOSITORY / "docs").glob("*.md"),
        *(REPOSITORY / "examples").rglob("*.md"),
    )
)
SMALL = {"base_dim": 2, "fc_dim": 8, "latent_dim": 4, "second_stage_width": 8, "batch_size": 32}
SMALL |= {"second_stage_depth": 1, "network": "infogan", "num_scale": None, "optimizer": "sgd"}


def text(page):
    """Returns a page's text."""
    return (REPOSITORY / page).read_text(encoding="utf-8")


def blocks(page, language):
    """Returns the fenced blocks of a language ("" for none), without what they are indented by."""
    fence = rf"^( *)```{language}\n(.*?)^\1```$"
    return [
        textwrap.dedent(block)
        for _, block in re.findall(fence, text(page), re.MULTILINE | re.DOTALL)
    ]


def commands(page, program):
    """Returns the command lines of a page that start a program, without prompt and comment."""
    lines = [line for block in blocks(page, "") for line in block.splitlines()]
    lines = [line.removeprefix("$ ").split("  #")[0].split(" # ")[0].strip() for line in lines]
    return [line for line in lines if line.startswith(f"{program} ")]


def without_code(page):
    """Returns a page's text without its fenced blocks."""
    return re.sub(r"^( *)```.*?^\1```$", "", text(page), flags=re.MULTILINE | re.DOTALL)


def links(page):
    """Returns what a page links to, or shows, in the repository: path and anchor."""
    found = re.findall(r"\]\(([^)\s]+)\)", without_code(page))
    found = [link for link in found if not re.match(r"[a-z]+:", link)]
    return [link.partition("#")[::2] for link in found]


def anchors(path):
    """Returns the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", without_code(path), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return [heading.replace(" ", "-") for heading in plain]


def write_files(folder):
    """Writes what the pages take from outside: data sets and pictures, few and small."""
    rng = np.random.default_rng(0)
    (folder / "data").mkdir()
    for name, shape in (("mnist", (28, 28)), ("cifar10", (32, 32, 3))):
        arrays = {}
        for part, n in (("train", 5100), ("test", 64)):
            arrays[f"x_{part}"] = rng.integers(0, 256, (n, *shape), "uint8")
            arrays[f"y_{part}"] = (np.arange(n) % 10).astype("uint8")
        np.savez(folder / "data" / f"{name}.npz", **arrays)
    pictures = folder / "folder" / "of" / "pictures"
    pictures.mkdir(parents=True)
    for number, image in enumerate(tiny.images(20)):
        Image.fromarray(image[..., 0]).save(pictures / f"{number}.png")
    write_faces(folder / "folder" / "of" / "celeba")


def write_faces(folder, n=110):
    """Writes CelebA's layout, with the names of its attributes."""
    (folder / "img_align_celeba").mkdir(parents=True)
    for index in range(n):
        faces.picture_path(folder, index).write_bytes(faces.encoded(faces.picture(index)))
    names = presets.get("celeba_conditional").condition_names
    values = np.random.default_rng(0).choice([-1, 1], (n, 40))
    faces.write_attributes(folder, values)
    table = folder / "list_attr_celeba.txt"
    count, _, *rows = table.read_text().splitlines()
    table.write_text("\n".join([count, " ".join(names), *rows]) + "\n")
    parts = [(0, 0, 0, 1, 2)[index % 5] for index in range(n)]
    faces.write_partition(folder, [f"{faces.name(i)} {part}" for i, part in enumerate(parts)])


def calls(function, answer=None):
    """Returns a function of the same arguments that only checks them and returns `answer`."""

    def called(*args, **kwargs):
        inspect.signature(function).bind(*args, **kwargs)
        return answer

    return called
