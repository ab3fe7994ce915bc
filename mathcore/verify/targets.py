"""Targets: the implementations that claims are checked on.

A target maps operation names to callables and states its conventions. mathcore's own is `MATHCORE`; anybody else's
is a few lines:

    TARGET = Target("mine", {"softmax": my_softmax})
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np


@dataclass(frozen=True)
class Conventions:
    """What implementations disagree about without being wrong; claims read it instead of assuming.

    Attributes:
        summation: "pairwise" if sums along a row are NumPy's pairwise ones, "any" if the order is not known.
        relu_slope_at_zero: the derivative that is used at exactly 0.
        cross_entropy_of_nothing: the mean over no rows.
    """

    summation: Literal["pairwise", "any"] = "any"
    relu_slope_at_zero: float = 0.0
    cross_entropy_of_nothing: float = 0.0


@dataclass(frozen=True)
class Target:
    """An implementation under test.

    Attributes:
        name: how reports call it.
        operations: operation name → callable with mathcore's signature for that name.
        conventions: where its documented behaviour is one of several in use.
        dtypes: the floating formats it accepts.
        exact: whether its operations also run on object arrays (Fractions, Arb balls).
        silent: whether a warning that escapes from a call counts as an error.
    """

    name: str
    operations: Mapping[str, Callable[..., Any]]
    conventions: Conventions = field(default_factory=Conventions)
    dtypes: tuple[str, ...] = ("float64", "float32", "float16")
    exact: bool = False
    silent: bool = False

    def replacing(self, name: str, **operations: Callable[..., Any]) -> Target:
        """The same target under another name, with some operations replaced."""
        return replace(self, name=name, operations={**self.operations, **operations}, silent=False)


class NotOfferedError(LookupError):
    """A claim needs an operation that the target does not have."""


class TargetError(Exception):
    """An operation of the target raised; `cause` is what it raised."""

    def __init__(self, operation: str, cause: Exception) -> None:
        super().__init__(f"`{operation}` raised {type(cause).__name__}: {cause}")
        self.operation = operation
        self.cause = cause


class Operations:
    """What a claim sees of its target: the operations it declared, and the conventions. Nothing else.

    Arrays reach the target read-only, so an operation that writes into its input is an error.
    """

    def __init__(self, target: Target, needs: Collection[str]) -> None:
        self._target = target
        self._needs = frozenset(needs)

    @property
    def conventions(self) -> Conventions:
        """The conventions that the target declares."""
        return self._target.conventions

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        if operation not in self._needs:
            raise AttributeError(f"the claim uses `{operation}` without declaring that it needs it")
        if operation not in self._target.operations:
            raise NotOfferedError(operation)
        function = self._target.operations[operation]
        action: Literal["error", "ignore"] = "error" if self._target.silent else "ignore"

        def call(*args: Any, **options: Any) -> Any:
            sealed = [_read_only(a) for a in args]
            with warnings.catch_warnings():
                warnings.simplefilter(action)
                try:
                    return function(*sealed, **{k: _read_only(v) for k, v in options.items()})
                except Exception as cause:
                    raise TargetError(operation, cause) from cause

        return call


def _read_only(value: Any) -> Any:
    """A view of an array that cannot be written through; containers of arrays likewise."""
    if isinstance(value, np.ndarray):
        view = value.view()
        view.flags.writeable = False
        return view
    if isinstance(value, dict):
        return {key: _read_only(item) for key, item in value.items()}
    if type(value) in (tuple, list):
        return type(value)(_read_only(item) for item in value)
    return value


def mathcore_target() -> Target:
    """Mathcore itself: every public name of the package is an operation, and so is each way to a tokenizer."""
    import mathcore

    operations = {
        **{name: getattr(mathcore, name) for name in mathcore.__all__},
        "word_tokenizer": mathcore.WordTokenizer.train,
        "byte_pair_tokenizer": mathcore.BytePairTokenizer.train,
        "load_byte_pair_tokenizer": mathcore.BytePairTokenizer.load,
    }
    return Target(
        "mathcore", operations, Conventions(summation="pairwise"), exact=True, silent=True,
        dtypes=("float64", "float32", "float16", "bfloat16"),
    )  # fmt: skip
