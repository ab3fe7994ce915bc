"""Detection: which conventions a target follows, from its behaviour alone.

Every detector asks a question whose answer differs between the conventions, and keeps the observation that decided.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from mathcore.verify.errors import ContractError, NotTriedError, TargetError
from mathcore.verify.targets.conventions import Conventions
from mathcore.verify.targets.probes import DETECTORS, Detector, Probe
from mathcore.verify.targets.target import Target


@dataclass(frozen=True)
class Observation:
    """What was found out about one convention.

    Attributes:
        convention: a field of `Conventions`, or another name for what no claim needs to be told.
        value: what the target does; None if that did not come out.
        because: the observation that decided, or what went wrong.
    """

    convention: str
    value: Any
    because: str

    @property
    def declares(self) -> bool:
        """Whether it belongs into the target's `Conventions`."""
        return self.value is not None and self.convention in {f.name for f in fields(Conventions)}


@dataclass(frozen=True)
class Detection:
    """Everything that was found out about a target."""

    target: str
    observations: list[Observation] = field(default_factory=list)

    def add(self, observation: Observation) -> None:
        """Note what an operation does; where several speak of one convention, the first that says something counts."""
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
        """What was found for one convention; None if it was not looked for, or did not come out."""
        return next((o.value for o in self.observations if o.convention == convention), None)


def detect(target: Target) -> Detection:
    """Ask a target which conventions it follows; only operations that it offers are asked.

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


def _observed(convention: str, detector: Detector, ask: Probe) -> Observation:
    try:
        value, because = detector(ask)
    except NotTriedError as missing:
        return Observation(convention, None, f"it takes no {missing.reason}")
    except (TargetError, ContractError) as problem:
        return Observation(convention, None, str(problem).splitlines()[0])
    except (IndexError, ValueError, KeyError, TypeError, ZeroDivisionError) as problem:
        return Observation(convention, None, f"its answer makes no sense: {problem}")
    return Observation(convention, value, because)


def asked_for() -> Iterator[str]:
    """The operations that detection knows how to ask."""
    yield from DETECTORS
