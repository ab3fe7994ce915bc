"""Training: steps downhill, and how to stop and go on as if nothing had happened."""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np

from mathcore._arrays import Array, rounded, working
from mathcore._files import write_atomically

Arrays: TypeAlias = Mapping[str, Array]
LossAndGradient: TypeAlias = Callable[..., tuple[Any, Arrays]]


class Optimiser(Protocol):
    """What `train` asks of an optimiser: plain data in, plain data out, nothing changed in place."""

    def init(self, params: Arrays) -> dict[str, Array]:
        """The state before the first step."""

    def step(
        self, params: Arrays, grads: Arrays, state: Arrays, *, rate: float | None = None
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """The parameters and the state after a step."""


def sgd_step(params: Arrays, grads: Arrays, *, rate: float) -> dict[str, Array]:
    r"""One step of gradient descent: every number goes against its gradient.

    $$\theta' = \theta - \alpha\, g$$

    Args:
        params: name → array.
        grads: name → gradient; a parameter without one stays bit for bit what it is.
        rate: α, the length of the step.

    Returns:
        name → array, the new parameters, in the dtypes of the old ones.

    Raises:
        ValueError: if a gradient belongs to no parameter or has another shape.

    Examples:
        >>> mc.sgd_step({"w": np.array([1.0, 2.0])}, {"w": np.array([4.0, -2.0])}, rate=0.5)
        {'w': array([-1.,  3.])}
    """
    _check(params, grads)
    return {**params, **{name: _moved(params[name], rate * working(g)) for name, g in grads.items()}}


def adam_init(params: Arrays) -> dict[str, Array]:
    """The state of `adam_step` before the first step: both averages zero.

    Args:
        params: name → array.

    Returns:
        The number "t" of steps taken, and two averages "m/name" and "v/name" for each parameter, in the dtype of the
        arithmetic.

    Examples:
        >>> mc.adam_init({"w": np.array([1.0, 2.0])})
        {'t': array(0), 'm/w': array([0., 0.]), 'v/w': array([0., 0.])}
    """
    averages = {f"{kind}/{name}": np.zeros_like(working(p)) for kind in ("m", "v") for name, p in params.items()}
    return {"t": np.array(0), **averages}


def adam_step(
    params: Arrays,
    grads: Arrays,
    state: Arrays,
    *,
    rate: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    decay: float = 0.0,
) -> tuple[dict[str, Array], dict[str, Array]]:
    r"""One step of Adam: descent in units of each gradient's own size, with an average in place of the last gradient.

    $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2, \qquad
      \theta_t = \theta_{t-1} - \alpha\left(\frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}
        + \lambda\,\theta_{t-1}\right)$$

    Args:
        params: name → array.
        grads: name → gradient; a parameter without one stays bit for bit what it is, while t counts on.
        state: what `adam_init` or the step before returned.
        rate: α, the length of a step.
        beta1: how much of the average gradient stays.
        beta2: how much of the average square stays.
        epsilon: what keeps the quotient finite.
        decay: λ, how fast a matrix shrinks by itself; arrays of one axis, such as the weights of a norm, do not.

    Returns:
        The new parameters, in the dtypes of the old ones, and the new state.

    Raises:
        ValueError: if a gradient belongs to no parameter or has another shape.

    Examples:
        >>> params = {"w": np.array([1.0, 2.0])}
        >>> params, state = mc.adam_step(params, {"w": np.array([400.0, -2.0])}, mc.adam_init(params), rate=0.5)
        >>> params  # the first step is as long as the rate, whatever the gradient
        {'w': array([0.5, 2.5])}

    Source:
        Kingma & Ba, arXiv:1412.6980, algorithm 1; decay apart from the gradient: Loshchilov & Hutter, arXiv:1711.05101,
        algorithm 2, whose decay is αλ here, as in PyTorch.
    """
    _check(params, grads)
    t = int(state["t"]) + 1
    new_params, new_state = dict(params), {**state, "t": np.array(t)}
    for name, gradient in grads.items():
        g = working(gradient)
        m = beta1 * state[f"m/{name}"] + (1 - beta1) * g
        v = beta2 * state[f"v/{name}"] + (1 - beta2) * g * g
        # Both averages start at 0; dividing by the weight that t steps gather takes that bias out.
        mean, square = m / (1 - beta1**t), v / (1 - beta2**t)
        move = mean / (np.sqrt(square) + epsilon)
        if decay and params[name].ndim > 1:
            move = move + decay * working(params[name])
        new_params[name] = _moved(params[name], rate * move)
        new_state[f"m/{name}"], new_state[f"v/{name}"] = m, v
    return new_params, new_state


@dataclass(frozen=True)
class SGD:
    """`sgd_step` as an optimiser for `train`.

    Attributes:
        rate: the length of a step.

    Examples:
        >>> mc.SGD(rate=0.5)
        SGD(rate=0.5)
    """

    rate: float

    def init(self, params: Arrays) -> dict[str, Array]:
        """An empty state: there is nothing to remember.

        Examples:
            >>> mc.SGD(rate=0.5).init({"w": np.array([1.0, 2.0])})
            {}
        """
        del params
        return {}

    def step(
        self, params: Arrays, grads: Arrays, state: Arrays, *, rate: float | None = None
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """Take one step, of length `rate` or else the optimiser's own; the new parameters and the state.

        Examples:
            >>> params, state = mc.SGD(rate=0.5).step({"w": np.array([1.0])}, {"w": np.array([4.0])}, {})
            >>> params
            {'w': array([-1.])}
        """
        return sgd_step(params, grads, rate=self.rate if rate is None else rate), dict(state)


@dataclass(frozen=True)
class Adam:
    """`adam_step` as an optimiser for `train`.

    Attributes:
        rate, beta1, beta2, epsilon, decay: as for `adam_step`.

    Examples:
        >>> mc.Adam(rate=0.5, decay=0.1)
        Adam(rate=0.5, beta1=0.9, beta2=0.999, epsilon=1e-08, decay=0.1)
    """

    rate: float
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    decay: float = 0.0

    def init(self, params: Arrays) -> dict[str, Array]:
        """The state before the first step.

        Examples:
            >>> mc.Adam(rate=0.5).init({"w": np.array([1.0, 2.0])})["t"]
            array(0)
        """
        return adam_init(params)

    def step(
        self, params: Arrays, grads: Arrays, state: Arrays, *, rate: float | None = None
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """Take one step, of length `rate` or else the optimiser's own; the new parameters and the new state.

        Examples:
            >>> params, adam = {"w": np.array([1.0])}, mc.Adam(rate=0.5)
            >>> params, state = adam.step(params, {"w": np.array([4.0])}, adam.init(params))
            >>> params
            {'w': array([0.5])}
        """
        alpha = self.rate if rate is None else rate
        options = {"beta1": self.beta1, "beta2": self.beta2, "epsilon": self.epsilon, "decay": self.decay}
        return adam_step(params, grads, state, rate=alpha, **options)


def _moved(param: Array, by: Array) -> Array:
    return rounded(np.asarray(working(param) - by), like=param)


def _check(params: Arrays, grads: Arrays) -> None:
    for name, g in grads.items():
        if name not in params:
            raise ValueError(f"gradient {name!r} belongs to no parameter; there are {', '.join(params)}")
        if g.shape != params[name].shape:
            raise ValueError(f"gradient {name!r} must have shape {params[name].shape}, got {g.shape}")


def warmup_cosine(step: int, steps: int, *, peak: float, warmup: int) -> float:
    r"""The rate of a step: it climbs to its peak in a straight line and falls towards zero along a cosine.

    $$\alpha_t = \alpha\,\frac{t + 1}{w} \quad (t < w), \qquad
      \alpha_t = \frac{\alpha}{2}\left(1 + \cos\frac{\pi\,(t - w)}{n - w}\right) \quad (w \le t < n)$$

    Args:
        step: t, steps taken so far.
        steps: n, steps in all.
        peak: α.
        warmup: w, steps of the climb.

    Returns:
        The rate.

    Examples:
        >>> [mc.warmup_cosine(t, steps=8, peak=1.0, warmup=4) for t in (0, 1, 2, 3, 4, 6)]
        [0.25, 0.5, 0.75, 1.0, 1.0, 0.5]

    Source:
        Loshchilov & Hutter, arXiv:1608.03983, equation 5, without restarts.
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak / 2 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A training between two steps: all that the next step depends on.

    Attributes:
        params: name → array.
        state: the optimiser's, name → array.
        rng_state: where the random numbers stand.
        step: steps taken.
        config: what the trainer wants to find again; JSON values.

    Examples:
        >>> start = mc.Checkpoint.start({"w": np.array(4.0)}, mc.SGD(rate=0.5), np.random.default_rng(0))
        >>> start.params, start.state, start.step
        ({'w': array(4.)}, {}, 0)
    """

    params: Arrays
    state: Arrays
    rng_state: Mapping[str, Any]
    step: int
    config: Mapping[str, Any]

    @classmethod
    def start(
        cls, params: Arrays, optimiser: Optimiser, rng: np.random.Generator, config: Mapping[str, Any] | None = None
    ) -> Checkpoint:
        """The training before its first step; `rng` is read and left as it is.

        Examples:
            >>> mc.Checkpoint.start({"w": np.array(4.0)}, mc.SGD(rate=0.5), np.random.default_rng(0)).step
            0
        """
        return cls(params, optimiser.init(params), _generator_state(rng), 0, config or {})

    def rng(self) -> np.random.Generator:
        """A generator that goes on where this training stands.

        Examples:
            >>> start = mc.Checkpoint.start({"w": np.array(4.0)}, mc.SGD(rate=0.5), np.random.default_rng(0))
            >>> start.rng().random() == start.rng().random() == np.random.default_rng(0).random()
            True
        """
        rng = np.random.Generator(np.random.PCG64())
        rng.bit_generator.state = dict(self.rng_state)
        return rng


def _generator_state(rng: np.random.Generator) -> Mapping[str, Any]:
    if not isinstance(rng.bit_generator, np.random.PCG64):
        kind = type(rng.bit_generator).__name__
        raise TypeError(f"`rng` must be a generator over PCG64, as np.random.default_rng gives, got {kind}")
    return rng.bit_generator.state


def train(
    loss_and_gradient: LossAndGradient,
    draw: Callable[[np.random.Generator], tuple[Any, ...]],
    optimiser: Optimiser,
    start: Checkpoint,
    *,
    steps: int,
    rate: Callable[[int], float] | None = None,
    progress: Callable[[Checkpoint, float], object] | None = None,
) -> Checkpoint:
    """Draw a batch, take a step; again until `steps` have been taken.

    Training from any checkpoint of a run gives bit for bit what the run gives without the stop: a step depends on the
    checkpoint before it and on nothing else.

    Args:
        loss_and_gradient: called with the parameters and a batch; returns the loss and name → gradient.
        draw: a batch, the arguments that follow the parameters, from random numbers alone.
        optimiser: `SGD`, `Adam`, or what has their methods.
        start: where to begin.
        steps: steps in all, those before `start` included.
        rate: the rate of a step from the number of steps before it, or None for the optimiser's own.
        progress: called after every step with the new checkpoint and the loss before the step. It may save the
            checkpoint; a true answer ends the training there.

    Returns:
        The last checkpoint.

    Raises:
        FloatingPointError: if the loss is no longer finite; the message says at which step.

    Examples:
        >>> def half_square(params):
        ...     return params["w"] ** 2 / 2, {"w": params["w"]}
        >>> start = mc.Checkpoint.start({"w": np.array(4.0)}, mc.SGD(rate=0.5), np.random.default_rng(0))
        >>> mc.train(half_square, lambda rng: (), mc.SGD(rate=0.5), start, steps=2).params
        {'w': array(1.)}
    """
    now, rng = start, start.rng()
    while now.step < steps:
        value, grads = loss_and_gradient(now.params, *draw(rng))
        loss = float(value)
        if not math.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss} after {now.step} steps; a lower rate may help")
        alpha = None if rate is None else rate(now.step)
        params, state = optimiser.step(now.params, grads, now.state, rate=alpha)
        now = Checkpoint(params, state, _generator_state(rng), now.step + 1, now.config)
        if progress is not None and progress(now, loss):
            break
    return now


_MAGIC = b"mathcore checkpoint 1\n"


def save_checkpoint(path: str | os.PathLike[str], checkpoint: Checkpoint) -> None:
    """Write a checkpoint to `path`, the whole file or nothing: a crash leaves the one that was there.

    Args:
        path: of the file.
        checkpoint: what to write.

    Raises:
        TypeError: if an array has a dtype that NumPy's file format lacks, such as objects or bfloat16.
        OSError: if it cannot be written.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> start = mc.Checkpoint.start({"w": np.array(4.0)}, mc.SGD(rate=0.5), np.random.default_rng(0))
        >>> with TemporaryDirectory() as folder:
        ...     mc.save_checkpoint(f"{folder}/run.ckpt", start)
        ...     mc.load_checkpoint(f"{folder}/run.ckpt").params
        {'w': array(4.)}
    """
    # The file: what it is, the SHA-256 of the rest, one line of JSON, the arrays one after the other.
    about = {
        "step": checkpoint.step,
        "rng": checkpoint.rng_state,
        "config": checkpoint.config,
        "params": list(checkpoint.params),
        "state": list(checkpoint.state),
    }
    rest = io.BytesIO()
    rest.write(json.dumps(about).encode() + b"\n")
    for name, array in (*checkpoint.params.items(), *checkpoint.state.items()):
        if array.dtype.kind not in "fiub":
            raise TypeError(f"`{name}` has dtype {array.dtype}, which a checkpoint cannot hold")
        np.lib.format.write_array(rest, array, allow_pickle=False)
    content = rest.getvalue()
    write_atomically(path, _MAGIC + hashlib.sha256(content).digest() + content)


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read what `save_checkpoint` wrote.

    Args:
        path: of the file.

    Returns:
        The checkpoint, bit for bit.

    Raises:
        ValueError: if the file is cut short, damaged or something else; the message names it and says which.
        OSError: if it cannot be read.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> start = mc.Checkpoint.start({"w": np.array(4.0)}, mc.SGD(rate=0.5), np.random.default_rng(0))
        >>> with TemporaryDirectory() as folder:
        ...     mc.save_checkpoint(f"{folder}/run.ckpt", start)
        ...     mc.load_checkpoint(f"{folder}/run.ckpt").step
        0
    """
    whole = Path(path).read_bytes()
    start = len(_MAGIC) + hashlib.sha256().digest_size
    magic, digest, content = whole[: len(_MAGIC)], whole[len(_MAGIC) : start], whole[start:]
    if magic != _MAGIC:
        raise ValueError(f"{os.fspath(path)} is not a checkpoint: it does not begin with {_MAGIC!r}")
    if hashlib.sha256(content).digest() != digest:
        raise ValueError(f"{os.fspath(path)} is a damaged checkpoint: its content does not match its checksum")
    rest = io.BytesIO(content)
    about = json.loads(rest.readline())
    params, state = (
        {name: np.lib.format.read_array(rest, allow_pickle=False) for name in about[kind]}
        for kind in ("params", "state")
    )
    return Checkpoint(params, state, about["rng"], about["step"], about["config"])
