"""The runner: claims × a target → verdicts.

`verify()` runs every claim that was asked for and returns a `Report`. One claim is `run_claim`; one rung of it is
`run_check`. Only "holds" passes: a claim that could not be checked is "not offered", one for which nothing
interesting was generated is "inconclusive".
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import itertools
import math
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, given, reject, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.errors import Flaky, HypothesisException, Unsatisfiable

from mathcore.verify.adapters import ALL_FLOATS
from mathcore.verify.adversary import bent
from mathcore.verify.calls import Call
from mathcore.verify.claims import Check, Claim, Mutant
from mathcore.verify.describe import Finding, describe_failure
from mathcore.verify.errors import FaultError, NotOfferedError, NotTriedError, TargetError
from mathcore.verify.limits import Tried, UnmetError
from mathcore.verify.relations import Conjunction, Relation, ratios, worst_place
from mathcore.verify.reproduce import Failure, script_for
from mathcore.verify.restrictions import restricted
from mathcore.verify.targets import Disguise, Operations, Target
from mathcore.verify.tolerances import subnormals

Outcome: TypeAlias = Literal["holds", "refuted", "not_offered", "inconclusive", "waived", "unexpected"]


_KEENER = 8
"""How many times the examples are tried before a tolerance that no error touched makes a check inconclusive."""


@dataclass(frozen=True)
class Profile:
    """How much is tried.

    Attributes:
        name: quick, default or thorough.
        examples: drawn for each property.
        scale: size of experiments as a fraction of the full one.
        bent: how many inputs more are bent out of their domain, in search of a counterexample; as many times as drawn.
    """

    name: str
    examples: int
    scale: float
    bent: int = 0


PROFILES = {
    p.name: p for p in (Profile("quick", 30, 0.2), Profile("default", 150, 1.0), Profile("thorough", 2000, 1.0, bent=2))
}


@dataclass
class Tally:
    """What a check has seen so far.

    Attributes:
        examples: how many inputs were judged.
        worst: the largest error ÷ allowance, 0 if all sides agreed exactly.
        allowance: the allowance at that place, 0 if every comparison was exact.
        decades: how many examples had their worst error ÷ allowance in each decade; None counts exact agreement.
        tolerances: the tolerance functions that were used.
        measured: figures that bodies attached; of numbers under one name the largest.
        not_tried: what the target does not support → how many inputs were passed over for it.
        tried: what the operations were called with, where inputs were drawn or enumerated.
        unmet: conditions of the claim's `limits` → how many inputs were passed over for them.
    """

    examples: int = 0
    worst: float = 0.0
    allowance: float = 0.0
    decades: dict[int | None, int] = field(default_factory=dict)
    tolerances: set[str] = field(default_factory=set)
    measured: dict[str, Any] = field(default_factory=dict)
    not_tried: dict[str, int] = field(default_factory=dict)
    tried: Tried = field(default_factory=Tried)
    unmet: dict[str, int] = field(default_factory=dict)

    @property
    def untouched(self) -> bool:
        """Whether something was allowed, and no error seen: then nothing was tested, or too little."""
        return self.allowance > 0 and self.worst == 0

    def add(self, parts: Iterable[Relation], size: int = 1) -> Relation | None:
        """Count an example; the first relation that does not hold, if any."""
        self.examples += size
        worst = 0.0
        for relation in parts:
            self.tolerances.update(relation.tolerances)
            for name, figure in relation.measured.items():
                self.measured[name] = _larger(self.measured.get(name), figure)
            if not relation.error.size:
                continue
            ratio = ratios(relation)
            place = np.unravel_index(int(np.argmax(ratio)), ratio.shape)
            top, allowed = float(ratio[place]), float(relation.allowance[place])
            if top > 1:
                return relation
            worst = max(worst, top)
            if top > self.worst or (self.worst == 0 and allowed > self.allowance):
                self.worst, self.allowance = top, allowed
        decade = math.floor(math.log10(worst)) if worst > 0 else None
        self.decades[decade] = self.decades.get(decade, 0) + size
        return None


def _larger(before: Any, figure: Any) -> Any:
    """Of two numbers the larger; of anything else the later."""
    numbers = isinstance(before, (int, float)) and isinstance(figure, (int, float))
    return max(before, figure) if numbers else figure


@dataclass
class CheckResult:
    """What one rung of a claim showed; `failed_on` are the drawn inputs that refuted it."""

    rung: str
    outcome: Outcome
    tally: Tally
    finding: Finding | None = None
    counterexample: bool = False
    detail: str = ""
    dispensable: bool = False  # not offered, and the claim does without
    failed_on: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass
class ClaimResult:
    """What a claim showed.

    Attributes:
        claim: its id.
        outcome: the worst of its checks.
        checks: the rungs, one by one.
        mutants: name → whether the checks refuted it.
        seconds: how long it took.
        would_pass: which trivial answers ("zeros", "a constant", "the input") would have passed on the same inputs.
        advice: under which other conventions a refuted claim holds, in one line.
        waiver: why its refutation is accepted, by whoever runs it.
    """

    claim: str
    outcome: Outcome
    checks: list[CheckResult]
    mutants: dict[str, bool]
    seconds: float
    would_pass: tuple[str, ...] = ()
    advice: str = ""
    waiver: str = ""

    @property
    def detail(self) -> str:
        """Why it does not hold, in one line."""
        if self.outcome == "unexpected":
            return "it holds, though a waiver says that it does not: delete the waiver"
        outcome = "refuted" if self.outcome == "waived" else self.outcome
        return next((c.detail for c in self.checks if c.outcome == outcome and c.detail), "")

    @property
    def finding(self) -> Finding | None:
        """The first failure of the sentence."""
        return next((c.finding for c in self.checks if c.outcome == "refuted" and c.finding), None)

    @property
    def misbehaved(self) -> bool:
        """Whether no number was judged: the target raised, changed its input, or the like."""
        return self.finding is not None and self.finding.crashed

    @property
    def tally(self) -> Tally:
        """All checks of the sentence together (the search for a counterexample is not one)."""
        total = Tally()
        for check in (c for c in self.checks if not c.counterexample):
            total.examples += check.tally.examples
            total.tried.merge(check.tally.tried)
            for words, count in check.tally.unmet.items():
                total.unmet[words] = total.unmet.get(words, 0) + count
            total.tolerances |= check.tally.tolerances
            total.measured.update(check.tally.measured)
            for reason, count in check.tally.not_tried.items():
                total.not_tried[reason] = total.not_tried.get(reason, 0) + count
            if (check.tally.worst, check.tally.allowance) > (total.worst, total.allowance):
                total.worst, total.allowance = check.tally.worst, check.tally.allowance
        return total


def merged(a: ClaimResult, b: ClaimResult) -> ClaimResult:
    """Two runs of one claim on different inputs as one; the first failure stands."""
    checks = [_merged_check(x, y) for x, y in zip(a.checks, b.checks, strict=True)]
    return replace(
        a,
        checks=checks,
        outcome=_outcome_of(checks),
        mutants={name: a.mutants.get(name, False) or b.mutants.get(name, False) for name in a.mutants | b.mutants},
        seconds=a.seconds + b.seconds,
        would_pass=tuple(name for name in a.would_pass if name in b.would_pass),
        advice=a.advice or b.advice,
    )


def _merged_check(a: CheckResult, b: CheckResult) -> CheckResult:
    order: tuple[Outcome, ...] = ("refuted", "holds", "not_offered", "inconclusive")  # seeing nothing is no objection
    one, other = a.tally, b.tally
    tally = Tally(
        one.examples + other.examples,
        *max((one.worst, one.allowance), (other.worst, other.allowance)),
        {d: one.decades.get(d, 0) + other.decades.get(d, 0) for d in one.decades | other.decades},
        one.tolerances | other.tolerances,
        {k: _larger(one.measured.get(k), v) for k, v in (one.measured | other.measured).items()},
        {r: one.not_tried.get(r, 0) + other.not_tried.get(r, 0) for r in one.not_tried | other.not_tried},
        unmet={w: one.unmet.get(w, 0) + other.unmet.get(w, 0) for w in one.unmet | other.unmet},
    )
    for each in (one, other):
        tally.tried.merge(each.tried)
    return replace(min((a, b), key=lambda r: order.index(r.outcome)), tally=tally)


def _outcome_of(checks: Sequence[CheckResult]) -> Outcome:
    """The worst of the checks; those that the claim does without count only where there are no others."""
    checks = [c for c in checks if not c.dispensable] or checks
    order: tuple[Outcome, ...] = ("refuted", "inconclusive", "not_offered")
    worst: Outcome = next((o for o in order if any(c.outcome == o for c in checks)), "holds")
    return worst if checks else "inconclusive"


_HOPELESS = 60
"""Of so many inputs at least one should be supported, or the rest is not drawn."""


class _RefutedError(Exception):
    """Thrown through Hypothesis so that it shrinks the input."""


class _PassedOverError(Exception):
    """The target does not support this input, or crashes where only a judgement counts."""


class _EnoughError(BaseException):
    """No more inputs are needed. No Exception, so that Hypothesis lets it through."""


def run_claim(claim: Claim, target: Target, reference: Target | None, profile: Profile, seed: int) -> ClaimResult:
    """Run every check of `claim` on `target`, and its mutants on `reference`, if there is one."""
    start = time.perf_counter()
    checks = [
        run_check(claim, check, target, profile, derived_seed(seed, claim.id, i))
        for i, check in enumerate(claim.checks)
    ]
    wrong = claim.refuted_by if reference is not None else ()
    mutants = {m.name: refutes(claim, m, reference or target, profile, seed) for m in wrong}
    return ClaimResult(claim.id, _outcome_of(checks), checks, mutants, time.perf_counter() - start)


def tried_on(claim: Claim, target: Target, profile: Profile, seed: int) -> Tried:
    """What the operations get in the checks of a claim that draw or enumerate their inputs."""
    tried = Tried()
    for i, check in enumerate(claim.checks):
        if check.quantified and not check.counterexample:
            result = run_check(claim, check, target, profile, derived_seed(seed, claim.id, i), shrink=False)
            tried.merge(result.tally.tried)
    return tried


def derived_seed(seed: int, name: str, index: int) -> int:
    """A seed for one check, the same on every machine and whatever else runs."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}/{index}".encode()).digest()[:4], "big")


def refutes(claim: Claim, mutant: Mutant, reference: Target, profile: Profile, seed: int) -> bool:
    """Whether any check of the claim judges the wrong implementation refuted. A crash is no judgement: on it goes.

    Every check whose inputs are drawn gets a glance first, since most mutants fall at once, then a look, then keener
    ones; the others are tried once, after the glances. The check that caught the last mutant of the same operation
    comes first, or else the one that caught the claim's last.
    """
    wrong, last = mutant.of(reference), _LAST_CATCH.get((claim.id, mutant.operation), _LAST_CATCH.get((claim.id, "")))
    order = sorted(range(len(claim.checks)), key=lambda i: i != last)
    for keenness in _KEENNESS:
        for i in order:
            check = claim.checks[i]
            if check.counterexample or not (check.inputs or keenness == (_KEENNESS[0] if i == last else 1)):
                continue
            keen = replace(check, effort=check.effort * keenness)
            drawn_from = derived_seed(seed, f"{claim.id}/{wrong.name}/{keenness}", i)
            result = run_check(claim, keen, wrong, profile, drawn_from, shrink=False, past_crashes=True)
            if result.outcome == "refuted" and result.finding is not None and not result.finding.crashed:
                _LAST_CATCH[claim.id, mutant.operation] = _LAST_CATCH[claim.id, ""] = i
                return True
    return False


_KEENNESS = (0.05, 0.2, 1, 4, 16)
"""How many examples each round of `refutes` draws, as a multiple of the profile's."""

_LAST_CATCH: dict[tuple[str, str], int] = {}
"""Claim, operation (or "" for any) → the check that caught the last mutant; only the order of checks depends on it."""


def run_check(
    claim: Claim,
    check: Check,
    target: Target,
    profile: Profile,
    seed: int,
    shrink: bool = True,
    disguise: Disguise | None = None,
    past_crashes: bool = False,
) -> CheckResult:
    """Run one rung on `target`, or on what `disguise` makes of its answers.

    It goes on `past_crashes` if a judgement is wanted, as it is of implementations that are wrong on purpose.
    """
    with subnormals(target.conventions.subnormals):
        return _checked(_Attempt(claim, check, target, disguise, past_crashes), profile, seed, shrink)


def _checked(attempt: _Attempt, profile: Profile, seed: int, shrink: bool) -> CheckResult:
    claim, check, target, disguise, tally = attempt.claim, attempt.check, attempt.target, attempt.disguise, Tally()
    try:
        with warnings.catch_warnings(), restricted(target.restrictions, target.lacking) as spared:
            warnings.simplefilter("ignore")
            if check.cases is not None:
                _enumerate(attempt, check.cases_for(target), tally)
            elif check.inputs:
                examples = max(1, round(profile.examples * check.effort))
                _search(attempt, check.strategy(target), examples, seed, shrink, tally)
                if tally.untouched and disguise is None:
                    _search(attempt, check.strategy(target), _KEENER * examples, seed + 1, shrink, tally)
                if profile.bent and not (target.guarded or check.counterexample):
                    _search_beyond(attempt, profile.bent * examples, seed + 2, shrink, tally)
            else:
                attempt(tally, **_injected(check, profile, seed))
    except NotOfferedError as missing:
        why = f"the target has no `{missing}`"
        return CheckResult(check.rung, "not_offered", tally, detail=why, dispensable=str(missing) in claim.dispensable)
    except (_RefutedError, _PassedOverError):
        pass
    for operation, option in itertools.product(claim.needs, spared):
        if option in target.lacking_of(operation):
            tally.not_tried.setdefault(f"{operation}: `{option}`", 1)
    tally.tried = attempt.tried
    if disguise is None:
        attempt.ask_again()
    if attempt.failure is not None and shrink and not check.counterexample:
        attempt.add_script()
    result = _conclude(check, tally, attempt.finding)
    if attempt.beyond:
        result.detail = f"false beyond the domain that is drawn: {result.detail}"
    if result.outcome == "refuted" and attempt.failure is not None and (check.inputs or check.cases):
        result.failed_on = attempt.failure.inputs
    return result


def fails_on(claim: Claim, check: Check, target: Target, inputs: Mapping[str, Any]) -> bool:
    """Whether these inputs refute a check of the claim on `target`; not so if they are not for it."""
    attempt = _Attempt(claim, check, target)
    with subnormals(target.conventions.subnormals), warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        attempt(None, **inputs)
    return attempt.finding is not None


class _Attempt:
    """One evaluation of a body, remembering the last input that it failed on."""

    def __init__(
        self,
        claim: Claim,
        check: Check,
        target: Target,
        disguise: Disguise | None = None,
        past_crashes: bool = False,
    ) -> None:
        self.claim, self.check, self.target, self.past_crashes = claim, check, target, past_crashes
        self.disguise = disguise
        self.tried = Tried()
        noting = self.tried.add if check.quantified and disguise is None and not past_crashes else None
        self.ops = Operations(target, claim.needs, disguise, noting)
        self.finding: Finding | None = None
        self.failure: Failure | None = None
        self.beyond = False
        self.kind = "smallest" if check.cases is not None else "shrunk"

    def __call__(self, tally: Tally | None, *, size: int = 1, **inputs: Any) -> None:
        caller = self.ops.caller
        if caller is not None:
            caller.forget()
        try:
            returned = self.check.body(self.ops, **inputs)
            parts = _judged_by(_parts(returned, self.claim), self.ops)
        except NotTriedError as unsupported:
            if tally is not None:
                tally.not_tried[str(unsupported)] = tally.not_tried.get(str(unsupported), 0) + size
            raise _PassedOverError from unsupported
        except UnmetError as condition:
            self._pass_over(tally, str(condition), size)
        except (NotOfferedError, HypothesisException, ClaimError):
            raise
        except Exception as crash:  # what a target returned may break the claim's own arithmetic
            if self.past_crashes:
                raise _PassedOverError from crash
            self.finding = Finding.crash(self.kind, inputs, crash, self.claim.statement)
            self._remember(inputs, None)
            raise _RefutedError from crash
        self._tolerances_are_declared(parts)
        self.tried.judged = self.tried.judged or any(part.symbol != "raises" for part in parts)
        failed = (tally or Tally()).add(parts, size)
        if failed is not None:
            self.finding = describe_failure(self.kind, inputs, failed, self.claim.statement)
            self._remember(inputs, failed)
            raise _RefutedError

    def _pass_over(self, tally: Tally | None, condition: str, size: int) -> None:
        """An input that the claim does not speak of."""
        if condition not in self.claim.limits.assumes:
            raise ClaimError(f"claim `{self.claim.id}` assumes that {condition} without declaring it in its `limits`")
        if tally is not None:
            tally.unmet[condition] = tally.unmet.get(condition, 0) + size
        raise _PassedOverError

    def ask_again(self) -> None:
        """Whether the target still answers its first calls, and those that failed, as it did; if not, that is why."""
        caller = self.ops.caller
        if caller is None or (self.finding is not None and self.finding.crashed):
            return
        try:
            caller.asked_again(self.failure.calls if self.failure else ())
        except FaultError as fault:
            inputs = {f"argument {i}": v for i, v in enumerate(fault.call_args, 1)} | dict(fault.call_options or {})
            self.finding = Finding.crash("same", inputs, fault, self.claim.statement)
            call = Call(fault.operation, fault.call_args, fault.call_options or {}, fault.answer)
            self.failure = Failure(self.claim, self.target, inputs, None, (call,))
        except (TargetError, NotOfferedError):
            return  # what it raised before, it may raise again

    def add_script(self) -> None:
        """Put a script that repeats the failure into the finding."""
        self._keep_one_row()
        if self.finding is not None and self.failure is not None:
            self.finding = replace(self.finding, script=script_for(self.failure, self.finding, self._fails_too))

    def _keep_one_row(self) -> None:
        """Of a batch too large to print, keep the worst row, if that fails alone."""
        if self.failure is None or self.failure.relation is None or not self.failure.relation.error.ndim:
            return
        inputs, rows = self.failure.inputs, self.failure.relation.error.shape[0]
        if not any(isinstance(v, np.ndarray) and v.ndim and len(v) == rows and v.size > 64 for v in inputs.values()):
            return
        row = worst_place(self.failure.relation)[0]
        single = {
            name: v[row : row + 1] if isinstance(v, np.ndarray) and v.ndim and len(v) == rows else v
            for name, v in inputs.items()
        }
        if alone := self._fails_too(single):
            self.failure, self.finding = alone

    def _remember(self, inputs: Mapping[str, Any], relation: Relation | None) -> None:
        if self.ops.caller is not None:
            caller = self.ops.caller
            made, last = tuple(caller.made), caller.pending
            made = made if last is None or (made and made[-1] is last) else (*made, last)
            self.failure = Failure(self.claim, self.target, dict(inputs), relation, made)

    def _fails_too(self, inputs: Mapping[str, Any]) -> tuple[Failure, Finding] | None:
        """The failure on other inputs, if they show it as well."""
        again = _Attempt(self.claim, self.check, self.target)
        try:
            again(None, **inputs)
        except _RefutedError:
            found, before = again.finding, self.finding
            if not (found and before and again.failure and self.failure) or found.crashed != before.crashed:
                return None
            remarks = {f.relation.remark for f in (again.failure, self.failure) if f.relation is not None}
            return (again.failure, found) if len(remarks) < 2 else None  # shapes that differ are another failure
        except Exception:  # inputs that the claim was not made for
            return None
        return None

    def _tolerances_are_declared(self, parts: tuple[Relation, ...]) -> None:
        declared = {t.__name__ for t in self.claim.tolerances}
        for name in (name for part in parts for name in part.tolerances):
            if name not in declared:
                raise ClaimError(f"claim `{self.claim.id}` uses the tolerance `{name}` without declaring it")


class ClaimError(TypeError):
    """A claim is written wrongly; no verdict on any target."""


def _judged_by(parts: tuple[Relation, ...], ops: Operations) -> tuple[Relation, ...]:
    """The relations as the target's convention on errors has them: mathcore's errors, any error, or none needed."""
    errors = ops.conventions.errors
    if errors == "mathcore" or all(part.symbol != "raises" for part in parts):
        return parts
    if errors == "any":
        return tuple(replace(part, error=np.zeros(())) if part.refused else part for part in parts)
    rest = tuple(part for part in parts if part.symbol != "raises")
    if not rest:
        raise NotTriedError("every operation", "bad arguments")
    return rest


def _parts(returned: Any, claim: Claim) -> tuple[Relation, ...]:
    if isinstance(returned, Conjunction):
        return returned.parts
    if isinstance(returned, Relation):
        return (returned,)
    came = type(returned).__name__
    raise ClaimError(f"claim `{claim.id}` must return a relation such as equal(lhs, rhs), got {came}")


def _search_beyond(attempt: _Attempt, examples: int, seed: int, shrink: bool, tally: Tally) -> None:
    """Search for a counterexample among inputs that the claim's domain does not draw. A crash there is none."""
    crashes, attempt.past_crashes = attempt.past_crashes, True
    beyond = bent(attempt.check.strategy(attempt.target), but=attempt.claim.limits.fixed)
    try:
        _search(attempt, beyond, examples, seed, shrink, tally)
    except _RefutedError:
        attempt.beyond = True
        raise
    finally:
        attempt.past_crashes = crashes


def _search(
    attempt: _Attempt,
    strategy: st.SearchStrategy[dict[str, Any]],
    examples: int,
    seed: int,
    shrink: bool,
    tally: Tally,
) -> None:
    """Let Hypothesis draw inputs, and shrink the one that fails."""
    missing: list[NotOfferedError] = []

    @seeded(seed)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
    )
    @given(strategy)
    def run(inputs: Mapping[str, Any]) -> None:
        try:
            attempt(tally if attempt.finding is None else None, **inputs)
        except _RefutedError:
            if shrink:
                raise
            raise _EnoughError from None  # spares Hypothesis a second run, and a description that nobody reads
        except NotOfferedError as operation:  # no failure, which Hypothesis would shrink
            missing.append(operation)
            raise _EnoughError from None
        except _PassedOverError:
            if not tally.examples and sum(tally.not_tried.values()) >= _HOPELESS:
                raise _EnoughError from None
            reject()

    # Without a key, Hypothesis makes one for the database, which is not used: tokenising the source takes longer than
    # many a search.
    setattr(run, "_hypothesis_internal_database_key", b"")  # noqa: B010  (pytest's plugin sets it too)
    try:
        run()
    except _EnoughError:
        if missing:
            raise missing[0] from None
        return
    except Unsatisfiable:
        return
    except Flaky as flaky:
        # The target answered differently for the same input: what it did the first time stands.
        if attempt.finding is not None:
            attempt.finding = replace(attempt.finding, unsteady=True)
        raise _RefutedError from flaky


def _enumerate(attempt: _Attempt, cases: Iterable[Mapping[str, Any]], tally: Tally) -> None:
    """Try every case, smallest first."""
    for case in cases:
        first = next(iter(case.values()), None)
        with contextlib.suppress(_PassedOverError):
            attempt(tally, size=len(first) if isinstance(first, np.ndarray) and first.ndim else 1, **case)


def _injected(check: Check, profile: Profile, seed: int) -> dict[str, Any]:
    """What a body without inputs may ask for by name."""
    offers = {"rng": np.random.default_rng(seed), "scale": profile.scale}
    return {name: offers[name] for name in list(inspect.signature(check.body).parameters)[1:]}


def _conclude(check: Check, tally: Tally, finding: Finding | None) -> CheckResult:
    def result(outcome: Outcome, detail: str = "") -> CheckResult:
        return CheckResult(check.rung, outcome, tally, finding, check.counterexample, detail)

    if check.counterexample:
        if finding is not None and not finding.crashed:
            return result("holds")
        if not tally.examples and tally.not_tried:  # what the condition excludes is not supported anyway
            return replace(result("not_offered", f"not supported: {'; '.join(tally.not_tried)}"), dispensable=True)
        return result("inconclusive", f"no counterexample was found in {tally.examples} examples")
    if finding is not None:
        return result("refuted", finding.headline)
    if not tally.examples and tally.not_tried:
        formats = all(reason.rpartition(": ")[2] in ALL_FLOATS for reason in tally.not_tried)  # the others are asked
        return replace(result("not_offered", f"not supported: {'; '.join(tally.not_tried)}"), dispensable=formats)
    if not tally.examples:
        return result("inconclusive", "no input was generated")
    if tally.untouched:
        return result("inconclusive", f"no error was seen in {tally.examples} examples: the inputs tested nothing")
    return result("holds")
