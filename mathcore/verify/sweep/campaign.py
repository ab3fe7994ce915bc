"""A sweep: every range measured, on this machine or on an executor, and the errors of all together."""

from __future__ import annotations

import functools
import importlib
import math
import traceback
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mathcore.verify.errors import ContractError, NotTriedError, TargetError
from mathcore.verify.report.report import environment
from mathcore.verify.run.code import differences, hash_of_files, versions
from mathcore.verify.run.executor import Lost, scattered
from mathcore.verify.run.session import Functions, find_target
from mathcore.verify.run.shards import Shard
from mathcore.verify.sweep.ledger import Ledger, LedgerError
from mathcore.verify.sweep.measure import EDGES, WORST, Plan, doubt_of, errors_at, measure
from mathcore.verify.sweep.operations import swept
from mathcore.verify.targets.target import Target
from mathcore.verify.tolerances import dtype_named


class SweepError(RuntimeError):
    """A range could not be measured; the message says why. Those that were finished are in the ledger."""


@dataclass(frozen=True)
class Sweep:
    """What is swept on what; picklable.

    Attributes:
        plan: operation, format and ranges.
        functions: where the operation is found; None for mathcore's.
    """

    plan: Plan
    functions: Functions | None = None

    @property
    def name(self) -> str:
        """The name of its ledger."""
        return f"{self.plan.operation}-{self.plan.dtype}{'-pairs' * (self.plan.count == 2)}"

    def target(self) -> Target:
        """The implementation.

        Raises:
            LookupError: if it is not found, or does not take the format.
        """
        target = find_target(self.functions)
        if self.plan.dtype not in target.dtypes:
            raise LookupError(f"the target is not said to take {self.plan.dtype}: add --dtype {self.plan.dtype}")
        return target

    def head(self) -> dict[str, Any]:
        """What results depend on: results with another head are not of this sweep."""
        operation = swept(self.plan.operation, self.plan.count)
        found = {**versions(), "cpu": environment()["cpu"], "instructions": _instructions()}
        where = "mathcore"
        if self.functions is not None:
            where = self.functions.operations[self.plan.operation]
            found["target"] = _code_of(where)
        return {"sweep": 1, "swept": operation.formula, "of": where, **asdict(self.plan), "versions": found}


def _instructions() -> str:
    """The instruction set that NumPy chose on this machine: its elementary functions round differently in others."""
    import numpy as np

    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return str(found[-1]) if found else "baseline"


def _code_of(path: str) -> str:
    """A hash of the file of a target."""
    module = importlib.import_module(path.partition(":")[0])
    file = getattr(module, "__file__", None)
    return hash_of_files({module.__name__: Path(file)}) if file else "none"


def run_sweep(
    sweep: Sweep,
    folder: Path | None = None,
    executor: Executor | None = None,
    shard: Shard | None = None,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Measure every range that is not in the ledger yet.

    Args:
        sweep: what is swept.
        folder: of the ledger; None to keep none.
        executor: where the ranges are measured; None for this process.
        shard: which part of the ranges; None for all.
        progress: called with the number of ranges that are done.

    Returns:
        `summary` of all ranges that are known then, those of other shards included.

    Raises:
        LookupError: if the target is not found, or the ledger is of another sweep.
        SweepError: if a range could not be measured.
    """
    sweep.target()
    name = "" if shard is None else f"-{shard.part}-of-{shard.of}"
    ledger = None if folder is None else Ledger(folder, sweep.name, sweep.head(), name)
    done = {} if ledger is None else ledger.done
    if damaged := [k for k, result in done.items() if not _sound(sweep.plan, result)]:
        raise LedgerError(f"the ledger in {folder} has a damaged result of range {damaged[0]}")
    mine = [k for k in range(sweep.plan.ranges) if shard is None or k % shard.of == shard.part - 1]
    left = [k for k in mine if k not in done]
    for finished, result in enumerate(_results(sweep, executor, iter(left)), len(mine) - len(left) + 1):
        if ledger is None:
            done[result["range"]] = result
        else:
            ledger.add(result)
        if progress is not None:
            progress(finished)
    return summary(sweep, done)


def _sound(plan: Plan, result: Mapping[str, Any]) -> bool:
    """Whether a result out of a ledger can be one of `measure`."""
    try:
        counts = [result["inputs"], result["undecided"], *result["bins"]]
        for code, error in result["worst"]:
            plan.decode(code)
            math.isfinite(0.0 if error is None else error)
        return (
            0 <= result["range"] < plan.ranges
            and isinstance(result["sum"], float)
            and all(type(count) is int and count >= 0 for count in counts)
            and len(result["bins"]) == len(EDGES) + 2
            and sum(result["bins"]) == result["inputs"]
        )
    except (KeyError, IndexError, OverflowError, TypeError, ValueError):
        return False


def _results(sweep: Sweep, executor: Executor | None, ranges: Iterator[int]) -> Generator[dict[str, Any]]:
    function = functools.partial(_measured, sweep, versions())
    answers: Iterable[Any]
    if executor is None:
        answers = (function(k, 1) for k in ranges)
    else:
        answers = (answer for _, answer in scattered(executor, function, ((k,) for k in ranges)))
    for answer in answers:
        if isinstance(answer, Lost):
            raise SweepError(f"a worker was lost twice: {answer.why}")
        if isinstance(answer, str):
            raise SweepError(answer)
        yield answer


def _measured(sweep: Sweep, expected: Mapping[str, str], index: int, attempt: int) -> dict[str, Any] | str:
    """The result of a range, or why there is none."""
    del attempt  # an argument, so that Dask knows the second attempt from the first
    if different := differences(expected, versions()):
        return f"a worker has {different}"
    try:
        return measure(sweep.plan, sweep.target(), index)
    except (TargetError, ContractError, NotTriedError, LookupError) as fault:
        return f"range {index}: {fault}"
    except Exception:
        return traceback.format_exc()


def summary(sweep: Sweep, done: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """The errors of all ranges that are done: what a budget file holds.

    Returns:
        `max_ulp`, which no judged input exceeds; `exhaustive`, whether all finite inputs were judged; the `worst`
        inputs by their bits, with errors by Arb; the distribution; the oracle and its doubt; versions.
    """
    plan, results = sweep.plan, [done[k] for k in sorted(done)]
    operation, target = swept(plan.operation, plan.count), sweep.target()
    doubt = doubt_of(operation, dtype_named(plan.dtype))
    errors = [(code, math.inf if error is None else error) for r in results for code, error in r["worst"]]
    top = sorted(errors, key=lambda pair: (-pair[1], pair[0]))[:WORST]
    exact = errors_at(plan, target, [code for code, _ in top])
    counts: Counter[int] = Counter()
    for r in results:
        counts.update(dict(enumerate(r["bins"])))
    inputs = sum(r["inputs"] for r in results)
    if sum(counts.values()) != inputs:
        raise AssertionError(f"{sum(counts.values())} errors of {inputs} inputs")
    names = [*(f"up to {edge:g}" for edge in EDGES), f"above {EDGES[-1]:g}", "no number"]
    numbers = inputs - counts[len(EDGES) + 1]
    most = top[0][1] + doubt if top else 0.0
    return {
        **sweep.head(),
        "ranges": plan.ranges,
        "done": len(results),
        "exhaustive": len(results) == plan.ranges,
        "judged": inputs,
        "max_ulp": most if math.isfinite(most) else None,
        "mean_ulp": math.fsum(r["sum"] for r in results) / numbers if numbers else None,
        "distribution": {name: counts[i] for i, name in enumerate(names)},
        "undecided": sum(r["undecided"] for r in results),
        "worst": [_place(plan, code, error) for (code, _), error in zip(top, exact, strict=True)],
        "oracle": {
            "what": "float64; Arb for the worst inputs and next to the edges of the distribution"
            if operation.roundings
            else "float64, exact",
            "doubt_ulp": doubt,
        },
    }


def _place(plan: Plan, code: int, error: float) -> dict[str, Any]:
    numbers = [float(x.astype(float).ravel()[0]) for x in plan.decode(code)]
    return {"bits": f"{code:#x}", "input": numbers, "ulp": error if math.isfinite(error) else None}
