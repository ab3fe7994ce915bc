"""Detection of the conventions that a target follows, from its behaviour alone.

A detector makes calls whose results differ between the conventions, and keeps the observation that decided.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from mathcore.verify.errors import ContractError, ConversionError, NotTriedError, TargetError
from mathcore.verify.targets.conventions import Conventions
from mathcore.verify.targets.probes import DETECTORS, Detector, Probe, refusals
from mathcore.verify.targets.signatures import public
from mathcore.verify.targets.target import Target


@dataclass(frozen=True)
class Observation:
    """A finding about one convention.

    Attributes:
        convention: a field of `Conventions`, or another name for something that claims need not know.
        value: what the target does; None if unknown.
        because: the observation that decided, or what went wrong.
        applies: whether there is anything to find out: not where the target lacks an option that it is about.
    """

    convention: str
    value: Any
    because: str
    applies: bool = True

    @property
    def declares(self) -> bool:
        """Whether to declare it in the target's `Conventions`."""
        return self.value is not None and self.convention in {f.name for f in fields(Conventions)}


@dataclass(frozen=True)
class Detection:
    """All findings about a target."""

    target: str
    observations: list[Observation] = field(default_factory=list)

    def add(self, observation: Observation) -> None:
        """Add an observation. If several operations bear on one convention, the first with a known value counts."""
        for i, earlier in enumerate(self.observations):
            if earlier.convention == observation.convention:
                known = earlier.value is not None or not observation.applies
                self.observations[i] = earlier if known else observation
                return
        self.observations.append(observation)

    @property
    def conventions(self) -> Conventions:
        """The conventions to declare."""
        found: dict[str, Any] = {o.convention: o.value for o in self.observations if o.declares}
        return Conventions(**found)

    @property
    def unknown(self) -> list[str]:
        """The conventions about which the calls gave no answer."""
        return [o.convention for o in self.observations if o.value is None and o.applies]

    def value(self, convention: str) -> Any:
        """The value of one convention; None if unknown."""
        return next((o.value for o in self.observations if o.convention == convention), None)


def detect(target: Target) -> Detection:
    """Find out which conventions a target follows, from the operations that it has.

    Examples:
        >>> from mathcore.verify import Target, detect
        >>> detect(Target.numpy("numpy", argmax=np.argmax)).conventions.argmax_ties
        'first'
    """
    found = Detection(target.name)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for operation, detectors in DETECTORS.items():
            if operation in target.operations:
                known: dict[str, Any] = {}
                for convention, detector in detectors.items():
                    observation = _observed(convention, detector, Probe(target, operation, known))
                    known[convention] = observation.value
                    found.add(observation)
        found.observations.extend(_errors(target.following(found.conventions)))
    return found


def _errors(target: Target) -> list[Observation]:
    """One observation on bad arguments: of the first operation that answers some, else of the first that is known."""
    from mathcore.verify.run.catalogue import catalogue

    catalogue()  # which reads the records of the operations, whose arguments are changed to bad ones
    probes = (Probe(target, name, {}) for name in target.operations if name in public())
    made = [one for probe in probes if (one := _observed("errors", refusals.errors, probe)).applies]
    return sorted(made, key=lambda one: (one.value != "none", one.value is None))[:1]


def may_follow(target: Target, operations: Iterable[str], convention: str, value: Any) -> bool:
    """Whether a target may follow a convention: detectors on these operations find that value, or there are none."""
    some = {name: target.operations[name] for name in operations if name in target.operations}
    pinned = [name for name in some if convention in DETECTORS.get(name, ())]
    if not pinned:
        return True
    found = detect(replace(target, operations={name: some[name] for name in pinned}))
    return found.value(convention) == value


def _observed(convention: str, detector: Detector, probe: Probe) -> Observation:
    try:
        value, because = detector(probe)
    except NotTriedError as missing:
        return Observation(convention, None, _without(missing.reason), applies=False)
    except (TargetError, ContractError, ConversionError) as problem:
        return Observation(convention, None, str(problem).splitlines()[0])
    except (IndexError, ValueError, KeyError, TypeError, ZeroDivisionError) as problem:
        return Observation(convention, None, f"its answer could not be interpreted: {problem}")
    return Observation(convention, value, because)


def _without(reason: str) -> str:
    return reason if reason.startswith("not implemented") else f"it takes no {reason}"
