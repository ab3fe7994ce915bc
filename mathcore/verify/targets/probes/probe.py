"""Calls of a target without regard to its conventions, which show what these are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mathcore.verify.targets.caller import Caller
from mathcore.verify.targets.conventions import Conventions
from mathcore.verify.targets.signatures import bind_arguments, fit_arguments
from mathcore.verify.targets.target import Target
from mathcore.verify.tolerances import FORMATS, dtype_named

Array = np.ndarray[Any, Any]


@dataclass
class Probe:
    """An operation of a target, for calls without regard to conventions, and the conventions known so far."""

    target: Target
    operation: str
    known: dict[str, Any]

    @property
    def dtype(self) -> str:
        """The widest dtype that the target accepts."""
        order = ("float64", "float32", "float16", "bfloat16")
        return next(d for d in order if d in self.target.dtypes)

    @property
    def tiny(self) -> float:
        """The smallest normal number of that dtype."""
        return FORMATS[self.dtype].tiny

    @property
    def unit(self) -> float:
        """The unit roundoff of that dtype."""
        return FORMATS[self.dtype].u

    def floats(self, values: Any) -> Array:
        """An array of that dtype."""
        return np.asarray(values, np.float64).astype(dtype_named(self.dtype))

    def width(self, least: int) -> int:
        """The smallest width from `least` that the target supports."""
        allowed = self.target.restrictions.allows_width
        return next((n for n in range(least, 1025) if allowed(n)), least)

    def __call__(self, *args: Any, **options: Any) -> Array:
        """Call the operation. Returns the answer, or its first part, as float64."""
        return self.parts(*args, **options)[0].astype(np.float64)

    def parts(self, *args: Any, **options: Any) -> list[Array]:
        """Call the operation. Returns all parts of the answer, in their dtypes."""
        given = bind_arguments(self.operation, args, options)
        function = self.target.operations[self.operation]
        args, fitting = fit_arguments(self.operation, function, given or {}, Conventions())
        answer = Caller(self.target, once=True).call_directly(self.operation, args, fitting)
        return [np.asarray(part) for part in (answer if isinstance(answer, (tuple, list)) else [answer])]


Detector = Callable[[Probe], tuple[Any, str]]
"""Returns the value of a convention, None if it is neither of those that are known, and the observation that decided.

A value is what all of several calls agree on: what only one of them shows may be a mistake of the target.
"""


def numbers(x: Any) -> str:
    """An array in few digits."""
    return np.array2string(np.asarray(x), precision=4, separator=", ", suppress_small=True).replace("\n", "")
