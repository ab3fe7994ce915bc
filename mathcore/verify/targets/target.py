"""Targets: the implementations that claims are checked on.

A target maps operation names to callables and declares its conventions. mathcore's own is `mathcore_target()`. Others
take a few lines:

    TARGET = Target.torch("mine", softmax=lambda x, axis: my_softmax(x, dim=axis))
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

import mathcore
from mathcore._compute import threads
from mathcore.verify.errors import ContractError, NotOfferedError, NotTriedError, TargetError
from mathcore.verify.targets import adapters
from mathcore.verify.targets.adapters import Adapter
from mathcore.verify.targets.caller import Caller
from mathcore.verify.targets.conventions import APPROXIMATE, Conventions
from mathcore.verify.targets.derive import derived
from mathcore.verify.targets.restrictions import NONE, Restrictions, drawing_for
from mathcore.verify.targets.signatures import has_own_default, options, public
from mathcore.verify.targets.values import map_arrays, read_only


@dataclass(frozen=True)
class Target:
    """An implementation under test.

    Attributes:
        name: its name in reports.
        operations: operation name → callable with mathcore's signature for that name.
        conventions: its documented choices where implementations differ.
        dtypes: the floating dtypes it accepts.
        exact: whether its operations also run on object arrays (Fractions, Arb balls).
        silent: whether a warning from a call counts as an error.
        adapter: how arrays are converted to its framework and back.
        restrictions: what it does not support, and claims do not try.
        guarded: whether answers are checked for type, shape and dtype, inputs for changes, and some calls are repeated.
        place: its path as "MODULE:NAME", for scripts.
        paths: the same of its operations, if they were named one by one.
    """

    name: str
    operations: Mapping[str, Callable[..., Any]]
    conventions: Conventions = field(default_factory=Conventions)
    dtypes: tuple[str, ...] = ("float64", "float32", "float16")
    exact: bool = False
    silent: bool = False
    adapter: Adapter = field(default_factory=adapters.numpy_adapter)
    restrictions: Restrictions = NONE
    guarded: bool = True
    place: str = ""
    paths: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for operation, function in self.operations.items():
            if not callable(function):
                raise TypeError(f"operation `{operation}` must be callable, got {type(function).__name__}")
        if unknown := [d for d in self.dtypes if d not in adapters.ALL_FLOATS]:
            raise ValueError(f"`dtypes` must be of {adapters.ALL_FLOATS}, got {unknown}")

    @staticmethod
    def numpy(name: str, /, **operations_and_more: Any) -> Target:
        """A target of functions on NumPy arrays.

        Args:
            name: its name in reports.
            **operations_and_more: the operations by name; and `dtypes`, `conventions`, `restrictions`, `exact`, which
                are attributes of `Target`.
        """
        return _adapted(name, adapters.numpy_adapter(), operations_and_more)

    @staticmethod
    def torch(name: str, /, *, device: str = "cpu", derive: str = "", **operations_and_more: Any) -> Target:
        """A target of functions on PyTorch tensors on `device`, e.g. "cuda:0". Other arguments are as in `numpy`.

        With `derive="autograd"` the derivatives of the operations are those of `torch.autograd`, so that a gradient
        that is lost, cut off or wrong is found; those that are given as operations stay.
        """
        return _adapted(name, adapters.torch_adapter(device), operations_and_more, derive)

    @staticmethod
    def jax(name: str, /, *, device: str | None = None, derive: str = "", **operations_and_more: Any) -> Target:
        """A target of functions on JAX arrays on a platform, e.g. "gpu". Other arguments are as in `numpy`.

        With `derive="vjp"` the derivatives of the operations are those of `jax.vjp`.
        """
        return _adapted(name, adapters.jax_adapter(device), operations_and_more, derive)

    @staticmethod
    def cupy(name: str, /, *, device: str | None = None, **operations_and_more: Any) -> Target:
        """A target of functions on CuPy arrays, on a GPU given by number. Other arguments are as in `numpy`."""
        return _adapted(name, adapters.cupy_adapter(device), operations_and_more)

    @staticmethod
    def array_api(name: str, namespace: Any, /, *, device: Any = None, **operations_and_more: Any) -> Target:
        """A target of functions on arrays of an array API namespace. Other arguments are as in `numpy`."""
        return _adapted(name, adapters.array_api_adapter(namespace, device), operations_and_more)

    @staticmethod
    def converting(
        name: str,
        to_native: Callable[[np.ndarray[Any, Any]], Any],
        to_numpy: Callable[[Any], np.ndarray[Any, Any]],
        /,
        **operations_and_more: Any,
    ) -> Target:
        """A target of functions on any arrays, given converters in both directions. Other arguments are as in `numpy`.

        `to_numpy` raises a TypeError for anything that is not an array. bfloat16 arrays are those of ml_dtypes.
        """
        return _adapted(name, Adapter(name, to_native, to_numpy), operations_and_more)

    @functools.cached_property
    def lacking(self) -> frozenset[str]:
        """The options that some of its operations have in mathcore, and that all of them lack or exclude here."""
        if not self.guarded:
            return frozenset()
        taken = [options(name, function, self.restrictions.without)[0] for name, function in self.operations.items()]
        return frozenset().union(*(self.lacking_of(name) for name in self.operations)).difference(*taken)

    def lacking_of(self, operation: str) -> set[str]:
        """The options that an operation has in mathcore, and that it lacks or excludes here."""
        function = self.operations.get(operation)
        return set() if function is None else options(operation, function, self.restrictions.without)[1]

    def drawing(self) -> AbstractContextManager[set[str]]:
        """A context in which inputs are drawn for it; see `drawing_for`."""
        fixed: dict[str, Any] = {"approximate": APPROXIMATE[self.conventions.gelu]}
        if {"rope", "rope_vjp"} & set(self.operations):
            fixed["base"] = self.conventions.rope_base
        return drawing_for(self.restrictions, self.lacking, fixed)

    def replacing(self, name: str, **operations: Callable[..., Any]) -> Target:
        """The same target under another name, with some operations replaced."""
        return replace(self, name=name, operations={**self.operations, **operations}, silent=False)

    def following(self, conventions: Conventions) -> Target:
        """The same target, with other conventions declared."""
        return replace(self, conventions=conventions)


CallRecorder = Callable[[str, tuple[Any, ...], Mapping[str, Any]], None]
"""Called with each operation, its positional arguments and its options."""

TrivialAnswer = Callable[[Any, Mapping[str, Any]], Any]
"""Replaces a target's answer: from the answer (None if it raised) and the arguments, another one."""


class Operations:
    """The part of a target that a claim can access: the operations that it declared, and the conventions.

    Arrays are passed read-only, except `out`, so that an operation that writes into its input raises an error.
    """

    def __init__(
        self,
        target: Target,
        needs: Collection[str],
        trivial: TrivialAnswer | None = None,
        record: CallRecorder | None = None,
    ) -> None:
        self._target = target
        self._needs = frozenset(needs)
        self._trivial = trivial
        self._record = record
        self.caller = Caller(target, once=trivial is not None) if target.guarded else None

    @property
    def conventions(self) -> Conventions:
        """The conventions that the target declares."""
        return self._target.conventions

    def has_own_default(self, operation: str, option: str) -> bool:
        """Whether a target of somebody else's says in its signature that an option has another default."""
        function = self._target.operations.get(operation)
        return self.caller is not None and function is not None and has_own_default(operation, function, option)

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        call = self._calling(operation)
        return call if self._record is None else _recorded_call(call, operation, self._record)

    def _calling(self, operation: str) -> Callable[..., Any]:
        if operation not in self._needs:
            raise AttributeError(f"the claim uses `{operation}` without declaring that it needs it")
        if operation not in self._target.operations:
            raise NotOfferedError(operation)
        if self.caller is not None:
            return _guarded(self.caller, operation, self._trivial)
        function = self._target.operations[operation]
        action: Literal["error", "ignore"] = "error" if self._target.silent else "ignore"

        def call(*args: Any, **options: Any) -> Any:
            sealed = map_arrays(args, read_only)
            with warnings.catch_warnings():
                warnings.simplefilter(action)
                try:
                    return function(
                        *sealed, **{k: v if k == "out" else map_arrays(v, read_only) for k, v in options.items()}
                    )
                except Exception as cause:
                    raise TargetError(operation, cause) from cause

        return call


def _adapted(name: str, adapter: Adapter, given: dict[str, Any], derive: str = "") -> Target:
    """A target from keyword arguments, which are fields of `Target` or operations, and derivatives of these."""
    fields = {k: given.pop(k) for k in ("dtypes", "conventions", "restrictions", "exact") if k in given}
    return adapted(name, adapter, derived(adapter.name, derive, given) if derive else given, **fields)


def adapted(name: str, adapter: Adapter, operations: Mapping[str, Callable[..., Any]], **fields: Any) -> Target:
    """A target of functions on the arrays of a framework; `fields` are others of `Target`, `dtypes` those of it."""
    if "dtypes" in fields:
        fields["dtypes"] = (fields["dtypes"],) if isinstance(fields["dtypes"], str) else tuple(fields["dtypes"])
    elif adapter.name == "numpy":
        fields["dtypes"] = ("float64", "float32", "float16")  # few NumPy functions support bfloat16
    return Target(name, operations, adapter=adapter, **{"dtypes": adapter.dtypes, **fields})


def _recorded_call(call: Callable[..., Any], operation: str, record: CallRecorder) -> Callable[..., Any]:
    def noted(*args: Any, **options: Any) -> Any:
        record(operation, args, options)
        return call(*args, **options)

    return noted


def _guarded(caller: Caller, operation: str, trivial: TrivialAnswer | None) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if trivial is None:
                return caller(operation, args, options)
            try:
                answer = caller(operation, args, options)
            except (TargetError, ContractError):
                answer = None
            return trivial(answer, {**{str(i): a for i, a in enumerate(args)}, **options})

    return call


MATHCORE = Conventions(
    summation="pairwise",
    log_softmax="log1p",
    temperature="shifted",
    intermediates="in-range",
    cosine="scaled",
    reproducible="bitwise",
    relu_slope_at_nan="nan",
    relu_of_minus_zero="plus",
    activation_tails="relative",
    attention_of_minus_zero="kept",
    rope_angles="exact",
    errors="mathcore",
)
"""The conventions of mathcore."""


def mathcore_target() -> Target:
    """Mathcore itself: its public functions and classes, and constructors of tokenizers and language models.

    `num_threads`, the number of threads, is an operation that only mathcore has.

    Examples:
        >>> from mathcore.verify import mathcore_target
        >>> mathcore_target().operations["softmax"] is mc.softmax
        True
    """
    operations: dict[str, Callable[..., Any]] = {
        **public(),
        "word_tokenizer": mathcore.WordTokenizer.train,
        "byte_pair_tokenizer": mathcore.BytePairTokenizer.train,
        "load_byte_pair_tokenizer": mathcore.BytePairTokenizer.load,
        "word_bigram": mathcore.WordBigram.train,
        "language_model": mathcore.LanguageModel.of,
        "num_threads": threads.num_threads,
    }
    return Target(
        "mathcore", operations, MATHCORE, exact=True, silent=True,
        guarded=False, dtypes=("float64", "float32", "float16", "bfloat16"),
    )  # fmt: skip


__all__ = [
    "ContractError",
    "Conventions",
    "NotOfferedError",
    "NotTriedError",
    "Operations",
    "Restrictions",
    "Target",
    "TargetError",
    "TrivialAnswer",
    "mathcore_target",
]
