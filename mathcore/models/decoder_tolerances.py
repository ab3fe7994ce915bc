"""What rounding may do to a whole decoder: a run of its formula that carries an error beside every number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from mathcore.models.decoder_textbook import Textbook, scores_of
from mathcore.verify.tolerances import tolerance, work_format

ROUNDINGS = 8
"""Of every operation: one of its own, and those of algorithms that take a few steps more."""


class Run(NDArrayOperatorsMixin):
    """Numbers of a run in floats: what they are, and how far from the truth they may be.

    Every operation hands on the errors of its operands and adds 8 roundings of its result; a sum of n terms, 8 + n of
    the sum of their magnitudes, whatever its order.

    Attributes:
        value: the numbers.
        error: of each.
        unit: the unit roundoff of the format.
    """

    def __init__(self, value: Any, error: Any, unit: float) -> None:
        self.value, self.error, self.unit = np.asarray(value), np.asarray(error), unit
        self.shape = self.value.shape

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, key: Any) -> Run:
        return Run(self.value[key], self.error[key], self.unit)

    @property
    def T(self) -> Run:  # noqa: N802  (NumPy's name)
        """The transpose."""
        return Run(self.value.T, self.error.T, self.unit)

    def swapaxes(self, one: int, other: int) -> Run:
        """Two axes exchanged."""
        return Run(self.value.swapaxes(one, other), self.error.swapaxes(one, other), self.unit)

    def sum(self, axis: int | None = None, keepdims: bool = False) -> Run:
        """The sum along an axis."""
        n = self.value.size if axis is None else self.shape[axis]
        error, size = (x.sum(axis, keepdims=keepdims) for x in (self.error, abs(self.value)))
        return Run(self.value.sum(axis, keepdims=keepdims), error + (ROUNDINGS + n) * self.unit * size, self.unit)

    def __array_ufunc__(self, ufunc: Any, _method: str, *inputs: Any, **_options: Any) -> Run:
        pairs = [(x.value, x.error) if isinstance(x, Run) else (np.asarray(x), np.zeros(np.shape(x))) for x in inputs]
        value = ufunc(*(x for x, _ in pairs))
        error, size = RULES[ufunc](value, *(part for pair in pairs for part in pair))
        n = inputs[0].shape[-1] if ufunc is np.matmul else 0
        return Run(value, error + (ROUNDINGS + n) * self.unit * size, self.unit)

    def __array_function__(self, function: Any, _types: Any, args: Any, options: Any) -> Run:
        parts = list(args[0])  # of `concatenate` or `stack`
        return Run(
            function([p.value for p in parts], **options), function([p.error for p in parts], **options), self.unit
        )


def _product(_: Any, a: Any, ea: Any, b: Any, eb: Any) -> tuple[Any, Any]:
    return abs(a) * eb + abs(b) * ea + ea * eb, abs(a * b)


def _quotient(q: Any, _a: Any, ea: Any, b: Any, eb: Any) -> tuple[Any, Any]:
    left = abs(b) - eb
    return np.where(left > 0, (ea + abs(q) * eb) / np.where(left > 0, left, 1), np.inf), abs(q)


def _dot(_: Any, a: Any, ea: Any, b: Any, eb: Any) -> tuple[Any, Any]:
    return abs(a) @ eb + ea @ (abs(b) + eb), abs(a) @ abs(b)


RULES: Mapping[Any, Callable[..., tuple[Any, Any]]] = {
    np.add: lambda y, _a, ea, _b, eb: (ea + eb, abs(y)),
    np.subtract: lambda y, _a, ea, _b, eb: (ea + eb, abs(y)),
    np.negative: lambda y, _a, ea: (ea, 0 * y),
    np.multiply: _product,
    np.true_divide: _quotient,
    np.matmul: _dot,
    np.sqrt: lambda y, a, ea: (ea / np.maximum(y + np.sqrt(np.maximum(a - ea, 0)), 1e-300), y),
    np.exp: lambda y, _a, ea: (y * np.expm1(ea), y),
    np.tanh: lambda y, _a, ea: (ea, abs(y)),
    np.cos: lambda y, _a, ea: (ea, np.ones_like(y)),
    np.sin: lambda y, _a, ea: (ea, np.ones_like(y)),
}
"""Operation → from its result, and from each operand and its error, the error that it hands on, and of what magnitude a
rounding is."""


@tolerance
def decoder_rounding(
    params: Mapping[str, Any], ids: Any, config: Mapping[str, Any], model: type[Textbook] = Textbook
) -> Any:
    r"""The logits of a decoder in floats of unit roundoff u, operation by operation.

    The formula runs with an error beside every number. A sum or difference hands on the sum of its operands' errors, a
    product $|a|e_b + |b|e_a + e_a e_b$, a quotient $(e_a + |a/b| e_b) / (|b| - e_b)$, a root
    $e_a / (\sqrt{a} + \sqrt{a - e_a})$, an exponential $e^a(e^{e_a} - 1)$; tanh, sine and cosine have slopes of at
    most 1. Each adds 8u of its result, a sum of n terms $(8 + n)u$ of their magnitudes, and sine and cosine 8u; angles
    are products and rounded as such. Twice the sum, for the formula's own value in floats and the one it is compared
    with.
    """
    unit = work_format(params["model.embed_tokens.weight"].dtype).u
    runs = {name: Run(np.asarray(p, np.float64), np.zeros(p.shape), unit) for name, p in params.items()}
    with np.errstate(all="ignore"):
        error = 2 * scores_of(ids, config, model)(runs).error
    return np.where(np.isnan(error), np.inf, error)  # ∞ · 0, where a divisor may be 0
