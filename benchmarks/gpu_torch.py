"""The same network in PyTorch, trained and sampled in the ways it is fastest (see `gpu.py`).

Each is a function that does so many steps and returns once the device has done them. All are
compiled by `torch.compile`, convolutions are channels_last, cuDNN searches for its fastest
algorithms, Adam is fused, and data lie on the device:

- step: by default;
- graphs: `mode="reduce-overhead"`, which replays CUDA graphs; only on a GPU.

float32 is with TF32, as JAX has it by default; bfloat16 is autocast.
"""

import torch
from torch_twin import FirstStage, SecondStage

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
MODES = {"step": None, "graphs": "reduce-overhead"} if DEVICE == "cuda" else {"step": None}
PRECISIONS = ("float32", "bfloat16")

torch.set_float32_matmul_precision("high")
torch.backends.cudnn.allow_tf32 = True
torch.backends.cudnn.benchmark = True
torch._dynamo.config.recompile_limit = 64  # one function is compiled for every way


def facts():
    device = torch.cuda.get_device_name() if DEVICE == "cuda" else "cpu"
    return {"torch": torch.__version__, "device": device}


def product(a, b):
    """Returns a matrix product as this library computes it by default."""
    return (torch.from_numpy(a).to(DEVICE) @ torch.from_numpy(b).to(DEVICE)).cpu().numpy()


def autocast(precision):
    return torch.autocast(DEVICE, torch.bfloat16, enabled=precision == "bfloat16")


def loss_of_images(model):
    return lambda x: model(x.permute(0, 3, 1, 2).float() / 255)  # (batch, h, w, channels), uint8


def loss_of_posteriors(model):
    return lambda mean, std: model(mean + std * torch.randn_like(mean))


def training(model, loss_of, arrays, batch_size, precision):
    """Yields the names and functions of all ways to train a stage."""
    model.to(DEVICE, memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), 1e-4, fused=True)
    on_device = [torch.from_numpy(array).to(DEVICE) for array in arrays]
    n = len(on_device[0])
    for name, mode in MODES.items():
        loss = torch.compile(loss_of(model), mode=mode, dynamic=False)

        def run(steps, loss=loss):
            rows = torch.randint(n, (steps, batch_size), device=DEVICE)
            for i in range(steps):
                batch = [array[rows[i]] for array in on_device]
                torch.compiler.cudagraph_mark_step_begin()
                with autocast(precision):
                    value = loss(*batch)
                value.backward()
                optimizer.step()
                optimizer.zero_grad()
            if DEVICE == "cuda":
                torch.cuda.synchronize()
            return steps * batch_size

        yield name, run


def sampling(first, second, batch_size, precision):
    """Returns a function that samples through both stages, into the host's memory."""
    first = first.to(DEVICE, memory_format=torch.channels_last).eval()
    second = second.to(DEVICE).eval()

    def generate(u, noise):
        return first.decode(second.decode(u) + second.log_gamma.exp() * noise)

    generate = torch.compile(generate, dynamic=False)

    @torch.no_grad()
    def run(steps):
        batches = []
        for _ in range(steps):
            u, noise = torch.randn(2, batch_size, 64, device=DEVICE)
            with autocast(precision):
                batches.append(generate(u, noise).float().cpu())
        return len(torch.cat(batches).numpy())

    return run


def ways(images, posteriors, batch_sizes, sample_batch_size, chunk):
    """Yields what is done, in which precision, the batch size, how, and the function."""
    for batch_size in batch_sizes:
        for precision in PRECISIONS:
            settings = (batch_size, precision)
            for name, run in training(FirstStage(), loss_of_images, (images,), *settings):
                yield "stage 1", precision, batch_size, name, run
            for name, run in training(SecondStage(), loss_of_posteriors, posteriors, *settings):
                yield "stage 2", precision, batch_size, name, run
            if batch_size == batch_sizes[0]:
                run = sampling(FirstStage(), SecondStage(), sample_batch_size, precision)
                yield "sampling", precision, sample_batch_size, "sample", run
