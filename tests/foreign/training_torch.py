"""PyTorch's optimisers, a step at a time."""

import torch

from mathcore.verify import Conventions, Target


def adam_init(params):
    zeros = {f"{moment}/{name}": torch.zeros_like(p) for moment in "mv" for name, p in params.items()}
    steps = {f"t/{name}": torch.tensor(0.0) for name in params}
    return {**zeros, **steps}


def adam_step(params, grads, state, *, rate, beta1=0.9, beta2=0.999, epsilon=1e-8, decay=0.0):
    """`torch.optim.AdamW`, whose state is put in and taken out."""
    leaves = {name: p.detach().clone().requires_grad_() for name, p in params.items()}
    groups = [
        {"params": [p for p in leaves.values() if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in leaves.values() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    adam = torch.optim.AdamW(groups, lr=rate, betas=(beta1, beta2), eps=epsilon)
    for name, p in leaves.items():
        p.grad = grads.get(name)
        adam.state[p] = {
            "step": state[f"t/{name}"].clone(), "exp_avg": state[f"m/{name}"].clone(),
            "exp_avg_sq": state[f"v/{name}"].clone(),
        }  # fmt: skip
    adam.step()
    keys = {"t": "step", "m": "exp_avg", "v": "exp_avg_sq"}
    after = {f"{short}/{name}": adam.state[p][key] for name, p in leaves.items() for short, key in keys.items()}
    return {name: p.detach() for name, p in leaves.items()}, after


def sgd_step(params, grads, *, rate):
    leaves = {name: p.detach().clone().requires_grad_() for name, p in params.items()}
    for name, p in leaves.items():
        p.grad = grads.get(name)
    torch.optim.SGD(leaves.values(), lr=rate).step()
    return {name: p.detach() for name, p in leaves.items()}


WIDE = ("float64", "float32")
TARGETS = (
    Target.torch("AdamW, torch", adam_init=adam_init, adam_step=adam_step, dtypes=WIDE,
                 conventions=Conventions(adam_counts="gradients")),
    Target.torch("SGD, torch", sgd_step=sgd_step, dtypes=WIDE),
)  # fmt: skip
