"""Gates: one array decides, number by number, how much of another passes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, rounded, working
from mathcore._compute.blocks import BLOCK_OF_FLOAT64, map_elements, thread_float64
from mathcore._scalars import real
from mathcore.layers._activation import OWN, Form, Logistic, exact_product, numbers, slope, value, wide
from mathcore.layers.gelu import Approximation, form_of_gelu
from mathcore.layers.sigmoid import SILU


def swiglu(
    gate: npt.ArrayLike, up: npt.ArrayLike, *, alpha: float = 1.0, beta: float = 0.0, limit: float | None = None
) -> Array:
    r"""What passes a gate that is opened by `silu`.

    $$y = \operatorname{silu}(g)\,u = g\,\sigma(g)\,u, \qquad \text{in general} \qquad
      y = g'\,\sigma(\alpha g')\,(u' + \beta), \quad g' = \min(g, L), \quad u' = \min(\max(u, -L), L)$$

    Args:
        gate, up: any shape, the same; floats. g and u: what decides, and what passes.
        alpha: how steep the gate is, from 2⁻⁶⁴ to 2⁶⁴. GPT-OSS: 1.702.
        beta: added to what passes. GPT-OSS: 1.
        limit: L ≥ 0, or None for no limit. It bounds the gate from above only, and `up` on both sides. GPT-OSS: 7.

    Returns:
        The shape of both, in the dtype that they promote to.

    Raises:
        TypeError: if an array is not floating, or an option is no number.
        ValueError: if the shapes differ; the message gives them. If an option is out of range.

    Source:
        Shazeer, GLU Variants Improve Transformer, arXiv:2002.05202, equation 6.

    Examples:
        >>> mc.swiglu([-2.0, 0.0, 2.0], up=[10.0, 10.0, 10.0])
        array([-2.38405844,  0.        , 17.61594156])
        >>> mc.swiglu([9.0, 9.0], up=[0.0, 9.0], alpha=1.702, beta=1.0, limit=7.0)  # of GPT-OSS
        array([ 6.99995313, 55.99962503])
    """
    return _passed(gate, up, Gate(*options_of_swiglu(alpha, beta, limit)))


def swiglu_vjp(
    cotangent: npt.ArrayLike,
    gate: npt.ArrayLike,
    up: npt.ArrayLike,
    *,
    alpha: float = 1.0,
    beta: float = 0.0,
    limit: float | None = None,
) -> tuple[Array, Array]:
    r"""Pull a cotangent ȳ of `swiglu` back to both inputs.

    $$\bar g = \bar y\,(u' + \beta)\,\frac{\partial\, g' \sigma(\alpha g')}{\partial g'}\ [g \le L], \qquad
      \bar u = \bar y\, g' \sigma(\alpha g')\ [|u| \le L]$$

    Args:
        cotangent: the shape of both, floats.
        gate, up, alpha, beta, limit: as given to `swiglu`.

    Returns:
        The cotangents of the gate and of `up`, each in the dtype of its input. Beyond a limit they are 0.

    Raises:
        TypeError: if an array is not floating, or an option is no number.
        ValueError: if the shapes differ; the message gives them. If an option is out of range.

    Examples:
        >>> gate_bar, up_bar = mc.swiglu_vjp([1.0, 1.0], gate=[0.0, 2.0], up=[10.0, 10.0])
        >>> gate_bar
        array([ 5.        , 10.90784249])
        >>> up_bar
        array([0.        , 1.76159416])
    """
    return _pulled(cotangent, gate, up, Gate(*options_of_swiglu(alpha, beta, limit)))


def geglu(gate: npt.ArrayLike, up: npt.ArrayLike, *, approximate: Approximation = "none") -> Array:
    r"""What passes a gate that is opened by `gelu`.

    $$y = \operatorname{gelu}(g)\,u = g\,\Phi(g)\,u$$

    Args:
        gate, up: any shape, the same; floats. g and u: what decides, and what passes.
        approximate: "none", "tanh" or "quick", as for `gelu`. Gemma: "tanh".

    Returns:
        The shape of both, in the dtype that they promote to.

    Raises:
        TypeError: if an array is not floating.
        ValueError: if the shapes differ; the message gives them. If there is no such approximation.

    Source:
        Shazeer, GLU Variants Improve Transformer, arXiv:2002.05202, equation 6.

    Examples:
        >>> mc.geglu([-1.0, 0.0, 1.0], up=[10.0, 10.0, 10.0])
        array([-1.58655254,  0.        ,  8.41344746])
    """
    return _passed(gate, up, Gate(form_of_gelu(approximate)))


def geglu_vjp(
    cotangent: npt.ArrayLike, gate: npt.ArrayLike, up: npt.ArrayLike, *, approximate: Approximation = "none"
) -> tuple[Array, Array]:
    r"""Pull a cotangent ȳ of `geglu` back to both inputs.

    $$\bar g = \bar y\,u\,\big(\Phi(g) + g\,\varphi(g)\big), \qquad \bar u = \bar y\,g\,\Phi(g), \qquad
      \varphi(g) = \frac{e^{-g^2/2}}{\sqrt{2\pi}}$$

    Args:
        cotangent: the shape of both, floats.
        gate, up, approximate: as given to `geglu`. The derivative is that of the approximation.

    Returns:
        The cotangents of the gate and of `up`, each in the dtype of its input.

    Raises:
        TypeError: if an array is not floating.
        ValueError: if the shapes differ; the message gives them. If there is no such approximation.

    Examples:
        >>> gate_bar, up_bar = mc.geglu_vjp([1.0, 1.0], gate=[0.0, 1.0], up=[10.0, 10.0])
        >>> gate_bar
        array([ 5.        , 10.83315471])
        >>> up_bar
        array([0.        , 0.84134475])
    """
    return _pulled(cotangent, gate, up, Gate(form_of_gelu(approximate)))


@dataclass(frozen=True)
class Gate:
    """s(min(g, L)) (clip(u) + β) with an activation s.

    Attributes:
        form: of the activation.
        beta: what is added to what passes.
        limit: L, or None.
    """

    form: Form
    beta: float = 0.0
    limit: float | None = None

    def passed(self, gate: Array, up: Array) -> Array:
        """y in float64, of a block: its own until the next call on the same thread."""
        held, through = self._clamped(gate, up)
        y = value(held, self.form)
        y *= through
        return y

    def pulled(self, cotangent: Array, gate: Array, up: Array) -> tuple[Array, Array, Array]:
        """y, ḡ and ū in float64, of a block: their own until the next call on the same thread."""
        held, through = self._clamped(gate, up)
        opened = value(held, self.form)
        up_bar = np.multiply(opened, cotangent, out=thread_float64(OWN + 1, up.shape))
        y = np.multiply(opened, through, out=thread_float64(OWN + 2, up.shape))
        gate_bar = slope(held, self.form)
        gate_bar *= through
        gate_bar *= cotangent
        if self.limit is not None:
            np.copyto(gate_bar, 0, where=gate > self.limit)
            np.copyto(up_bar, 0, where=abs(up) > self.limit)
        return y, gate_bar, up_bar

    def _clamped(self, gate: Array, up: Array) -> tuple[Array, Array]:
        """min(g, L) as it is, and clip(u) + β in float64."""
        through = wide(up, OWN)
        if self.limit is not None:
            gate = np.clip(gate, None, self.limit)
            np.clip(through, -self.limit, self.limit, out=through)
        through += self.beta
        return gate, through


_STEEPEST = 2.0**64  # of α, and its inverse: products with it neither overflow nor underflow


def options_of_swiglu(alpha: float, beta: float, limit: float | None) -> tuple[Form, float, float | None]:
    """The attributes of the `Gate`.

    Raises:
        TypeError, ValueError: if one is no number, or out of range.
    """
    alpha, beta = real("alpha", alpha, 1 / _STEEPEST, _STEEPEST), real("beta", beta)
    return _steep(alpha), beta, None if limit is None else real("limit", limit, 0)


def _steep(alpha: float) -> Logistic:
    """x σ(αx)."""
    if alpha == 1:
        return SILU
    return Logistic(
        800 / alpha,
        lambda z: exact_product(z, alpha),
        lambda x, out: np.multiply(x, -alpha, out=out),
        lambda z: alpha * z,
    )


def _passed(gate: npt.ArrayLike, up: npt.ArrayLike, how: Gate) -> Array:
    g, u, dtype = _alike(gate, up)

    def kernel(g: Array, u: Array, out: Array) -> None:
        np.copyto(out, how.passed(g, u), casting="same_kind")

    return map_elements(kernel, np.empty(g.shape, dtype), g, u, most=BLOCK_OF_FLOAT64)


def _pulled(cotangent: npt.ArrayLike, gate: npt.ArrayLike, up: npt.ArrayLike, how: Gate) -> tuple[Array, Array]:
    given = numbers("gate", gate), numbers("up", up)
    g, u, dtype = _alike(*given)
    c = numbers("cotangent", cotangent)
    if c.shape != g.shape:
        raise ValueError(f"`cotangent` must have the shape of `gate` and `up` {g.shape}, got {c.shape}")
    to_gate = np.empty(g.size, working(np.empty(0, dtype)).dtype)
    to_up = np.empty_like(to_gate)

    def kernel(c: Array, g: Array, u: Array, to_up: Array, to_gate: Array) -> None:
        _, gate_bar, up_bar = how.pulled(c, g, u)
        np.copyto(to_gate, gate_bar, casting="same_kind")
        np.copyto(to_up, up_bar, casting="same_kind")

    flat = (np.ascontiguousarray(x).reshape(-1) for x in (c, g, u))
    map_elements(kernel, to_gate, *flat, to_up, most=BLOCK_OF_FLOAT64)
    both = zip((to_gate, to_up), given, strict=True)
    of_gate, of_up = (rounded(bar.reshape(g.shape), like=x) for bar, x in both)
    return of_gate, of_up


def _alike(gate: npt.ArrayLike, up: npt.ArrayLike) -> tuple[Array, Array, np.dtype[np.floating]]:
    """Both in one dtype, and that."""
    g, u = numbers("gate", gate), numbers("up", up)
    if g.shape != u.shape:
        raise ValueError(f"`gate` and `up` must have the same shape, got {g.shape} and {u.shape}")
    dtype = np.result_type(g, u)
    return g.astype(dtype, copy=False), u.astype(dtype, copy=False), dtype
