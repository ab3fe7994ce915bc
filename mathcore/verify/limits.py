"""Input coverage of claims: measured in the run, and compared with the limits that a claim declares.

Every call of a check is recorded: dtypes, rows, widths, signs, options. A claim that does not cover the whole domain of
its operations declares that as `Limits`. The declaration is printed with the claim, and a test compares it with the
measured coverage in both directions.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mathcore.verify.adversary import PERTURBATIONS
from mathcore.verify.records import named_arguments
from mathcore.verify.targets.adapters import ALL_FLOATS
from mathcore.verify.targets.signatures import is_default, reference_signature

ROWS = 8
"""With no more rows than this, a claim cannot detect an index that wraps around at 8, a usual tile height."""

SHORT_FORMATS = ("float32", "float16", "bfloat16")
"""The formats that a claim leaves out which is tried in float64 alone."""

WIDTH = 30
"""With no wider rows than this, a claim cannot detect errors around 32 elements: a vector, a tile or a warp."""

_MEMORY = ("out",)
"""Options that say where a result is stored; they do not change it."""

_SHOWN = 6
"""The number of values of an option that are listed."""


@dataclass(frozen=True)
class Limits:
    """The part of its operations' domain that a claim does not cover.

    Attributes:
        options: options that keep their defaults, e.g. "axis", or "softmax.axis" if only one operation is meant.
        formats: dtypes that are not drawn, e.g. "float16", or "softmax.float16".
        rows: the most rows that an operation is called with, if at most `ROWS`.
        width: the widest row that an operation is called with, if at most `WIDTH`.
        signs: arrays of one sign only, e.g. "softmax.x >= 0".
        assumes: conditions on drawn inputs; inputs that do not meet them are skipped. See `given_that`.
        fixed: perturbations of drawn arrays (see `adversary`) to which the claim does not apply → why, e.g.
            {"scale": "no sum overflows"}.
        also: other limits in words, e.g. "scores lie within ±600".
        said: words of the statement or its condition that state a limit themselves.
    """

    options: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    rows: int | None = None
    width: int | None = None
    signs: tuple[str, ...] = ()
    assumes: tuple[str, ...] = ()
    fixed: Mapping[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    said: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("options", "formats", "signs", "assumes", "also", "said"):
            if isinstance(getattr(self, name), str):
                raise TypeError(f"`{name}` must be a tuple of strings, got the string {getattr(self, name)!r}")
        if unknown := set(self.fixed).difference(PERTURBATIONS):
            raise ValueError(f"`fixed` knows {', '.join(PERTURBATIONS)}, got {', '.join(sorted(unknown))}")

    @property
    def words(self) -> list[str]:
        """One phrase for each limit."""
        default = f"{_listed(f'`{name}`' for name in self.options)} at the default" if self.options else ""
        return [
            *([f"at most {_counted(self.rows, 'row')}"] if self.rows is not None else []),
            *([f"widths up to {self.width}"] if self.width is not None else []),
            *([f"not in {_listed(self.formats)}"] if self.formats else []),
            *([default + "s" * (len(self.options) > 1)] if default else []),
            *(f"`{sign}`".replace(">=", "≥").replace("<=", "≤") for sign in self.signs),
            *(f"only where {condition}" for condition in self.assumes),
            *dict.fromkeys(self.fixed.values()),
            *self.also,
        ]


def _listed(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


EVERYWHERE = Limits()
"""The whole domain: no limits."""


class UnmetError(Exception):
    """An input does not meet a condition of the claim; the message is the condition."""


def given_that(condition: Any, words: str) -> None:
    """Skip the current input unless `condition` is true; `words` must be among the claim's `limits.assumes`.

    Examples:
        >>> from mathcore.verify import given_that
        >>> given_that(3 % 2 == 0, "n is even")
        Traceback (most recent call last):
            ...
        mathcore.verify.limits.UnmetError: n is even
    """
    if not condition:
        raise UnmetError(words)


@dataclass
class Argument:
    """The coverage of one argument of one operation.

    Attributes:
        formats: the dtypes of its float arrays.
        rows: the most rows of an array, the product of all axes but the last.
        widths: the smallest and the largest last axis.
        low, high: the smallest and largest finite number.
        special: "nan", "inf", "-inf", as far as they occurred.
        values: the first few values that were not arrays, as text.
        varied: whether it ever differed from its default.
    """

    formats: set[str] = field(default_factory=set)
    rows: int = 0
    widths: tuple[int, int] | None = None
    low: float = np.inf
    high: float = -np.inf
    special: set[str] = field(default_factory=set)
    values: dict[str, None] = field(default_factory=dict)
    varied: bool = False

    def add(self, value: Any) -> None:
        """Record a value."""
        if isinstance(value, Mapping):
            value = list(value.values())
        if isinstance(value, (tuple, list)) and any(isinstance(v, (np.ndarray, Mapping, tuple, list)) for v in value):
            for part in value:
                self.add(part)
        elif isinstance(value, np.ndarray) and value.ndim:
            self._add_array(value)
        elif len(self.values) < _SHOWN:
            self.values[_short(value)] = None

    def _add_array(self, x: np.ndarray[Any, Any]) -> None:
        width = x.shape[-1]
        self.rows = max(self.rows, x.size // width if width else 0)
        low, high = self.widths or (width, width)
        self.widths = (min(width, low), max(width, high))
        if x.dtype.name in ALL_FLOATS:
            self.formats.add(x.dtype.name)
        elif x.dtype != object:
            return
        if x.size and (x.dtype != object or x.size < 1000):
            self._add_range(x)

    def _add_range(self, x: np.ndarray[Any, Any]) -> None:
        if x.dtype.name == "bfloat16":
            x = x.astype(np.float32)
        try:
            low, high = float(x.min()), float(x.max())
        except (TypeError, ValueError, OverflowError):
            return  # objects without a float value, e.g. wide balls
        if not (np.isfinite(low) and np.isfinite(high)):
            x = x.astype(np.float64)
            marks = {"nan": np.isnan(x), "inf": x == np.inf, "-inf": x == -np.inf}
            self.special.update(name for name, places in marks.items() if places.any())
            finite = x[np.isfinite(x)]
            if not finite.size:
                return
            low, high = float(finite.min()), float(finite.max())
        self.low, self.high = min(low, self.low), max(high, self.high)

    def merge(self, other: Argument) -> None:
        """Add the coverage of another run."""
        self.formats |= other.formats
        self.rows = max(self.rows, other.rows)
        both = [w for w in (self.widths, other.widths) if w is not None]
        self.widths = (min(w[0] for w in both), max(w[1] for w in both)) if both else None
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.special |= other.special
        self.values = dict.fromkeys([*self.values, *other.values][:_SHOWN])
        self.varied |= other.varied

    @property
    def sign(self) -> str:
        """The sign of all its numbers, ">= 0" or "<= 0"; "" if both occur."""
        if self.low > self.high or self.low < 0 < self.high:
            return ""
        return ">= 0" if self.low >= 0 else "<= 0" if self.high <= 0 else ""

    @property
    def words(self) -> str:
        """The coverage in one line."""
        parts = [", ".join(sorted(self.formats, key=ALL_FLOATS.index))] if self.formats else []
        if self.widths is not None:
            low, high = self.widths
            parts.append(
                f"{'up to ' * (self.rows > 1)}{_counted(self.rows, 'row')} of width {low}"
                + (f" to {high}" if low < high else "")
            )
        if self.low <= self.high:
            parts.append(f"from {self.low:.3g} to {self.high:.3g}")
        parts += [", ".join(sorted(self.special))] if self.special else []
        parts += [", ".join(self.values) + ", …" * (len(self.values) == _SHOWN)] if self.values else []
        return "; ".join(parts)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _short(value: Any) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    text = f"{value:.4g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= 24 else f"{type(value).__name__}"


@dataclass
class Tried:
    """The arguments that the operations of a check were called with: operation → argument → its coverage."""

    seen: dict[str, dict[str, Argument]] = field(default_factory=dict)
    judged: bool = False

    def add(self, operation: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> None:
        """Record a call."""
        arguments = self.seen.setdefault(operation, {})
        for name, value, default in _named(operation, args, options):
            argument = arguments.setdefault(name, Argument())
            argument.varied = argument.varied or not is_default(value, default)
            argument.add(value)

    def merge(self, other: Tried) -> None:
        """Add the coverage of another check."""
        self.judged |= other.judged
        for operation, arguments in other.seen.items():
            mine = self.seen.setdefault(operation, {})
            for name, argument in arguments.items():
                mine.setdefault(name, Argument()).merge(argument)

    @property
    def words(self) -> dict[str, str]:
        """The coverage of each argument in one line, by "operation: argument"."""
        return {
            f"{operation}: {name}": argument.words
            for operation, arguments in self.seen.items()
            for name, argument in arguments.items()
            if argument.words
        }

    def left_out(self, formats: Iterable[str]) -> Limits:
        """The limits of what was tried, on a target with these dtypes; none if only errors were tested."""
        if not self.judged:
            return EVERYWHERE
        floats = {op: [a for a in args.values() if a.formats or a.low <= a.high] for op, args in self.seen.items()}
        rows = [max(a.rows for a in some) for some in floats.values() if some]
        widths = [max(a.widths[1] for a in some if a.widths) for some in floats.values() if some]
        return Limits(
            options=tuple(self._options()),
            formats=tuple(
                f"{op}.{name}"
                for op, some in floats.items()
                if any(a.formats for a in some)
                for name in formats
                if not any(name in a.formats for a in some)
            ),
            rows=min(rows, default=None),
            width=min(widths, default=None),
            signs=tuple(f"{op}.{n} {a.sign}" for op, args in self.seen.items() for n, a in args.items() if a.sign),
        )

    def _options(self) -> Iterator[str]:
        for operation, arguments in self.seen.items():
            signature = reference_signature(operation)
            for name, parameter in {} if signature is None else signature.parameters.items():
                if parameter.default is not parameter.empty and name not in _MEMORY:
                    argument = arguments.get(name)
                    if argument is None or not argument.varied:
                        yield f"{operation}.{name}"


def _named(operation: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Name, value and default of each argument of a call."""
    signature = reference_signature(operation)
    parameters: Mapping[str, inspect.Parameter] = {} if signature is None else signature.parameters
    known = list(parameters or named_arguments(operation, args, {}) or ())
    names = [*known, *(f"argument {i}" for i in range(len(known) + 1, len(args) + 1))]
    for name, value in [*zip(names, args, strict=False), *options.items()]:
        yield name, value, parameters[name].default if name in parameters else inspect.Parameter.empty


def undeclared(declared: Limits, measured: Limits) -> list[str]:
    """Limits that were measured, but that the claim does not declare."""
    return [
        *(f"option {o} is never off its default" for o in measured.options if not _covers(declared.options, o)),
        *(f"{f} is not drawn" for f in measured.formats if not _covers(declared.formats, f)),
        *([f"at most {measured.rows} rows"] if declared.rows is None and _few(measured.rows, ROWS) else []),
        *([f"widths up to {measured.width}"] if declared.width is None and _few(measured.width, WIDTH) else []),
        *(f"{sign} always" for sign in measured.signs if sign not in declared.signs),
    ]


def untrue(declared: Limits, measured: Limits) -> list[str]:
    """Limits that the claim declares, but that were not measured."""
    options = set(measured.options) | {o.rpartition(".")[2] for o in measured.options}
    formats = set(measured.formats) | {f.rpartition(".")[2] for f in measured.formats}
    return [
        *(f"option {o} is tried, or none" for o in declared.options if o not in options),
        *(f"{f} is drawn" for f in declared.formats if f not in formats),
        *(["more rows are tried"] if _exceeds(measured.rows, declared.rows) else []),
        *(["wider rows are tried"] if _exceeds(measured.width, declared.width) else []),
        *(f"{sign} does not hold" for sign in declared.signs if sign not in measured.signs),
    ]


def _few(measured: int | None, bound: int) -> bool:
    return measured is not None and measured <= bound


def _exceeds(measured: int | None, declared: int | None) -> bool:
    """Whether clearly more was tried than was declared; the largest of a few draws is random, hence the factor 2."""
    return declared is not None and (measured is None or measured > 2 * declared)


def _covers(declared: tuple[str, ...], name: str) -> bool:
    """Whether "operation.name" is declared, or "name" for all operations."""
    return name in declared or name.partition(".")[2] in declared
