"""Two targets on the same inputs: how far apart each operation is, and where they part first.

Nobody is taken to be right. Both get the inputs that the laws draw, in the order of a model's layers, so that what an
earlier operation does differently is not counted again in a later one.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mathcore.verify.errors import ContractError, ConversionError, NotTriedError, TargetError
from mathcore.verify.operation import Operation
from mathcore.verify.records import records
from mathcore.verify.report.describe import describe
from mathcore.verify.report.report import environment
from mathcore.verify.run.catalogue import catalogue
from mathcore.verify.run.runner import derived_seed
from mathcore.verify.run.search import inputs_drawn
from mathcore.verify.targets.answers import is_float
from mathcore.verify.targets.restrictions import NONE, drawing_for
from mathcore.verify.targets.target import Operations, Target

Array = np.ndarray[Any, Any]

ORDER = (
    "one_hot", "embedding", "sinusoidal_positional_encoding", "layer_norm", "group_norm", "rms_norm",
    "add_rms_norm", "l2_norm", "linear", "low_rank",
    "rope_cos_sin", "apply_rope", "rope", "attention_weights", "scaled_dot_product_attention", "blockwise_attention",
    "merge_attention", "multi_head_attention", "relu",
    "relu_squared", "sigmoid", "softplus", "silu", "gelu", "swiglu", "geglu", "gated_mlp", "cosine_similarity",
    "best_score_table", "transformer",
    "logsumexp", "log_softmax", "softmax", "temperature_softmax", "argmax", "nll_loss", "cross_entropy",
    "cross_entropy_and_grad",
)  # fmt: skip
"""The order of a forward pass; derivatives follow in the opposite order."""

_WIDEST = 300
"""The widest rows that are drawn: some are beyond what one tile or one loop of a kernel holds."""


@dataclass
class Difference:
    """How far two targets are apart in one operation.

    Attributes:
        operation: its name.
        examples: inputs that both answered.
        elements: elements of their answers.
        equal: how many have the same bits; NaN equals NaN.
        most, total: the largest distance of two elements, and the sum, in steps from one number of the format to the
            next; infinite between a number and NaN, and between integers.
        first: where they part first, in words; "" where they do not.
        skipped: inputs that one of them does not support, or that could not be converted for it.
    """

    operation: str
    examples: int = 0
    elements: int = 0
    equal: int = 0
    most: float = 0.0
    total: float = 0.0
    first: str = ""
    skipped: int = 0

    @property
    def mean(self) -> float:
        """The mean distance."""
        return self.total / self.elements if self.elements else 0.0

    @property
    def parted(self) -> bool:
        """Whether an answer differs in any bit."""
        return bool(self.first)


@dataclass(frozen=True)
class Comparison:
    """Two targets, operation after operation.

    Attributes:
        names: of the targets.
        seed: of the inputs.
        differences: in the order of a model's layers.
        missing: operations that were asked for, or that one has, and that could not be compared → why.
    """

    names: tuple[str, str]
    seed: int
    differences: list[Difference]
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def first(self) -> Difference | None:
        """The first operation in which they part."""
        return next((d for d in self.differences if d.parted), None)

    @property
    def most(self) -> float:
        """The largest distance of all."""
        return max((d.most for d in self.differences), default=0.0)

    def to_json(self) -> dict[str, Any]:
        """The comparison as plain data, without infinity."""
        found = [
            {**vars(d), "mean": d.mean, **{k: _finite(v) for k, v in _distances(d).items()}} for d in self.differences
        ]
        first = self.first
        return {
            "schema": 1,
            "environment": environment(),
            "targets": list(self.names),
            "seed": self.seed,
            "parts_first": first.operation if first else None,
            "operations": found,
            "missing": dict(self.missing),
        }


def _distances(d: Difference) -> dict[str, float]:
    return {"most": d.most, "total": d.total, "mean": d.mean}


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def compare(a: Target, b: Target, *operations: str, examples: int = 100, seed: int = 0) -> Comparison:
    """Call both targets with the same inputs.

    Args:
        a, b: the targets; each is called by its own conventions.
        *operations: names; none for all that both have.
        examples: inputs for each operation.
        seed: of the inputs.

    Raises:
        LookupError: if an operation has no record, and so no inputs, or there is nothing to compare.

    Examples:
        >>> from mathcore.verify import Target
        >>> from mathcore.verify.compare import compare
        >>> near = Target.numpy("near", relu=lambda x: np.maximum(x, 0), dtypes="float64")
        >>> far = Target.numpy("far", relu=lambda x: np.nextafter(np.maximum(x, 0), np.inf), dtypes="float64")
        >>> compare(near, far, "relu").most
        1.0
    """
    catalogue()  # which imports every record
    known = records()
    if unknown := [name for name in operations if name not in known]:
        raise LookupError(f"no inputs are known for {unknown[0]!r}; there are {', '.join(known)}")
    wanted = operations or tuple(name for name in known if name in a.operations or name in b.operations)
    missing = {name: reason for name in wanted if (reason := _missing(a, b, known[name]))}
    ordered = sorted((n for n in wanted if n not in missing), key=_position)
    if not ordered:
        raise LookupError("there is nothing to compare: " + "; ".join(f"{n}: {why}" for n, why in missing.items()))
    if not operations:  # what only one of them has need not be listed
        missing = {name: why for name, why in missing.items() if name in a.operations and name in b.operations}
    found = [_difference(known[name], a, b, examples, derived_seed(seed, name, 0)) for name in ordered]
    return Comparison((a.name, b.name), seed, found, missing)


def _missing(a: Target, b: Target, record: Operation) -> str:
    for target in (a, b):
        if record.name not in target.operations:
            return f"{target.name} does not have it"
    return "" if _formats(a, b) else "they share no format"


def _formats(a: Target, b: Target) -> tuple[str, ...]:
    return tuple(d for d in a.dtypes if d in b.dtypes)


def _position(name: str) -> tuple[int, int]:
    forward = name.removesuffix("_vjp")
    place = ORDER.index(forward) if forward in ORDER else len(ORDER)
    return (1, -place) if name.endswith("_vjp") else (0, place)


def _difference(record: Operation, a: Target, b: Target, examples: int, seed: int) -> Difference:
    found = Difference(record.name)
    both = replace(a, dtypes=_formats(a, b), exact=a.exact and b.exact)
    domain = record.domain or record.inputs(most=_WIDEST)
    calls = [Operations(target, (record.name,)) for target in (a, b)]
    lacking = (
        frozenset(a.lacking_of(record.name) | b.lacking_of(record.name)) if a.guarded or b.guarded else frozenset()
    )
    restrictions = b.restrictions if a.restrictions == NONE else a.restrictions  # what is drawn for one, both may skip
    with warnings.catch_warnings(), drawing_for(restrictions, lacking):
        warnings.simplefilter("ignore")
        for number, given in enumerate(inputs_drawn(domain.build(both), examples, seed), 1):
            try:
                answers = [_answers(record, ops, given) for ops in calls]
            except (NotTriedError, ConversionError):
                found.skipped += 1
                continue
            _add(found, answers, number, given)
    return found


def _answers(record: Operation, ops: Operations, given: Mapping[str, Any]) -> tuple[Any, ...] | str:
    """The answers, or the error in words."""
    try:
        return record.answers(ops, **given)
    except NotTriedError:
        raise
    except (TargetError, ContractError) as error:
        return str(error)


def _add(found: Difference, answers: Sequence[tuple[Any, ...] | str], number: int, given: Mapping[str, Any]) -> None:
    """Count one input, and remember it if they part on it first."""
    found.examples += 1
    one, other = answers
    if isinstance(one, str) or isinstance(other, str):
        if isinstance(one, str) and isinstance(other, str):
            return
        _part(found, f"example {number}: {one if isinstance(one, str) else other}; the other answers")
        found.most = np.inf
        return
    if len(one) != len(other):
        found.most = np.inf
        _part(found, f"example {number}: {len(one)} answers against {len(other)}")
    for place, (x, y) in enumerate(zip(one, other, strict=False)):
        which = f"answer {place + 1}, " if len(one) > 1 else ""
        _add_arrays(found, np.asarray(x), np.asarray(y), f"example {number}, {which}", given)


def _add_arrays(found: Difference, x: Array, y: Array, where: str, given: Mapping[str, Any]) -> None:
    if x.shape != y.shape or x.dtype != y.dtype:
        found.most = np.inf
        _part(found, f"{where}{x.dtype} {x.shape} against {y.dtype} {y.shape}")
        return
    steps = distance(x, y)
    same = (steps == 0) & (_signs(x) == _signs(y))
    found.elements += x.size
    found.equal += int(same.sum())
    found.most = max(found.most, float(steps.max(initial=0.0)))
    found.total += float(steps.sum())
    if not same.all():
        index = tuple(int(i) for i in np.argwhere(~same)[0])
        shapes = ", ".join(f"{k} {v.shape}" for k, v in given.items() if isinstance(v, np.ndarray))
        _part(found, f"{where}index {index}: {describe(x[index])} against {describe(y[index])}; {shapes}")


def _part(found: Difference, words: str) -> None:
    found.first = found.first or words


def distance(x: Array, y: Array) -> Array:
    """How many steps from one number of their format to the next lie between elements; 0 from one NaN to another.

    Zeros of both signs are one number. Integers, and NaN beside a number, are equal or infinitely far apart.

    Examples:
        >>> from mathcore.verify.compare import distance
        >>> distance(np.float16([1, -0.0, np.nan]), np.float16([1.001, 0, 1])).tolist()
        [1.0, 0.0, inf]
    """
    if not is_float(x):
        return np.where(x == y, 0.0, np.inf)
    with np.errstate(invalid="ignore"):
        nan_x, nan_y = np.isnan(x), np.isnan(y)
    steps = abs(_rank(x) - _rank(y))
    return np.where(nan_x | nan_y, np.where(nan_x & nan_y, 0.0, np.inf), steps)


def _rank(x: Array) -> Array:
    """The place of every number among those of its format, as a float64: exact up to 2⁵³, rounded beyond."""
    bits = 8 * x.dtype.itemsize
    code = np.ascontiguousarray(x).view(f"int{bits}").astype(np.int64)
    if bits == 64:
        return np.where(code < 0, -(code & 2**63 - 1).astype(np.longdouble), code.astype(np.longdouble))
    sign = 1 << bits - 1
    return np.where(code < 0, -(code + sign), code).astype(np.float64)


def _signs(x: Array) -> Any:
    """The signs of numbers, by which zeros differ; of NaN and of what is no float, nothing."""
    if not is_float(x):
        return np.zeros(x.shape, bool)
    with np.errstate(invalid="ignore"):
        return np.signbit(x) & ~np.isnan(x)


def rows(comparison: Comparison) -> Iterator[tuple[str, ...]]:
    """The comparison as a table: operation, examples, share of equal bits, mean and largest distance."""
    for d in comparison.differences:
        share = "–" if not d.elements else "all" if not d.parted else f"{100 * d.equal / d.elements:.4g} %"
        yield d.operation, f"{d.examples:,}", share, f"{d.mean:.3g}", f"{d.most:,.4g}"
