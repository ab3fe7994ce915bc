"""The operations that have a derivative: how each is called."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.gradients import textbook
from mathcore.probability.textbook import distribution, log_distribution, log_sum_exp
from mathcore.verify import Operations, Target, domain, draw_integers
from mathcore.verify.domains import Draw, option
from mathcore.verify.errors import NotOfferedError
from mathcore.verify.records import records
from mathcore.verify.tolerances import format_of

Arrays = tuple[Any, ...]


@dataclass(frozen=True)
class Primitive:
    """A differentiable operation.

    Attributes:
        name: of the operation; its derivative is called `name`_vjp. How both are called their records know.
        drawn: draw → the arrays that it is differentiated by, in whole numbers, and its other arguments.
        formula: (arrays, **other) → the textbook's values.
        unit: what the whole numbers are counted in, so that scores are at most 4 apart.
        exact: whether it is of degree two at most around the arrays, so that nothing is truncated or rounded.
        by: the names of the arrays.
    """

    name: str
    drawn: Callable[[Draw], tuple[Arrays, dict[str, Any]]]
    formula: Callable[..., Any]
    unit: float = 1 / 8
    exact: bool = False
    by: tuple[str, ...] = ("x",)

    @property
    def needs(self) -> tuple[str, str]:
        """The operation and its derivative."""
        return self.name, f"{self.name}_vjp"

    def value(self, ops: Operations, arrays: Arrays, other: Mapping[str, Any]) -> Any:
        """What the target returns."""
        return np.asarray(self._answers(ops, self.name, arrays, other)[0])

    def pulled(self, ops: Operations, g: Any, arrays: Arrays, other: Mapping[str, Any]) -> Arrays:
        """What the target sends back to each array."""
        return self._answers(ops, f"{self.name}_vjp", arrays, other, cotangent=g)

    def _answers(self, ops: Operations, operation: str, arrays: Arrays, other: Mapping[str, Any], **g: Any) -> Arrays:
        record, given = records()[operation], {**dict(zip(self.by, arrays, strict=True)), **other}
        in_order = [name for name in (*record.sample, *given) if name in given]
        return record.answers(ops, **g, **{name: given[name] for name in in_order})

    def weighted(self, g: Any, other: Mapping[str, Any]) -> Callable[..., Any]:
        """⟨g, f⟩ as a formula of the arrays."""

        def formula(*arrays: Any) -> Any:
            terms = g * self.formula(*arrays, **other)
            return terms.sum() if isinstance(terms, np.ndarray) else terms  # a loss is a number

        return formula


def precise(target: Target) -> str:
    """The format that derivatives are tried in; differences in 16 bits would show nothing.

    Raises:
        NotOfferedError: if the target takes neither.
    """
    for name in ("float64", "float32"):
        if name in target.dtypes:
            return name
    raise NotOfferedError("float64 or float32")


@domain
def examples(draw: Draw, target: Target, of: Primitive) -> dict[str, Any]:
    """Arrays on a grid, other arguments, a direction in small whole numbers, and a seed for a cotangent."""
    dtype = precise(target)
    whole, other = of.drawn(draw)
    return {
        "arrays": tuple((x * of.unit).astype(dtype) for x in whole),
        "other": other,
        "directions": tuple(draw_integers(draw, x.shape, 2).astype(np.float64) for x in whole),
        "seed": draw(st.integers(0, 999)),
    }


def cotangent(shape: tuple[int, ...], seed: int, dtype: Any) -> Any:
    """Quarters of whole numbers."""
    return (np.random.default_rng(seed).integers(-8, 9, shape) / 4).astype(dtype)


# The operations.
def _whole(draw: Draw, *shape: int, most: int = 8) -> Any:
    return draw_integers(draw, shape, most).astype(np.float64)


def _now_and_then(draw: Draw, usual: int, *larger: int) -> int:
    """A size: from 1 to the usual one, and once in ten times a larger one."""
    return draw(st.sampled_from(larger)) if draw(st.integers(0, 9)) == 9 else draw(st.integers(1, usual))


def _rows(draw: Draw) -> Arrays:
    return (_whole(draw, _now_and_then(draw, 2, 9, 33), _now_and_then(draw, 6, 17, 33), most=16),)


def _with(**options: Any) -> Callable[[Draw], dict[str, Any]]:
    return lambda draw: {name: draw(st.sampled_from(values)) for name, values in options.items()}


def _classified(draw: Draw) -> tuple[Arrays, dict[str, Any]]:
    (x,) = _rows(draw)
    targets = draw_integers(draw, (len(x),), 99) % x.shape[-1]
    options = _with(reduction=["mean", "sum", "none"], label_smoothing=[0.0, 0.25], ignore_index=[None, -1])(draw)
    if options["ignore_index"] == -1 and len(targets) > 1:
        targets[draw(st.integers(0, 1))] = -1
    return (x,), {"targets": targets, **options}


def _layer(draw: Draw) -> tuple[Arrays, dict[str, Any]]:
    rows, m, n = (_now_and_then(draw, 3, 9, 33) for _ in range(3))
    return (_whole(draw, rows, m), _whole(draw, m, n), _whole(draw, n)), {}


def _looked_up(draw: Draw) -> tuple[Arrays, dict[str, Any]]:
    weight = _whole(draw, _now_and_then(draw, 4, 9, 33), _now_and_then(draw, 3, 17))
    return (weight,), {"ids": draw_integers(draw, (_now_and_then(draw, 5, 9, 33),), 99) % len(weight)}


def _placed(draw: Draw) -> tuple[Arrays, dict[str, Any]]:
    options = _with(base=[100.0, 10_000.0], interleaved=[True, False])(draw)
    dim = _now_and_then(draw, 7, 17, 33)
    lead = draw(st.sampled_from([(), (), (2,)]))
    most = draw(st.sampled_from([200, 200, 8000]))
    return (_whole(draw, *lead, _now_and_then(draw, 3, 9, 33), most=most),), {"dim": dim, **options}


def _turned(draw: Draw) -> tuple[Arrays, dict[str, Any]]:
    rows, half = _now_and_then(draw, 3, 9, 33), _now_and_then(draw, 3, 9, 17)
    x = _whole(draw, rows, 2 * half + draw(st.sampled_from([0, 0, 1])))
    options = _with(base=[100.0, 10_000.0], interleaved=[True, False], offset=[0, 5, -3])(draw)
    if draw(st.integers(0, 2)) == 0:
        options |= {"base": 10_000.0, "frequencies": draw_integers(draw, (half,), 64) / 32}
    options["attention_factor"] = draw(st.sampled_from([1.0, 0.5, 1.25]))
    return (x,), {"positions": draw_integers(draw, (rows,), 300), "rotary_dim": 2 * half, **options}


def _attended(draw: Draw) -> tuple[Arrays, dict[str, Any]]:
    large = draw(st.integers(0, 5)) == 5
    heads, key_heads = draw(st.sampled_from([(4, 2), (8, 4)] if large else [(1, 1), (2, 1), (2, 2)]))
    queries, keys, width, value_width = (draw(st.integers(1, n)) for n in (3, 3, 4, 3))
    if large:
        queries, keys = draw(st.sampled_from([(2, 9), (9, 2), (1, 9)]))
    q = _whole(draw, heads, queries, width, most=6)
    k, v = _whole(draw, key_heads, keys, width, most=6), _whole(draw, key_heads, keys, value_width)
    options = _with(is_causal=[False, True], scale=[None, 0.75], query_offset=[0, 0, 1])(draw)
    options["window"] = option(draw, "window", None, st.sampled_from([None, None, 2]))
    return (q, k, v), {**_hidden(draw, heads, queries, keys), **options}


def _hidden(draw: Draw, heads: int, queries: int, keys: int) -> dict[str, Any]:
    """A mask for all heads or for each, and a bias, or none."""
    lead = draw(st.sampled_from([(), (heads,)]))
    mask = draw_integers(draw, (*lead, queries, keys), 3) > -2 if draw(st.booleans()) else None
    bias = _whole(draw, *lead, queries, keys, most=2) / 8 if draw(st.booleans()) else None
    return {"mask": mask, "bias": bias}


def _many_heads(draw: Draw) -> tuple[Arrays, dict[str, Any]]:
    large = draw(st.integers(0, 5)) == 5
    heads, key_heads = draw(st.sampled_from([(4, 2)] if large else [(1, 1), (2, 1), (2, 2)]))
    times, features, half, outputs = (draw(st.integers(1, n)) for n in (3, 3, 2, 3))
    if large:
        times, features, half = draw(st.sampled_from([(9, 2, 1), (2, 17, 1)]))
    width = 2 * half
    shapes = [(features, n * width) for n in (heads, key_heads, key_heads)] + [(heads * width, outputs)]
    options = _with(is_causal=[False, True], rope_base=[None, 100.0], scale=[None, None, 0.75])(draw)
    most = 2 if features < 9 else 1  # so that scores stay as close as `unit` says
    arrays = (_whole(draw, times, features, most=most), *(_whole(draw, *shape, most=most) for shape in shapes))
    hidden = _hidden(draw, heads, times, times)
    return arrays, {"num_heads": heads, "num_kv_heads": key_heads, **hidden, **options}


LINEAR = Primitive("linear", _layer, lambda x, weight, bias: x @ weight + bias, exact=True, by=("x", "weight", "bias"))


RELU = Primitive(
    "relu", lambda draw: (tuple(2 * x + 1 for x in _rows(draw)), {}), textbook.relu, exact=True
)  # odd numbers: no step reaches the kink


SOFTMAX = Primitive("softmax", lambda draw: (_rows(draw), {}), distribution)


LOG_SOFTMAX = Primitive("log_softmax", lambda draw: (_rows(draw), {}), log_distribution)


LOGSUMEXP = Primitive("logsumexp", lambda draw: (_rows(draw), {}), log_sum_exp)


TEMPERATURE_SOFTMAX = Primitive(
    "temperature_softmax",
    lambda draw: (_rows(draw), _with(temperature=[1.5, 4.0])(draw)),
    lambda x, temperature: distribution(x / temperature),
)


CROSS_ENTROPY = Primitive("cross_entropy", _classified, textbook.cross_entropy)


EMBEDDING = Primitive(
    "embedding",
    _looked_up,
    lambda weight, ids: weight[ids],
    exact=True,
    by=("weight",),
)


SINUSOIDAL = Primitive("sinusoidal_positional_encoding", _placed, textbook.sinusoidal, by=("positions",))


ROPE = Primitive("rope", _turned, textbook.rope)


ATTENTION = Primitive("scaled_dot_product_attention", _attended, textbook.attention, by=("query", "key", "value"))


MULTI_HEAD = Primitive(
    "multi_head_attention",
    _many_heads,
    textbook.multi_head,
    unit=1 / 4,
    by=("x", "query", "key", "value", "output"),
)


PRIMITIVES = (
    LINEAR, RELU, SOFTMAX, LOG_SOFTMAX, LOGSUMEXP, TEMPERATURE_SOFTMAX, CROSS_ENTROPY, EMBEDDING, SINUSOIDAL, ROPE,
    ATTENTION, MULTI_HEAD,
)  # fmt: skip


def step(dtype: Any) -> float:
    """Near the best step of a central difference, (12u)^(1/3), and a power of two, so that no step is rounded."""
    return float(2.0 ** round(math.log2(12 * format_of(dtype).u) / 3))
