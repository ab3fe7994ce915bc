"""Adam and gradient descent in NumPy."""

import numpy as np

from mathcore.verify import Target


def adam_init(params):
    zeros = {f"{moment}/{name}": np.zeros(p.shape, np.float64) for moment in "mv" for name, p in params.items()}
    return {"t": np.array(0), **zeros}


def adam_step(params, grads, state, *, rate, beta1=0.9, beta2=0.999, epsilon=1e-8, decay=0.0):
    new, after, t = dict(params), dict(state), int(state["t"]) + 1
    for name, g in grads.items():
        m = after[f"m/{name}"] = beta1 * state[f"m/{name}"] + (1 - beta1) * np.asarray(g, np.float64)
        v = after[f"v/{name}"] = beta2 * state[f"v/{name}"] + (1 - beta2) * np.asarray(g, np.float64) ** 2
        move = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + epsilon)
        p = np.asarray(params[name], np.float64)
        new[name] = (p - rate * (move + (decay if p.ndim > 1 else 0) * p)).astype(params[name].dtype)
    after["t"] = np.array(t)
    return new, after


def sgd_step(params, grads, *, rate):
    return {name: (p - rate * grads[name]).astype(p.dtype) if name in grads else p for name, p in params.items()}


TARGETS = (
    Target.numpy("Adam, NumPy", adam_init=adam_init, adam_step=adam_step, dtypes=("float64", "float32")),
    Target.numpy("SGD, NumPy", sgd_step=sgd_step, dtypes=("float64", "float32")),
)  # fmt: skip
