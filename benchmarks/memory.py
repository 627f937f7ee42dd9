"""Peak memory of training the CIFAR-10 first stage, in fresh processes: keras_tsvae and PyTorch.

Of each process, how much more than the images, 50,000 of uint8, it had in memory at the most: in
all, and of its own, without pages of files, nearly all of which are the libraries' code. The images
are random; training goes over them once, or over the first part of them, which changes nothing.
Needs `pip install -e ".[benchmarks]"`.
"""

import compare
import fresh
import numpy as np
import record

IMAGES = (
    fresh.WATCH
    + """
import resource, numpy as np
images = np.random.default_rng(0).integers(0, 256, (50_000, 32, 32, 3), dtype="uint8")
"""
)
PEAK = """
in_all = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(in_all - images.nbytes, own_peak() - images.nbytes)
"""
JAX = "import os; os.environ['KERAS_BACKEND'] = 'jax'\n"
BUILDING = """
import keras_tsvae
stage = keras_tsvae.TwoStageVAE.from_preset("cifar10").first_stage
stage.compile()
"""
TRAINING = (
    BUILDING
    + """
stage.fit(images, batch_size=64, steps_per_epoch=STEPS, verbose=0)
"""
)
PROGRAMS = {
    "import keras, TensorFlow": "import keras",
    "and building": BUILDING,
    "and training": TRAINING,
    "import keras, JAX": JAX + "import keras",
    "and building, JAX": JAX + BUILDING,
    "and training, JAX": JAX + TRAINING,
    "import torch": "import torch",
    "and training, PyTorch twin": """
import torch
from torch_twin import FirstStage
model = FirstStage().to(memory_format=torch.channels_last)
optimizer = torch.optim.Adam(model.parameters(), 1e-4)
pictures = torch.from_numpy(images).permute(0, 3, 1, 2)
for rows in torch.randperm(len(pictures)).split(64)[:STEPS]:
    loss = model(pictures[rows].float() / 255)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
""",
}


def main():
    parser = compare.parser(__doc__)
    parser.add_argument("--steps", type=int, default=100)
    args = parser.parse_args()
    peaks = {name: [] for name in PROGRAMS}
    for _ in range(args.rounds):
        for name, program in PROGRAMS.items():
            code = IMAGES + program.replace("STEPS", str(args.steps)) + PEAK
            peaks[name].append([int(number) for number in fresh.numbers(code)])
    for name, each in peaks.items():
        in_all, own = (
            f"{np.median(numbers):.0f} MiB ({min(numbers):.0f} to {max(numbers):.0f})"
            for numbers in np.transpose(each) / 2**20
        )
        print(f"{name}: beyond the images {in_all}, of its own {own}")
    if args.output:
        record.save(args.output, [np], steps=args.steps, peak_and_own_peak_bytes=peaks)


if __name__ == "__main__":
    main()
