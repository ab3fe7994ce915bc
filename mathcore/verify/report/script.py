"""Reproducer scripts: a failure as a program of NumPy, the user's function and the input, nothing else.

The program repeats the claim's calls and asserts what is right: the claim's own relation where its sides are simple
expressions of the answers, else one element of an answer with its true value. Each form is tried on what the target
answered and on what mathcore answers: the program must fail on the first and pass on the second.
"""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mathcore.verify.oracle.enclosures import Enclosure
from mathcore.verify.relations import Conjunction, Relation, ratios
from mathcore.verify.report.describe import Finding, describe
from mathcore.verify.report.expressions import same_array
from mathcore.verify.report.literals import MAX_LITERAL, Array, UnwritableError, generator
from mathcore.verify.report.writer import Writer, namespace
from mathcore.verify.targets.caller import Call
from mathcore.verify.targets.held import Held
from mathcore.verify.targets.target import Operations, mathcore_target

if TYPE_CHECKING:
    from mathcore.verify.claims import Check, Claim
    from mathcore.verify.targets.target import Target


@dataclass(frozen=True)
class Failure:
    """A relation that did not hold, or a call that raised, with everything needed to repeat it.

    Attributes:
        check: of the claim; None after a crash of the process.
        inputs: the arguments of the claim's body.
        relation: the relation that failed; None if an exception was raised.
        calls: the calls of the target; the last one has no answer if it raised.
    """

    claim: Claim
    target: Target
    inputs: Mapping[str, Any]
    relation: Relation | None
    calls: tuple[Call, ...]
    check: Check | None = None

    @functools.cached_property
    def right_side(self) -> bool:
        """Whether the right side is the same, and the relation holds, if mathcore answers in the target's place."""
        if self.relation is None or self.check is None:
            return False
        reference = replace(mathcore_target(), conventions=self.target.conventions, silent=False)
        with contextlib.suppress(Exception), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            returned = self.check.body(Operations(reference, self.claim.needs), **self.inputs)
            parts = returned.parts if isinstance(returned, Conjunction) else (returned,)
            return any(_same_side(p.rhs, self.relation.rhs) and ratios(p).max(initial=0.0) <= 1 for p in parts)
        return False


def _same_side(a: Any, b: Any) -> bool:
    if isinstance(a, Enclosure) or isinstance(b, Enclosure):
        return isinstance(a, Enclosure) and isinstance(b, Enclosure) and same_array(a.hi, b.hi)
    return same_array(a, b)


AlsoFails = Callable[[Mapping[str, Any]], tuple[Failure, Finding] | None]


def with_script(failure: Failure, finding: Finding, also_fails: AlsoFails) -> tuple[Failure, Finding]:
    """The failure with the program in its finding; without one if an argument has no source form.

    Arrays too large to print are replaced by random ones of the same form if those fail as well; the finding is then
    about them.
    """
    generators: dict[str, str] = {}
    generated = _generated(failure.inputs)
    if generated:
        again = also_fails({**failure.inputs, **{name: value for name, (_, value) in generated.items()}})
        if again is not None:
            generators = {name: code for name, (code, _) in generated.items()}
            failure, found = again
            shown = {**found.inputs, **{n: f"{describe(failure.inputs[n])}: {code}" for n, code in generators.items()}}
            finding = replace(found, kind="random", inputs=shown)
    if failure.calls and not any(isinstance(call.answer, Held) for call in failure.calls):  # calls of methods are none
        with contextlib.suppress(UnwritableError):
            writer = Writer(failure, finding, generators)
            script = writer.text()
            finding = replace(finding, script=script, arrays=writer.saved, file=writer.file if writer.saved else "")
    return failure, finding


def _generated(inputs: Mapping[str, Any]) -> dict[str, tuple[str, Array]]:
    """For every array too large to print, code for a random one of that shape, dtype and range, and its value."""
    found = {}
    for name, value in inputs.items():
        if isinstance(value, np.ndarray) and value.size > MAX_LITERAL:
            code = generator(value)
            if code:
                found[name] = (code, eval(code, namespace()))
    return found
