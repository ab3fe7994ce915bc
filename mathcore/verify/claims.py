r"""A claim: a statement, the checks that give evidence for it, and the mutants that it must refute.

    sums_to_one = Claim(
        "softmax.sums_to_one",
        faq=17,
        statement="The outputs of softmax sum to 1.",
        formula=r"\sum_i p_i = 1",
        needs=("softmax",),
        refuted_by=(zeros, half_precision_sum),
        tolerances=(sum_of_softmax,),
    )

    @sums_to_one.property(x=scores())
    def outputs_sum_to_one(ops, x): ...

Each decorator adds one check. Its body calls only operations that the claim declared, through `ops`, and returns a
relation. The runner evaluates the relation.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from hypothesis import strategies as st

from mathcore.verify.domains import Domain, resolve
from mathcore.verify.limits import EVERYWHERE, Limits
from mathcore.verify.relations import Conjunction, Relation
from mathcore.verify.reports import Thread, threads
from mathcore.verify.targets.target import Operations, Target
from mathcore.verify.tolerances import Allowance

Verdict: TypeAlias = Literal["holds", "holds_if", "refuted"]
Rung: TypeAlias = Literal["property", "exact", "exhaustive", "statistical", "proof", "experiment"]
Body: TypeAlias = Callable[..., Relation | Conjunction]
Cases: TypeAlias = Callable[..., Iterable[Mapping[str, Any]]]


@dataclass(frozen=True)
class Mutant:
    """A wrong implementation of one operation, on purpose.

    Attributes:
        operation: the operation it stands in for.
        name: what reports call it.
        note: what is wrong with it, in one line.
        build: given the correct operation, the wrong one.
        crashes: whether the mistake is that it raises, so that a crash is what refutes it.
        reports: where libraries were reported to make the same mistake.
        shown_by: id of the claim by which `mathcore bugs` shows a mutant that has reports.
        alias: its name there and on the page of real bugs, if it is another than `name`.
    """

    operation: str
    name: str
    note: str
    build: Callable[[Callable[..., Any]], Callable[..., Any]]
    crashes: bool = False
    reports: tuple[Thread, ...] = ()
    shown_by: str = ""
    alias: str = ""

    def of(self, target: Target) -> Target:
        """`target` with the wrong operation in place of its own."""
        wrong = self.build(target.operations[self.operation])
        return target.replacing(self.name, **{self.operation: wrong})


def mutant(operation: str, *, wraps: bool = False, crashes: bool = False) -> Callable[[Callable[..., Any]], Mutant]:
    """Make a function a mutant of `operation`; its docstring says what is wrong with it.

    With `wraps`, the function receives the correct operation and returns the wrong one. `crashes` says that the
    mistake is to raise.

    Examples:
        >>> from mathcore.verify import mutant
        >>> @mutant("relu")
        ... def absolute(x):
        ...     "Turns negative numbers around."
        ...     return abs(x)
        >>> absolute.operation, absolute.note
        ('relu', 'Turns negative numbers around.')
    """

    def decorate(function: Callable[..., Any]) -> Mutant:
        if not function.__doc__:
            raise TypeError(f"mutant `{function.__name__}` needs a docstring that says what is wrong with it")
        build = function if wraps else (lambda _correct: function)
        return Mutant(operation, function.__name__, inspect.cleandoc(function.__doc__).splitlines()[0], build, crashes)

    return decorate


def reported(claim: str, reports: str, *, alias: str = "") -> Callable[[Mutant], Mutant]:
    """Say of a mutant, however it is made, where libraries were reported to make the same mistake.

    Args:
        claim: id of the claim by which the bug is shown; the mutant is among those that it must refute.
        reports: a thread on each line, as in "owner/name PR#12 (2024) merged".
        alias: the name of the bug, if it is another than the mutant's.

    Examples:
        >>> from mathcore.verify.claims import mutant, reported
        >>> @reported("relu.pure", "owner/name #12 (2024)")
        ... @mutant("relu")
        ... def absolute(x):
        ...     "Turns negative numbers around."
        ...     return abs(x)
        >>> absolute.reports[0].year
        2024
    """
    return lambda made: replace(made, reports=threads(reports), shown_by=claim, alias=alias)


def reported_of(
    operation: str, claim: str, reports: str, *, alias: str = ""
) -> Callable[[Callable[[str], Mutant]], Callable[[str], Mutant]]:
    """The same of a family of mutants, whose mistake was reported of one `operation`."""
    known = reported(claim, reports, alias=alias)

    def decorate(family: Callable[[str], Mutant]) -> Callable[[str], Mutant]:
        return lambda name: known(family(name)) if name == operation else family(name)

    return decorate


@dataclass(frozen=True)
class Check:
    """One check of a claim.

    Attributes:
        rung: the kind of evidence that a pass is.
        body: `(ops, **inputs) -> Relation`.
        inputs: strategies or domains by argument name; the one under the key "" yields several arguments as a dict.
        cases: instead of strategies, a function that enumerates a finite domain, smallest case first. It takes the
            target, or nothing.
        effort: number of examples, as a multiple of the profile's.
        counterexample: the body is the statement *without* its condition, and the search must refute it.
    """

    rung: Rung
    body: Body
    inputs: Mapping[str, st.SearchStrategy[Any] | Domain]
    cases: Cases | None = None
    effort: float = 1.0
    counterexample: bool = False
    _strategies: dict[Any, st.SearchStrategy[dict[str, Any]]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def quantified(self) -> bool:
        """Whether inputs are drawn or enumerated. Proofs, statistics and experiments choose their own."""
        return bool(self.inputs or self.cases)

    def strategy(self, target: Target) -> st.SearchStrategy[dict[str, Any]]:
        """The strategy for `target`, cached for all targets that differ only in their operations."""
        kind = (target.dtypes, target.exact, target.conventions, target.restrictions)
        if kind not in self._strategies:
            self._strategies[kind] = self._strategy(target)
        return self._strategies[kind]

    def _strategy(self, target: Target) -> st.SearchStrategy[dict[str, Any]]:
        named = st.fixed_dictionaries({name: resolve(d, target) for name, d in self.inputs.items() if name})
        if "" not in self.inputs:
            return named
        return st.builds(lambda whole, more: {**whole, **more}, resolve(self.inputs[""], target), named)

    def cases_for(self, target: Target) -> Iterable[Mapping[str, Any]]:
        """The cases for `target`."""
        if self.cases is None:
            return ()
        return self.cases(target) if inspect.signature(self.cases).parameters else self.cases()

    @property
    def source(self) -> tuple[str, str, int]:
        """The text of the body, its file relative to the package's parent, and its first line.

        There is no text, and the line is 0, if the body was typed at a prompt.
        """
        file = self.body.__module__.replace(".", "/") + ".py"
        try:
            lines, start = inspect.getsourcelines(self.body)
        except OSError:
            return "", file, 0
        return inspect.cleandoc("\n" + "".join(lines)), file, start


@dataclass(eq=False)
class Claim:
    """A statement about an operation, and how it is checked.

    Attributes:
        id: `subject.name`. It never changes, because pages, waivers and commands refer to it.
        statement: one sentence in plain words.
        formula: LaTeX.
        needs: the operations that the bodies call. A target that lacks some is judged by the checks that call others.
        faq: the chapter (1 to 22) whose question it answers; None if it belongs to none.
        verdict: whether the statement holds, holds under a condition, or is refuted.
        condition: when it holds, for `holds_if`.
        corrected: the true statement in its place, for `refuted`.
        source: DOI, arXiv id or textbook section.
        tolerances: every tolerance function that the bodies use.
        refuted_by: mutants that the checks must refute.
        rests_on: ids of claims that this one assumes.
        limits: the part of the operations' domain that the search leaves out; see `Limits`.
        legend: meanings of symbols in the formula, beyond those that the statement or the topic's notation names.
    """

    id: str
    statement: str
    formula: str
    needs: tuple[str, ...]
    faq: int | None = None
    verdict: Verdict = "holds"
    condition: str | None = None
    corrected: str | None = None
    source: str = ""
    tolerances: tuple[Callable[..., Allowance], ...] = ()
    refuted_by: tuple[Mutant, ...] = ()
    rests_on: tuple[str, ...] = ()
    limits: Limits = EVERYWHERE
    legend: Mapping[str, str] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list, init=False, repr=False)
    topic: str = field(default="", init=False)

    def __post_init__(self) -> None:
        if self.verdict == "holds_if" and not self.condition:
            raise TypeError(f"claim `{self.id}` holds_if: it must state its `condition`")
        if self.verdict == "refuted" and not self.corrected:
            raise TypeError(f"claim `{self.id}` is refuted: it must state the `corrected` claim")
        if silent := [words for words in self.limits.said if words not in f"{self.statement} {self.condition}"]:
            raise TypeError(f"claim `{self.id}` does not say {silent} in its statement or condition")
        names = [wrong.name for wrong in self.refuted_by]
        if twice := {name for name in names if names.count(name) > 1}:
            raise TypeError(f"claim `{self.id}` has two wrong implementations under one name, {sorted(twice)}")
        for wrong in self.refuted_by:
            if wrong.operation not in self.needs:
                raise TypeError(f"claim `{self.id}` needs no `{wrong.operation}`, which `{wrong.name}` replaces")

    @property
    def evidence(self) -> tuple[Rung, ...]:
        """The kinds of evidence that its checks give, each once."""
        return tuple(dict.fromkeys(c.rung for c in self.checks if not c.counterexample))

    def speaks_of(self, operations: Collection[str]) -> bool:
        """Whether it is about any of these operations, so that a check may judge a target that has them."""
        return not set(self.needs).isdisjoint(operations)

    def property(
        self,
        whole: Domain | None = None,
        /,
        *,
        effort: float = 1.0,
        **inputs: st.SearchStrategy[Any] | Domain,
    ) -> Callable[[Body], Body]:
        """Add a check on random floats, within a derived tolerance."""
        return self._add("property", whole, inputs, effort=effort)

    def exact(
        self,
        whole: Domain | None = None,
        /,
        *,
        effort: float = 1.0,
        **inputs: st.SearchStrategy[Any] | Domain,
    ) -> Callable[[Body], Body]:
        """Add a check without tolerance, on integers or Fractions that go through the target's own code."""
        return self._add("exact", whole, inputs, effort=effort)

    def exhaustive(self, cases: Cases) -> Callable[[Body], Body]:
        """Add a check of every element of a finite domain. A batch counts as as many examples as it has rows."""
        return self._add("exhaustive", None, {}, cases=cases)

    def statistical(self, body: Body) -> Body:
        """Add a test of a random quantity against a finite-sample bound with a stated false-alarm probability.

        The body takes `rng`.
        """
        return self._add("statistical", None, {})(body)

    def proof(self, body: Body) -> Body:
        """Add a certificate that the machine checks."""
        return self._add("proof", None, {})(body)

    def experiment(self, body: Body) -> Body:
        """Add a measurement on real data. The body takes `rng` and `scale` (1 for the full size)."""
        return self._add("experiment", None, {})(body)

    def counterexample(
        self,
        whole: Domain | None = None,
        /,
        *,
        cases: Cases | None = None,
        effort: float = 5.0,
        **inputs: st.SearchStrategy[Any] | Domain,
    ) -> Callable[[Body], Body]:
        """Add a check of the statement without its condition, which a search in the same run must refute."""
        return self._add("property", whole, inputs, cases=cases, effort=effort, counterexample=True)

    def _add(self, rung: Rung, whole: Domain | None, inputs: Mapping[str, Any], **more: Any) -> Callable[[Body], Body]:
        if whole is not None:
            inputs = {"": whole, **inputs}

        def decorate(body: Body) -> Body:
            self.checks.append(Check(rung, body, inputs, **more))
            return body

        return decorate


__all__ = [
    "Body",
    "Check",
    "Claim",
    "Limits",
    "Mutant",
    "Operations",
    "Rung",
    "Verdict",
    "mutant",
    "reported",
    "reported_of",
]
