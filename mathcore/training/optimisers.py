"""Steps of gradient descent and of Adam."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

from mathcore._arrays import Array, able, floating, quiet, rounded, working
from mathcore._scalars import mapping, real, whole

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
        TypeError: if a gradient, or a parameter that has one, is not floating.
        ValueError: if a gradient belongs to no parameter or has another shape, or a number is out of range.

    Examples:
        >>> mc.sgd_step({"w": np.array([1.0, 2.0])}, {"w": np.array([4.0, -2.0])}, rate=0.5)
        {'w': array([-1.,  3.])}
    """
    moving, grads = _checked(params, grads)
    rate = real("rate", rate, beside=_objects(grads))
    with quiet():
        return {**params, **{name: _moved(moving[name], rate * working(g)) for name, g in grads.items()}}


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
    all_params = _all_floating(params)
    averages = {f"{kind}/{name}": np.zeros_like(working(p)) for kind in ("m", "v") for name, p in all_params.items()}
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
        TypeError: if a gradient, or a parameter that has one, is not floating.
        ValueError: if a gradient belongs to no parameter or has another shape, or a number is out of range.

    Examples:
        >>> params = {"w": np.array([1.0, 2.0])}
        >>> params, state = mc.adam_step(params, {"w": np.array([400.0, -2.0])}, mc.adam_init(params), rate=0.5)
        >>> params  # the first step is as long as the rate, whatever the gradient
        {'w': array([0.5, 2.5])}

    Source:
        Kingma & Ba, arXiv:1412.6980, algorithm 1; decay apart from the gradient: Loshchilov & Hutter, arXiv:1711.05101,
        algorithm 2, whose decay is αλ here, as in PyTorch.
    """
    moving, grads = _checked(params, grads)
    numbers = rate, beta1, beta2, epsilon, decay
    rate, beta1, beta2, epsilon, decay = _checked_options(*numbers, beside=_objects(grads))
    t = _checked_state(state, grads) + 1
    new_params, new_state = dict(params), {**state, "t": np.array(t)}
    with quiet():
        for name, gradient in grads.items():
            g = working(gradient)
            m = beta1 * state[f"m/{name}"] + (1 - beta1) * g
            v = beta2 * state[f"v/{name}"] + (1 - beta2) * g * g
            # Both averages start at 0; dividing by the weight that t steps gather takes that bias out.
            mean, square = m / (1 - beta1**t), v / (1 - beta2**t)
            move = mean / (np.sqrt(able(square, "sqrt")) + epsilon)
            if decay and moving[name].ndim > 1:
                move = move + decay * working(moving[name])
            new_params[name] = _moved(moving[name], rate * move)
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

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", real("rate", self.rate))

    def init(self, params: Arrays) -> dict[str, Array]:
        """An empty state: there is nothing to remember.

        Examples:
            >>> mc.SGD(rate=0.5).init({"w": np.array([1.0, 2.0])})
            {}
        """
        _all_floating(params)
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
        kept = dict(mapping("state", state))
        return sgd_step(params, grads, rate=self.rate if rate is None else rate), kept


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

    def __post_init__(self) -> None:
        options = _checked_options(self.rate, self.beta1, self.beta2, self.epsilon, self.decay)
        for name, value in zip(("rate", "beta1", "beta2", "epsilon", "decay"), options, strict=True):
            object.__setattr__(self, name, value)

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
    """param − by, rounded once to the dtype of the parameter."""
    return rounded(np.asarray(working(param) - by), like=param)


def _all_floating(params: Arrays) -> dict[str, Array]:
    """The parameters, each of which must be of floats."""
    return {name: floating(f"params[{name!r}]", p) for name, p in mapping("params", params).items()}


def _checked(params: Arrays, grads: Arrays) -> tuple[dict[str, Array], dict[str, Array]]:
    """The parameters that have a gradient, and the gradients: each of floats, and of the shape of its parameter."""
    mapping("params", params)
    moving, slopes = dict[str, Array](), dict[str, Array]()
    for name, g in mapping("grads", grads).items():
        if name not in params:
            raise ValueError(f"gradient {name!r} belongs to no parameter; there are {', '.join(map(str, params))}")
        moving[name] = floating(f"params[{name!r}]", params[name])
        slopes[name] = floating(f"grads[{name!r}]", g)
        if slopes[name].shape != moving[name].shape:
            raise ValueError(f"gradient {name!r} must have shape {moving[name].shape}, got {slopes[name].shape}")
    return moving, slopes


def _objects(grads: Arrays) -> Array | None:
    """A gradient of objects, if there is one: numbers stay exact beside it."""
    return next((g for g in grads.values() if g.dtype == object), None)


def _checked_options(
    rate: float, beta1: float, beta2: float, epsilon: float, decay: float, beside: Array | None = None
) -> tuple[float, ...]:
    """The numbers of Adam: averages must forget, or their weights sum to nothing."""
    betas = [real(name, beta, 0, 1, beside=beside) for name, beta in (("beta1", beta1), ("beta2", beta2))]
    for name, beta in zip(("beta1", "beta2"), betas, strict=True):
        if beta == 1:
            raise ValueError(f"`{name}` must lie in [0, 1), got {beta}")
    last = real("epsilon", epsilon, 0, beside=beside), real("decay", decay, 0, beside=beside)
    return real("rate", rate, beside=beside), *betas, *last


def _checked_state(state: Arrays, grads: Arrays) -> int:
    """How many steps were taken; and that there are both averages of every gradient, of its shape."""
    mapping("state", state)
    for name in ("t", *(f"{kind}/{name}" for name in grads for kind in ("m", "v"))):
        if name not in state:
            raise ValueError(f"`state` must be what `adam_init` or the step before returned, it has no {name!r}")
    for name, g in grads.items():
        for kind in ("m", "v"):
            if (shape := floating(f"state['{kind}/{name}']", state[f"{kind}/{name}"]).shape) != g.shape:
                raise ValueError(f"`state['{kind}/{name}']` must have shape {g.shape}, got {shape}")
    return whole("state['t']", state["t"], 0)
