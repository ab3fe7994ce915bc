"""Bad arguments: whether a target refuses what mathcore does."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from mathcore.verify.errors import ContractError, ConversionError, NotTriedError, TargetError
from mathcore.verify.records import record_of
from mathcore.verify.targets.caller import Caller
from mathcore.verify.targets.probes.probe import Probe, numbers
from mathcore.verify.targets.signatures import public, reference_signature

Arguments = dict[str, Any]


def errors(probe: Probe) -> tuple[Any, str]:
    """Whether all bad arguments are refused, or some are answered. The target's other conventions are declared.

    What raises on good arguments as well refuses nothing.
    """
    good = _sample(probe)
    bad = dict(_refused_by_mathcore(probe, good))
    if not bad:
        raise NotTriedError(probe.operation, "arguments that mathcore refuses")
    refusals, call = [], Caller(probe.target, once=True)
    try:
        call(probe.operation, (), good)
    except TargetError as problem:
        return None, f"on good arguments {str(problem).splitlines()[0]}"
    except (NotTriedError, ContractError):  # restricted to others, or answered in a wrong form
        pass
    for words, given in bad.items():
        try:
            call(probe.operation, (), given)
        except (NotTriedError, ConversionError):
            continue
        except TargetError as problem:
            refusals.append(f"{words} is refused: {str(problem).splitlines()[0]}")
            continue
        except ContractError:  # an answer, of whatever shape
            pass
        return "none", f"{probe.operation} of {words} is answered"
    return ("any", refusals[0]) if refusals else (None, "no bad arguments could be tried")


def _refused_by_mathcore(probe: Probe, good: Arguments) -> Iterator[tuple[str, Arguments]]:
    function = public()[probe.operation]
    for words, given in _changed(good):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                function(**given)
        except (TypeError, ValueError, IndexError):
            yield words, given


def _sample(probe: Probe) -> Arguments:
    """Good arguments by mathcore's names, from the operation's record; {} if it has others."""
    record, signature = record_of(probe.operation), reference_signature(probe.operation)
    if record is None or signature is None:
        return {}
    required = [n for n, p in signature.parameters.items() if p.default is p.empty and n not in record.sample]
    others = [name for name in record.sample if name not in signature.parameters]
    floats = {n: x for n, x in record.sample.items() if isinstance(x, np.ndarray) and x.dtype.kind == "f"}
    sample = {**record.sample, **{name: probe.floats(x) for name, x in floats.items()}}
    if len(required) == 1 < len(others):  # weights by name
        sample = {**{n: x for n, x in sample.items() if n not in others}, required[0]: {n: sample[n] for n in others}}
        others = []
    elif len(others) != len(required):
        return {}
    named = dict(zip(others, required, strict=False))
    lacking = probe.target.lacking_of(probe.operation)
    return {named.get(name, name): value for name, value in sample.items() if name not in lacking}


def _changed(sample: Arguments) -> Iterator[tuple[str, Arguments]]:
    """A sample call, with one array changed at a time: other dtypes, other ids, longer by an axis or along one."""
    for name, x in sample.items():
        if not isinstance(x, np.ndarray):
            continue
        ids = x.dtype.kind in "iu"
        others = [x.astype(np.float64), x + 1000, x - 1] if ids else [x.astype(np.int64), x > 0]
        for other in others:
            yield f"`{name}` = {numbers(other.ravel()[:2])} ({other.dtype})", {**sample, name: other}
        for other in (*(np.concatenate([x, x], axis=axis) for axis in range(x.ndim)), np.stack([x, x])):
            yield f"`{name}` of shape {other.shape}", {**sample, name: other}
