"""A failure as a stand-alone program: NumPy, the user's function and the numbers, nothing else.

The program repeats the calls that the claim made, computes what the claim compared where that is a simple expression
of the answers, and ends with an assertion that fails as the claim does. Where it is none, the assertion is that the
answers are no longer the ones that the claim refuted.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mathcore.verify.relations import Relation, worst_place
from mathcore.verify.report.describe import Finding
from mathcore.verify.report.expressions import expression_of, is_number, number_at, same_array
from mathcore.verify.report.literals import MAX_LITERAL, Array, UnwritableError, array_code, generator, literal
from mathcore.verify.targets.caller import Call

if TYPE_CHECKING:
    from mathcore.verify.claims import Claim
    from mathcore.verify.targets.target import Target


_MAX_CALLS = 12


@dataclass(frozen=True)
class Failure:
    """A relation that did not hold, or a call that failed, with everything that led there.

    Attributes:
        inputs: what the claim was given.
        relation: what failed; None if the target, or the claim's arithmetic on its answers, raised.
        calls: what was asked of the target, the last of them without an answer if it raised.
    """

    claim: Claim
    target: Target
    inputs: Mapping[str, Any]
    relation: Relation | None
    calls: tuple[Call, ...]


AlsoFails = Callable[[Mapping[str, Any]], tuple[Failure, Finding] | None]


def script_for(failure: Failure, finding: Finding, also_fails: AlsoFails) -> str:
    """The program; "" for a failure that cannot be written down (an input that is no number, text or array)."""
    makers: dict[str, str] = {}
    generated = _generated(failure.inputs)
    if generated:
        again = also_fails({**failure.inputs, **{name: value for name, (_, value) in generated.items()}})
        if again is not None:
            (failure, finding), makers = again, {name: code for name, (code, _) in generated.items()}
    if not failure.calls:
        return ""
    try:
        return _Writer(failure, finding, makers).text()
    except UnwritableError:
        return ""


def _generated(inputs: Mapping[str, Any]) -> dict[str, tuple[str, Array]]:
    """For every array too large to print, one of the same shape, dtype and range from a seeded generator."""
    makers = {}
    for name, value in inputs.items():
        if isinstance(value, np.ndarray) and value.size > MAX_LITERAL:
            code = generator(value)
            if code:
                makers[name] = (code, eval(code, _names()))
    return makers


def _names() -> dict[str, Any]:
    import ml_dtypes

    return {"np": np, "ml_dtypes": ml_dtypes}


class _Writer:
    """Writes one program."""

    def __init__(self, failure: Failure, finding: Finding, makers: Mapping[str, str]) -> None:
        self.failure, self.finding, self.makers = failure, finding, makers
        self.script = failure.target.adapter.script
        self.lines: list[str] = []
        self.known: list[tuple[str, Any]] = []  # names in the program, and what they hold
        self.values = [(name, v) for name, v in failure.inputs.items() if name.isidentifier()]

    def text(self) -> str:
        calls = self._calls()
        for call in calls[:-1]:
            self._call(call)
        judged = self._last(calls[-1])
        body = [*self.lines, *judged]
        used = "\n".join(body)
        imports = [_import_of(op, self.failure.target) for op in dict.fromkeys(c.operation for c in calls)]
        head = ["import numpy as np"]
        if "base64." in used:
            head[:0] = ["import base64", "import zlib"]
        head[:0] = [f"import {name}" for name in ("hashlib", "math") if f"{name}." in used]
        if "ml_dtypes." in used:
            head.append("import ml_dtypes")
        if self.script.imports:
            head.append(self.script.imports)
        if "Fraction(" in used:
            head.insert(0, "from fractions import Fraction")
        literals = re.sub(r"'[^']*'|#.*", "", used)
        special = ["inf, nan = np.inf, np.nan", ""] if re.search(r"(?<![\w.])(inf|nan)\b", literals) else []
        claim = self.failure.claim
        words = textwrap.fill(f"{claim.id}: {claim.statement}", 100).replace("\\", "\\\\").replace('"""', "'''")
        return "\n".join([f'"""{words}"""', "", *head, "", *imports, "", *special, *body, ""])

    def _calls(self) -> list[Call]:
        """The calls worth repeating: all of a few, else those whose answers were compared."""
        calls = list(self.failure.calls)
        if len(calls) <= _MAX_CALLS:
            return calls
        relation = self.failure.relation
        sides = () if relation is None else (relation.lhs, relation.rhs)
        return [c for c in calls[:-1] if any(same_array(c.answer, s) for s in sides)][-3:] + calls[-1:]

    def _call(self, call: Call) -> str:
        name = self._fresh("answer")
        came = f"{call.operation}({self._arguments(call)})"
        self.lines.append(f"{name} = {self._received(came, call.answer)}")
        self.known.append((name, call.answer))
        return name

    def _received(self, came: str, answer: Any) -> str:
        """The answer of a call in NumPy's form."""
        if isinstance(answer, (tuple, list)):
            parts = ", ".join(self._received("part", part) for part in answer[:1])
            return came if parts == "part" else f"tuple({parts} for part in {came})"
        brain = getattr(getattr(answer, "dtype", None), "name", "") == "bfloat16"
        form = (self.script.bfloat16_to_numpy if brain else "") or self.script.to_numpy
        return form.format(came)

    def _fresh(self, stem: str) -> str:
        taken = {name for name, _ in self.known}
        return stem if stem not in taken else next(f"{stem}_{i}" for i in range(2, 999) if f"{stem}_{i}" not in taken)

    def _arguments(self, call: Call) -> str:
        places = [self._argument(value, f"argument_{i}") for i, value in enumerate(call.args, 1)]
        return ", ".join([*places, *(f"{k}={self._argument(v, k)}" for k, v in call.options.items())])

    def _argument(self, value: Any, hint: str) -> str:
        """An expression for an argument in the framework's form."""
        if isinstance(value, np.ndarray):
            brain = value.dtype.name == "bfloat16"
            form = (self.script.bfloat16_to_native if brain else "") or self.script.to_native
            return form.format(self._array(value, hint))
        if isinstance(value, (tuple, list)):
            inner = ", ".join(self._argument(v, hint) for v in value)
            return f"({inner},)" if isinstance(value, tuple) else f"[{inner}]"
        if isinstance(value, dict):
            return "{" + ", ".join(f"{k!r}: {self._argument(v, hint)}" for k, v in value.items()) + "}"
        return literal(value)

    def _array(self, value: Array, hint: str) -> str:
        """The name of an array in the program; it is written down where it is first used."""
        for name, held in self.known:
            if same_array(held, value):
                return name
        for name, held in self.values:
            if same_array(held, value):
                self.lines.append(f"{name} = {self.makers.get(name) or array_code(value)}")
                self.known.append((name, value))
                return name
        name = self._fresh(hint)
        self.lines.append(f"{name} = {array_code(value)}")
        self.known.append((name, value))
        return name

    # What is asserted.

    def _last(self, call: Call) -> list[str]:
        if self.failure.relation is not None:
            if self.finding.place == "no error was raised":
                return self._not_refused(call)
            self._call(call)
            return self._compared(self.failure.relation) or self._recorded()
        fault = self.finding.lhs.partition(f"`{call.operation}` ")[2]
        if fault.startswith("raised"):
            came = f"{call.operation}({self._arguments(call)})"
            return [f"# {self.finding.lhs}".splitlines()[0], came]
        if fault.startswith(("writes", "changes")):
            return self._input_changes(call)
        if fault.startswith("answers differently"):
            first, second = self._call(call), self._call(call)
            same = f"np.array_equal({first}, {second}, equal_nan=True)"
            if isinstance(call.answer, (tuple, list)):
                same = f"all(np.array_equal(a, b, equal_nan=True) for a, b in zip({first}, {second}, strict=True))"
            return [f"assert {same}, 'two answers to one question'"]
        if fault.startswith("returned "):
            return self._returned(call, fault)
        self._call(call)
        return self._recorded()

    def _not_refused(self, call: Call) -> list[str]:
        came = f"{call.operation}({self._arguments(call)})"
        return [
            "try:",
            f"    {came}",
            "except Exception as refusal:",
            "    print('refused:', refusal)",
            "else:",
            f"    raise AssertionError({'no error was raised, expected ' + self.finding.rhs!r})",
        ]

    def _input_changes(self, call: Call) -> list[str]:
        arguments = self._arguments(call)
        held = [name for name, value in self.known if isinstance(value, np.ndarray) and name in arguments]
        if self.finding.lhs.endswith("writes into its input"):
            seals = [f"{name}.flags.writeable = False  # whoever writes into it, fails" for name in held]
            return [*seals, f"{call.operation}({arguments})"]
        copies = [f"{name}_before = {name}.copy()" for name in held]
        checks = [
            f"assert np.array_equal({name}, {name}_before, equal_nan=True), '`{call.operation}` changes `{name}`'"
            for name in held
        ]
        return [*copies, f"{call.operation}({arguments})", *checks]

    def _returned(self, call: Call, fault: str) -> list[str]:
        came = [f"answer = {call.operation}({self._arguments(call)})", f"# it {fault}"]
        expected = fault.rpartition("expected ")[2]
        if "the shape" in fault:
            return [*came, f"assert tuple(answer.shape) == {expected}, tuple(answer.shape)"]
        if expected.startswith("an array"):
            return [*came, "assert hasattr(answer, 'shape') and hasattr(answer, 'dtype'), type(answer)"]
        if expected == "integers":
            return [*came, "assert 'int' in str(answer.dtype), answer.dtype"]
        return [*came, f"assert str(answer.dtype).endswith({expected!r}), answer.dtype"]

    def _recorded(self) -> list[str]:
        """Whether the answers are those that were judged wrong."""
        finding = self.finding
        lines = [f"# The claim found: {finding.headline}".replace("\n", " ")]
        answers = [(name, v) for name, v in self.known if name.startswith("answer") and is_number(v)]
        if not answers:
            raise UnwritableError
        same = " and ".join(self._is_still(name, value) for name, value in answers[-3:])
        return [*lines, f"assert not ({same}), 'the answers that the claim refutes'"]

    def _is_still(self, name: str, value: Any) -> str:
        """Whether an answer is the one that was recorded: its numbers if they are few, else a digest of its bytes."""
        array = np.asarray(value)
        if array.size <= MAX_LITERAL or array.dtype.name == "bfloat16":
            return f"np.array_equal({name}, {self._expected(value)}, equal_nan=True)"
        digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]
        return f"hashlib.sha256(np.ascontiguousarray({name}).tobytes()).hexdigest().startswith({digest!r})"

    def _expected(self, value: Any) -> str:
        array = np.asarray(value)
        return array_code(array.astype(np.float32) if array.dtype.name == "bfloat16" else array)

    def _compared(self, relation: Relation) -> list[str]:
        """The comparison itself, where both sides are expressions that a reader can follow; else nothing."""
        if relation.symbol == "raises":
            return []
        left = expression_of(relation.lhs, self.known)
        if left is None:
            return []
        right = expression_of(relation.rhs, self.known)
        if relation.remark.startswith("shapes"):
            side = right or f"np.zeros({np.shape(relation.rhs)})"
            return [f"assert np.shape({left}) == np.shape({side}), (np.shape({left}), np.shape({side}))"]
        if relation.remark:
            return []
        place = worst_place(relation) if relation.error.ndim else ()
        index = f"[{', '.join(map(str, place))}]" if place else ""
        at_left = f"({left}){index}" if index and not left.isidentifier() else f"{left}{index}"
        expected = number_at(relation.rhs, place)
        if right is not None and np.shape(relation.rhs) == np.shape(relation.lhs):
            at_right = f"({right}){index}" if index and not right.isidentifier() else f"{right}{index}"
        else:
            at_right = literal(expected)
        got = number_at(relation.lhs, place)
        allowed = float(relation.allowance[place]) if relation.allowance.ndim else float(relation.allowance)
        condition = _CONDITIONS.get(relation.symbol)
        if condition is None or (relation.symbol == "≠" and place):
            return []
        if bool(eval(condition, {"got": got, "expected": expected, "allowed": allowed, "np": np})):
            return []  # a matter of the last place: the plain comparison would not see it
        return [
            f"got, expected = {at_left}, {at_right}",
            *([f"got, expected, allowed = float(got), float(expected), {allowed!r}"] if "allowed" in condition else []),
            f"print('got', got, '{relation.symbol}', 'expected', expected)",
            f"assert {condition}, {self.finding.headline!r}",
        ]


_CONDITIONS = {
    "=": "got == expected",
    "≈": "got == expected or abs(got - expected) <= allowed",
    "≤": "got <= expected + allowed",
    "≥": "got >= expected - allowed",
    "<": "got < expected",
    "≠": "not np.array_equal(got, expected)",
    "is bit for bit": "np.asarray(got).tobytes() == np.asarray(expected).tobytes()",
}


def _import_of(operation: str, target: Target) -> str:
    """How the program gets hold of the function."""
    function = target.operations[operation]
    module, name = getattr(function, "__module__", None) or "", getattr(function, "__qualname__", "")
    if module != "__main__" and name.isidentifier() and getattr(sys.modules.get(module), name, None) is function:
        return f"from {module} import {name}" + ("" if name == operation else f" as {operation}")
    if place := _place_of(target, operation, module):
        where, _, held = place.partition(":")
        return f"from {where} import {held}\n\n{operation} = {held}.operations[{operation!r}]"
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        source = ""
    if source.startswith("def "):
        return source + ("" if name == operation else f"\n{operation} = {name}")
    return f"{operation} = ...  # your function"


def _place_of(target: Target, operation: str, module: str) -> str:
    """Where a module holds the target, as "MODULE:NAME"; "" if none does."""
    if target.place:
        try:
            where, _, name = target.place.partition(":")
            if operation in getattr(importlib.import_module(where), name).operations:
                return target.place
        except (ImportError, AttributeError):
            pass
    for name, value in vars(sys.modules.get(module, object)).items() if module in sys.modules else ():
        if type(value) is type(target) and value.operations.get(operation) is target.operations[operation]:
            return "" if module == "__main__" else f"{module}:{name}"
    return ""
