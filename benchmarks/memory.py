"""Peak memory of training the CIFAR-10 first stage, in fresh processes: keras_tsvae and PyTorch.

Of each process, how much more than the images, 50,000 of uint8, it had in memory at the most; the
libraries are part of that. The images are random; training goes over them once, or over the first
part of them, which changes nothing. Needs `pip install -e ".[benchmarks]"`.
"""

import compare
import fresh
import numpy as np
import record

IMAGES = """
import resource, numpy as np
images = np.random.default_rng(0).integers(0, 256, (50_000, 32, 32, 3), dtype="uint8")
"""
PEAK = """
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - images.nbytes)
"""
JAX = "import os; os.environ['KERAS_BACKEND'] = 'jax'\n"
TRAINING = """
import keras_tsvae
stage = keras_tsvae.TwoStageVAE.from_preset("cifar10").first_stage
stage.compile()
stage.fit(images, batch_size=64, steps_per_epoch=STEPS, verbose=0)
"""
PROGRAMS = {
    "keras_tsvae on TensorFlow": TRAINING,
    "keras_tsvae on JAX": JAX + TRAINING,
    "PyTorch twin": """
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
    "import keras, TensorFlow": "import keras",
    "import keras, JAX": JAX + "import keras",
    "import torch": "import torch",
}


def main():
    parser = compare.parser(__doc__)
    parser.add_argument("--steps", type=int, default=100)
    args = parser.parse_args()
    peaks = {name: [] for name in PROGRAMS}
    for _ in range(args.rounds):
        for name, program in PROGRAMS.items():
            code = IMAGES + program.replace("STEPS", str(args.steps)) + PEAK
            [peak] = fresh.numbers(code)
            peaks[name].append(int(peak))
    for name, each in peaks.items():
        low, median, high = (f(each) / 2**20 for f in (min, np.median, max))
        print(f"{name}: {median:.0f} MiB beyond the images ({low:.0f} to {high:.0f})")
    if args.output:
        record.save(args.output, [np], steps=args.steps, peak_bytes=peaks)


if __name__ == "__main__":
    main()
