"""Detection of the conventions that a target follows, from its behaviour alone.

A detector makes calls whose results differ between the conventions, and keeps the observation that decided.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from mathcore.verify.errors import ContractError, NotTriedError, TargetError
from mathcore.verify.targets.conventions import Conventions
from mathcore.verify.targets.probes import DETECTORS, Detector, Probe
from mathcore.verify.targets.target import Target


@dataclass(frozen=True)
class Observation:
    """A finding about one convention.

    Attributes:
        convention: a field of `Conventions`, or another name for something that claims need not know.
        value: what the target does; None if unknown.
        because: the observation that decided, or what went wrong.
    """

    convention: str
    value: Any
    because: str

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
                self.observations[i] = observation if earlier.value is None else earlier
                return
        self.observations.append(observation)

    @property
    def conventions(self) -> Conventions:
        """The conventions to declare."""
        found: dict[str, Any] = {o.convention: o.value for o in self.observations if o.declares}
        return Conventions(**found)

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
    return found


def _observed(convention: str, detector: Detector, probe: Probe) -> Observation:
    try:
        value, because = detector(probe)
    except NotTriedError as missing:
        return Observation(convention, None, f"it takes no {missing.reason}")
    except (TargetError, ContractError) as problem:
        return Observation(convention, None, str(problem).splitlines()[0])
    except (IndexError, ValueError, KeyError, TypeError, ZeroDivisionError) as problem:
        return Observation(convention, None, f"its answer could not be interpreted: {problem}")
    return Observation(convention, value, because)
