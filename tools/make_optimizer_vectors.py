"""Writes tests/vectors/optimizer: AdamW and schedules as torch and transformers have them.

adamw_<case>.safetensors, 50 updates with a changing learning rate from the same float32 weights and
gradients: `p.<name>` the weights before, `g.<name>` (updates, ...) the gradients, `lr` and `norm`
(updates,); after the last update in float64 `p_last.<name>`, `m.<name>`, `v.<name>`,
`average.<name>` (torch.optim.swa_utils, started from the first weights), after the first one
`p_first.<name>`; a twin `....f32` of each p_last is torch's own float32 run, for the size of its
error. `param.*` are the settings.

schedules.safetensors: `<kind>.<warmup>.<steps>` (steps + 3,) the learning rate before each update.

    python tools/make_optimizer_vectors.py [--out tests/vectors/optimizer]
"""

import argparse
import pathlib

import numpy as np
import torch
import transformers
import vector_file
from torch.optim.swa_utils import get_ema_multi_avg_fn

torch.set_num_threads(1)

UPDATES = 50
# Sizes that are and are not whole groups of 16; a bias and a normalisation weight do not decay.
SHAPES = {
    "encoder.query.weight": (9, 7),
    "encoder.query.bias": (9,),
    "encoder.LayerNorm.weight": (16,),
    "encoder.LayerNorm.bias": (16,),
    "encoder.dense.weight": (4, 16),
    "classifier.weight": (1, 3),
    "classifier.bias": (1,),
}
CASES = {
    "plain": dict(),
    "clip": dict(clip=0.7),
    "clip_rarely": dict(clip=40.0, average=0.9),
    "no_decay": dict(weight_decay=0.0, average=0.999),
    "strong": dict(weight_decay=0.3, beta1=0.4, beta2=0.95, epsilon=1e-3, clip=2.0),
    "forgetful": dict(beta1=0.0, beta2=0.3, average=0.25),
}


def decays(name, shape):
    return len(shape) > 1 and not name.endswith(".bias")


def draw(seed):
    rng = np.random.default_rng(seed)
    weights, gradients = {}, {}
    for name, shape in SHAPES.items():
        norm = name.endswith("LayerNorm.weight")
        weights[name] = (rng.standard_normal(shape) * 0.05 + norm).astype(np.float32)
        # Sizes from one element to the next and from step to step as far apart as real ones.
        size = 10 ** rng.uniform(-4, 1, shape)
        size = size * 10 ** rng.uniform(-1, 1, (UPDATES,) + (1,) * len(shape))
        drawn = (rng.standard_normal((UPDATES,) + shape) + 0.5) * size
        gradients[name] = drawn.astype(np.float32)
        gradients[name].reshape(UPDATES, -1)[:, 0] *= name.endswith("bias")  # one that never moves
    lr = 3e-3 * np.minimum(np.arange(1, UPDATES + 1) / 8, np.linspace(1.1, 0.02, UPDATES))
    return weights, gradients, lr


def run(dtype, weights, gradients, lr, settings):
    p = {name: torch.nn.Parameter(torch.tensor(w, dtype=dtype)) for name, w in weights.items()}
    groups = [{"params": [p[n] for n in p if decays(n, SHAPES[n]) == yes],
               "weight_decay": settings["weight_decay"] if yes else 0.0} for yes in (True, False)]
    optimizer = torch.optim.AdamW(groups, lr=1.0, betas=(settings["beta1"], settings["beta2"]),
                                  eps=settings["epsilon"], foreach=False)
    average = [p[name].detach().clone() for name in p]
    follow = get_ema_multi_avg_fn(settings["average"])
    out = {"norm": []}
    for step in range(UPDATES):
        for name in p:
            p[name].grad = torch.tensor(gradients[name][step], dtype=dtype)
        limit = settings["clip"] or float("inf")
        out["norm"].append(float(torch.nn.utils.clip_grad_norm_(p.values(), limit, foreach=False)))
        for group in optimizer.param_groups:
            group["lr"] = float(lr[step])
        optimizer.step()
        follow(average, [p[name].detach() for name in p], step)
        if step == 0:
            out.update({"p_first." + n: p[n].detach().clone() for n in p})
    for i, name in enumerate(p):
        out["p_last." + name] = p[name].detach()
        out["m." + name] = optimizer.state[p[name]]["exp_avg"]
        out["v." + name] = optimizer.state[p[name]]["exp_avg_sq"]
        if settings["average"]:
            out["average." + name] = average[i]
    return out


def adamw(folder, case, changes, seed):
    settings = dict(beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.01, clip=0.0, average=0.0)
    settings.update(changes)
    weights, gradients, lr = draw(seed)
    exact = run(torch.float64, weights, gradients, lr, settings)
    rough = run(torch.float32, weights, gradients, lr, settings)
    tensors = {"lr": lr, "norm": np.array(exact.pop("norm"))}
    tensors.update({"p." + name: w for name, w in weights.items()})
    tensors.update({"g." + name: g for name, g in gradients.items()})
    tensors.update({name: value.numpy() for name, value in exact.items()})
    tensors.update({"p_last." + name + ".f32": rough["p_last." + name].numpy() for name in weights})
    tensors.update({"param." + key: np.array([value]) for key, value in settings.items()})
    vector_file.write(folder / f"adamw_{case}.safetensors", tensors,
                      {"made_with": f"torch {torch.__version__.split('+')[0]}"})


def schedules(folder):
    tensors, lr = {}, 3e-4
    for warmup, steps in ((0, 1), (0, 40), (4, 40), (13, 40), (40, 40), (50, 40), (1, 2), (0, 0)):
        kinds = {
            "linear": lambda o: transformers.get_linear_schedule_with_warmup(o, warmup, steps),
            "cosine": lambda o: transformers.get_cosine_schedule_with_warmup(o, warmup, steps),
            "constant": lambda o: transformers.get_constant_schedule_with_warmup(o, warmup),
        }
        for kind, make in kinds.items():
            optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
            schedule, rates = make(optimizer), []
            for _ in range(steps + 3):
                rates.append(schedule.get_last_lr()[0])
                optimizer.step()
                schedule.step()
            tensors[f"{kind}.{warmup}.{steps}"] = np.array(rates, dtype=np.float64)
    tensors["lr"] = np.array([lr])
    vector_file.write(folder / "schedules.safetensors", tensors,
                      {"made_with": f"transformers {transformers.__version__}"})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--out", type=pathlib.Path, default=root / "tests/vectors/optimizer")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (case, changes) in enumerate(CASES.items()):
        adamw(folder, case, changes, 700 + seed)
    schedules(folder)


if __name__ == "__main__":
    main()
