"""The layer of today's models: two matrices side by side, one of which opens gates for the other, and a third."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, quiet, working
from mathcore._compute.blocks import BLOCK_OF_FLOAT64, map_elements
from mathcore._scalars import choice
from mathcore.layers._activation import numbers
from mathcore.layers.gated import Gate, options_of_swiglu
from mathcore.layers.gelu import form_of_gelu

Activation: TypeAlias = Literal["silu", "gelu", "gelu_pytorch_tanh", "quick_gelu"]

_GELUS = {"gelu": "none", "gelu_pytorch_tanh": "tanh", "quick_gelu": "quick"}

_HIDDEN_BYTES = 2**24  # of an array of hidden numbers: so many rows at a time that products are as fast as of all


def gated_mlp(
    x: npt.ArrayLike,
    gate: npt.ArrayLike,
    up: npt.ArrayLike,
    down: npt.ArrayLike,
    *,
    gate_bias: npt.ArrayLike | None = None,
    up_bias: npt.ArrayLike | None = None,
    down_bias: npt.ArrayLike | None = None,
    activation: Activation = "silu",
    alpha: float = 1.0,
    beta: float = 0.0,
    limit: float | None = None,
) -> Array:
    r"""Two layers side by side, of which one opens gates for the other, and a third that leads back.

    $$y = \big(s(x W_g + b_g) \odot (x W_u + b_u)\big)\, W_d + b_d$$

    Args:
        x: (..., inputs), floats.
        gate, up: (inputs, hidden), floats; $W_g$ and $W_u$.
        down: (hidden, outputs), floats; $W_d$.
        gate_bias, up_bias: (hidden,), floats, or None for none.
        down_bias: (outputs,), floats, or None for none.
        activation: s, by its name in Hugging Face configurations: "silu", or "gelu", "gelu_pytorch_tanh" or
            "quick_gelu", which are `gelu` with its three values of `approximate`.
        alpha, beta, limit: as for `swiglu`, with "silu" alone.

    Returns:
        (..., outputs), in the dtype that all arrays promote to; 16-bit ones are computed in float32 and rounded once.
        Of the hidden numbers no more than 2²⁴ bytes an array are there at a time, or one row.

    Raises:
        TypeError: if an array is not floating, or an option is no number.
        ValueError: if the shapes do not touch; the message gives them. If an option is out of range, or does not belong
            to the activation.

    Source:
        Shazeer, GLU Variants Improve Transformer, arXiv:2002.05202, equation 6.

    Examples:
        >>> mc.gated_mlp([1.0, 2.0], gate=[[1.0], [0.5]], up=[[3.0], [1.0]], down=[[1.0, 2.0]])  # silu(2) · 5
        array([ 8.80797078, 17.61594156])
    """
    layer = _checked(x, gate, up, down, gate_bias, up_bias, down_bias, activation, alpha, beta, limit)
    with quiet():
        y = np.empty((len(layer.rows), layer.down.shape[1]), layer.rows.dtype)
        for some in layer.blocks():
            y[some] = layer.hidden(layer.rows[some]) @ layer.down
            if layer.down_bias is not None:
                y[some] += layer.down_bias
        return y.astype(layer.dtype, copy=False).reshape(*layer.given[0].shape[:-1], y.shape[1])


def gated_mlp_vjp(
    cotangent: npt.ArrayLike,
    x: npt.ArrayLike,
    gate: npt.ArrayLike,
    up: npt.ArrayLike,
    down: npt.ArrayLike,
    *,
    gate_bias: npt.ArrayLike | None = None,
    up_bias: npt.ArrayLike | None = None,
    down_bias: npt.ArrayLike | None = None,
    activation: Activation = "silu",
    alpha: float = 1.0,
    beta: float = 0.0,
    limit: float | None = None,
) -> tuple[Array, ...]:
    r"""Pull a cotangent ȳ of `gated_mlp` back to its arrays; the hidden numbers are computed again.

    $$\bar a = \bar y W_d^\top, \quad \bar h = \bar a \odot u \odot s'(h), \quad \bar u = \bar a \odot s(h), \quad
      \bar x = \bar h W_g^\top + \bar u W_u^\top, \quad \bar W_g = \sum_{\text{rows}} x^\top \bar h, \quad
      \bar W_u = \sum_{\text{rows}} x^\top \bar u, \quad \bar W_d = \sum_{\text{rows}} (s(h) \odot u)^\top \bar y$$

    Args:
        cotangent: (..., outputs), floats, the shape of `gated_mlp(x, …)`.
        x, gate, up, down, gate_bias, up_bias, down_bias, activation, alpha, beta, limit: as given to `gated_mlp`.

    Returns:
        The cotangents of x, gate, up and down, then those of the biases that were given, each in the shape and dtype
        of its input. They take as little memory beside as `gated_mlp` does, in three arrays.

    Raises:
        TypeError: if an array is not floating, or an option is no number.
        ValueError: if the shapes do not touch; the message gives them. If an option is out of range, or does not belong
            to the activation.

    Examples:
        >>> x_bar, gate_bar, up_bar, down_bar = mc.gated_mlp_vjp(
        ...     [1.0, 0.0], x=[1.0, 2.0], gate=[[1.0], [0.5]], up=[[3.0], [1.0]], down=[[1.0, 2.0]])
        >>> x_bar
        array([10.73870371,  4.48855478])
        >>> down_bar
        array([[8.80797078, 0.        ]])
    """
    layer = _checked(x, gate, up, down, gate_bias, up_bias, down_bias, activation, alpha, beta, limit)
    g = numbers("cotangent", cotangent)
    expected = (*layer.given[0].shape[:-1], layer.down.shape[1])
    if g.shape != expected:
        raise ValueError(f"`cotangent` must have the shape of the output {expected}, got {g.shape}")
    with quiet():
        rows = working(g).reshape(len(layer.rows), expected[-1]).astype(layer.rows.dtype, copy=False)
        return layer.pulled(rows)


@dataclass(frozen=True)
class _Layer:
    """A checked layer, in the dtype that it is computed in.

    Attributes:
        given: the arrays as they came, those that are None left out.
        dtype: what they promote to.
        rows: x, (rows, inputs).
        gate, up, down, gate_bias, up_bias, down_bias: of `gated_mlp`.
        how: the gate.
    """

    given: tuple[Array, ...]
    dtype: np.dtype[np.floating]
    rows: Array
    gate: Array
    up: Array
    down: Array
    gate_bias: Array | None
    up_bias: Array | None
    down_bias: Array | None
    how: Gate

    def blocks(self) -> Iterator[slice]:
        """Blocks of rows, by shapes alone."""
        step = max(1, _HIDDEN_BYTES // max(self.gate.shape[1] * self.rows.itemsize, 1))
        return (slice(start, start + step) for start in range(0, len(self.rows), step))

    def both(self, rows: Array) -> tuple[Array, Array]:
        """x W_g + b_g and x W_u + b_u: (rows, hidden) each."""
        h, u = rows @ self.gate, rows @ self.up
        for y, bias in ((h, self.gate_bias), (u, self.up_bias)):
            if bias is not None:
                y += bias
        return h, u

    def hidden(self, rows: Array) -> Array:
        """What passes the gates, in the place of x W_g + b_g."""
        h, u = self.both(rows)

        def kernel(h: Array, u: Array, out: Array) -> None:
            np.copyto(out, self.how.passed(h, u), casting="same_kind")

        map_elements(kernel, h.reshape(-1), h.reshape(-1), u.reshape(-1), most=BLOCK_OF_FLOAT64)
        return h

    def pulled(self, g: Array) -> tuple[Array, ...]:
        """The cotangents of what was given."""
        x_bar = np.empty_like(self.rows)
        matrices = tuple(map(np.zeros_like, (self.gate, self.up, self.down)))
        biases = tuple(np.zeros(m.shape[1], m.dtype) for m in matrices)
        for some in self.blocks():
            x_bar[some] = self._added(self.rows[some], g[some], matrices, biases)
        asked = (self.gate_bias, self.up_bias, self.down_bias)
        own = [bar for bar, bias in zip(biases, asked, strict=True) if bias is not None]
        found = (x_bar, *matrices, *own)
        return tuple(bar.reshape(x.shape).astype(x.dtype, copy=False) for bar, x in zip(found, self.given, strict=True))

    def _added(self, rows: Array, g: Array, matrices: tuple[Array, ...], biases: tuple[Array, ...]) -> Array:
        """The cotangent of a block of rows; what it sends to matrices and biases is added to theirs."""
        a, h_bar, u_bar = self._hidden_pulled(rows, g)
        of_each = ((rows, h_bar), (rows, u_bar), (a, g))
        for matrix, bias, (before, after) in zip(matrices, biases, of_each, strict=True):
            matrix += before.T @ after
            bias += after.sum(axis=0)
        return h_bar @ self.gate.T + u_bar @ self.up.T

    def _hidden_pulled(self, rows: Array, g: Array) -> tuple[Array, Array, Array]:
        """What passed the gates, and the cotangents of h and u; in the places of ȳ W_dᵀ, h and u."""
        h, u = self.both(rows)
        a = g @ self.down.T

        def kernel(a: Array, u: Array, h: Array, out: Array) -> None:
            y, h_bar, u_bar = self.how.pulled(a, h, u)
            for place, bar in ((a, y), (u, u_bar), (out, h_bar)):
                np.copyto(place, bar, casting="same_kind")

        map_elements(kernel, h.reshape(-1), a.reshape(-1), u.reshape(-1), h.reshape(-1), most=BLOCK_OF_FLOAT64)
        return a, h, u


def _checked(
    x: npt.ArrayLike,
    gate: npt.ArrayLike,
    up: npt.ArrayLike,
    down: npt.ArrayLike,
    gate_bias: npt.ArrayLike | None,
    up_bias: npt.ArrayLike | None,
    down_bias: npt.ArrayLike | None,
    activation: str,
    alpha: float,
    beta: float,
    limit: float | None,
) -> _Layer:
    choice("activation", activation, ("silu", *_GELUS))
    form, beta, limit = options_of_swiglu(alpha, beta, limit)
    if activation != "silu":
        if (alpha, beta, limit) != (1, 0, None):
            raise ValueError(f"`alpha`, `beta` and `limit` belong to the activation 'silu', got {activation!r}")
        form = form_of_gelu(_GELUS[activation])
    arrays = {
        "x": numbers("x", x),
        "gate": numbers("gate", gate),
        "up": numbers("up", up),
        "down": numbers("down", down),
    }
    biases = (("gate_bias", gate_bias), ("up_bias", up_bias), ("down_bias", down_bias))
    arrays.update({name: numbers(name, bias) for name, bias in biases if bias is not None})
    _check_shapes(arrays)
    dtype = np.result_type(*arrays.values())
    work = {name: working(array.astype(dtype, copy=False)) for name, array in arrays.items()}
    rows = work.pop("x")
    rows = rows.reshape(math.prod(rows.shape[:-1]), rows.shape[-1])
    return _Layer(
        given=tuple(arrays.values()),
        dtype=dtype,
        rows=rows,
        gate=work["gate"],
        up=work["up"],
        down=work["down"],
        gate_bias=work.get("gate_bias"),
        up_bias=work.get("up_bias"),
        down_bias=work.get("down_bias"),
        how=Gate(form, beta, limit),
    )


def _check_shapes(arrays: dict[str, Array]) -> None:
    """Everything must touch, and nothing is broadcast."""
    x, gate, up, down = (arrays[name] for name in ("x", "gate", "up", "down"))
    if gate.ndim != 2 or gate.shape != up.shape:
        raise ValueError(f"`gate` and `up` must have shape (inputs, hidden), got {gate.shape} and {up.shape}")
    if x.ndim == 0 or x.shape[-1] != gate.shape[0]:
        raise ValueError(
            f"`x` must have a last axis of {gate.shape[0]}, the inputs of `gate` {gate.shape}, got {x.shape}"
        )
    if down.ndim != 2 or down.shape[0] != gate.shape[1]:
        raise ValueError(
            f"`down` must have shape (hidden, outputs) with the {gate.shape[1]} hidden numbers of `gate`, "
            f"got {down.shape}"
        )
    for name, matrix in (("gate_bias", gate), ("up_bias", up), ("down_bias", down)):
        if name in arrays and arrays[name].shape != matrix.shape[1:]:
            raise ValueError(f"`{name}` must have shape {matrix.shape[1:]}, got {arrays[name].shape}")
