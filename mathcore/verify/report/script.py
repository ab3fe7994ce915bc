"""Reproducer scripts: a failure as a program of NumPy, the user's function and the input, nothing else.

The program repeats the claim's calls. If the claim compared a simple expression of the answers, the program evaluates
it and asserts the same relation. Otherwise it asserts that the answers are not the ones that the claim refuted.
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

from mathcore.verify.relations import Relation, worst_index
from mathcore.verify.report.describe import Finding, element_at
from mathcore.verify.report.expressions import expression_of, is_numeric, same_array
from mathcore.verify.report.literals import MAX_LITERAL, Array, UnwritableError, array_code, generator, literal
from mathcore.verify.targets.caller import Call
from mathcore.verify.targets.held import Held

if TYPE_CHECKING:
    from mathcore.verify.claims import Claim
    from mathcore.verify.targets.target import Target


_MAX_CALLS = 12


@dataclass(frozen=True)
class Failure:
    """A relation that did not hold, or a call that raised, with everything needed to repeat it.

    Attributes:
        inputs: the arguments of the claim's body.
        relation: the relation that failed; None if an exception was raised.
        calls: the calls of the target; the last one has no answer if it raised.
    """

    claim: Claim
    target: Target
    inputs: Mapping[str, Any]
    relation: Relation | None
    calls: tuple[Call, ...]


AlsoFails = Callable[[Mapping[str, Any]], tuple[Failure, Finding] | None]


def script_for(failure: Failure, finding: Finding, also_fails: AlsoFails) -> str:
    """The program; "" if an argument has no source form (it is not a number, a string or an array)."""
    generators: dict[str, str] = {}
    generated = _generated(failure.inputs)
    if generated:
        again = also_fails({**failure.inputs, **{name: value for name, (_, value) in generated.items()}})
        if again is not None:
            (failure, finding), generators = again, {name: code for name, (code, _) in generated.items()}
    if not failure.calls or any(isinstance(call.answer, Held) for call in failure.calls):
        return ""  # calls of methods are not among them
    try:
        return _Writer(failure, finding, generators).text()
    except UnwritableError:
        return ""


def _generated(inputs: Mapping[str, Any]) -> dict[str, tuple[str, Array]]:
    """For every array too large to print, code for a random one of that shape, dtype and range, and its value."""
    found = {}
    for name, value in inputs.items():
        if isinstance(value, np.ndarray) and value.size > MAX_LITERAL:
            code = generator(value)
            if code:
                found[name] = (code, eval(code, _namespace()))
    return found


def _namespace() -> dict[str, Any]:
    import ml_dtypes

    return {"np": np, "ml_dtypes": ml_dtypes}


class _Writer:
    """Writes one program."""

    def __init__(self, failure: Failure, finding: Finding, generators: Mapping[str, str]) -> None:
        self.failure, self.finding, self.generators = failure, finding, generators
        self.script = failure.target.adapter.script
        self.lines: list[str] = []
        self.known: list[tuple[str, Any]] = []  # the names in the program with their values
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
        """The calls to repeat: all if they are few, else those whose answers were compared."""
        calls = list(self.failure.calls)
        if len(calls) <= _MAX_CALLS:
            return calls
        relation = self.failure.relation
        sides = () if relation is None else (relation.lhs, relation.rhs)
        return [c for c in calls[:-1] if any(same_array(c.answer, s) for s in sides)][-3:] + calls[-1:]

    def _call(self, call: Call) -> str:
        name = self._fresh("answer")
        source = f"{call.operation}({self._arguments(call)})"
        self.lines.append(f"{name} = {self._as_numpy(source, call.answer)}")
        self.known.append((name, call.answer))
        return name

    def _as_numpy(self, source: str, answer: Any) -> str:
        """The source of a call, converted to NumPy."""
        if isinstance(answer, (tuple, list)):
            parts = ", ".join(self._as_numpy("part", part) for part in answer[:1])
            return source if parts == "part" else f"tuple({parts} for part in {source})"
        is_bfloat16 = getattr(getattr(answer, "dtype", None), "name", "") == "bfloat16"
        template = (self.script.bfloat16_to_numpy if is_bfloat16 else "") or self.script.to_numpy
        return template.format(source)

    def _fresh(self, stem: str) -> str:
        taken = {name for name, _ in self.known}
        return stem if stem not in taken else next(f"{stem}_{i}" for i in range(2, 999) if f"{stem}_{i}" not in taken)

    def _arguments(self, call: Call) -> str:
        places = [self._argument(value, f"argument_{i}") for i, value in enumerate(call.args, 1)]
        return ", ".join([*places, *(f"{k}={self._argument(v, k)}" for k, v in call.options.items())])

    def _argument(self, value: Any, hint: str) -> str:
        """The source of an argument, arrays converted to the framework."""
        if isinstance(value, np.ndarray):
            is_bfloat16 = value.dtype.name == "bfloat16"
            template = (self.script.bfloat16_to_native if is_bfloat16 else "") or self.script.to_native
            return template.format(self._array(value, hint))
        if isinstance(value, (tuple, list)):
            inner = ", ".join(self._argument(v, hint) for v in value)
            return f"({inner},)" if isinstance(value, tuple) else f"[{inner}]"
        if isinstance(value, dict):
            return "{" + ", ".join(f"{k!r}: {self._argument(v, hint)}" for k, v in value.items()) + "}"
        return literal(value)

    def _array(self, value: Array, hint: str) -> str:
        """The name of an array in the program, which is defined at its first use."""
        for name, held in self.known:
            if same_array(held, value):
                return name
        for name, held in self.values:
            if same_array(held, value):
                self.lines.append(f"{name} = {self.generators.get(name) or array_code(value)}")
                self.known.append((name, value))
                return name
        name = self._fresh(hint)
        self.lines.append(f"{name} = {array_code(value)}")
        self.known.append((name, value))
        return name

    # The assertion.

    def _last(self, call: Call) -> list[str]:
        if self.failure.relation is not None:
            if self.finding.place == "no error was raised":
                return self._assert_raises(call)
            self._call(call)
            return self._assert_relation(self.failure.relation) or self._assert_answers_changed()
        fault = self.finding.lhs.partition(f"`{call.operation}` ")[2]
        if fault.startswith("raised"):
            return [f"# {self.finding.lhs}".splitlines()[0], f"{call.operation}({self._arguments(call)})"]
        if fault.startswith(("writes", "changes")):
            return self._assert_input_unchanged(call)
        if fault.startswith("answers differently"):
            first, second = self._call(call), self._call(call)
            same = f"np.array_equal({first}, {second}, equal_nan=True)"
            if isinstance(call.answer, (tuple, list)):
                same = f"all(np.array_equal(a, b, equal_nan=True) for a, b in zip({first}, {second}, strict=True))"
            return [f"assert {same}, 'two answers to one question'"]
        if fault.startswith("returned "):
            return self._assert_form(call, fault)
        self._call(call)
        return self._assert_answers_changed()

    def _assert_raises(self, call: Call) -> list[str]:
        source = f"{call.operation}({self._arguments(call)})"
        return [
            "try:",
            f"    {source}",
            "except Exception as refusal:",
            "    print('refused:', refusal)",
            "else:",
            f"    raise AssertionError({'no error was raised, expected ' + self.finding.rhs!r})",
        ]

    def _assert_input_unchanged(self, call: Call) -> list[str]:
        arguments = self._arguments(call)
        held = [name for name, value in self.known if isinstance(value, np.ndarray) and name in arguments]
        if self.finding.lhs.endswith("writes into its input"):
            read_only = [f"{name}.flags.writeable = False  # writing into it raises an error" for name in held]
            return [*read_only, f"{call.operation}({arguments})"]
        copies = [f"{name}_before = {name}.copy()" for name in held]
        checks = [
            f"assert np.array_equal({name}, {name}_before, equal_nan=True), '`{call.operation}` changes `{name}`'"
            for name in held
        ]
        return [*copies, f"{call.operation}({arguments})", *checks]

    def _assert_form(self, call: Call, fault: str) -> list[str]:
        """Assert the type, shape or dtype of an answer."""
        lines = [f"answer = {call.operation}({self._arguments(call)})", f"# it {fault}"]
        expected = fault.rpartition("expected ")[2]
        if "the shape" in fault:
            return [*lines, f"assert tuple(answer.shape) == {expected}, tuple(answer.shape)"]
        if expected.startswith("an array"):
            return [*lines, "assert hasattr(answer, 'shape') and hasattr(answer, 'dtype'), type(answer)"]
        if expected == "integers":
            return [*lines, "assert 'int' in str(answer.dtype), answer.dtype"]
        return [*lines, f"assert str(answer.dtype).endswith({expected!r}), answer.dtype"]

    def _assert_answers_changed(self) -> list[str]:
        """Assert that the answers are not those that the claim refuted."""
        finding = self.finding
        lines = [f"# The claim found: {finding.headline}".replace("\n", " ")]
        answers = [(name, v) for name, v in self.known if name.startswith("answer") and is_numeric(v)]
        if not answers:
            raise UnwritableError
        same = " and ".join(self._equals_recorded(name, value) for name, value in answers[-3:])
        return [*lines, f"assert not ({same}), 'the answers that the claim refutes'"]

    def _equals_recorded(self, name: str, value: Any) -> str:
        """A comparison with the recorded answer: with its elements if they are few, else with a digest of its bytes."""
        array = np.asarray(value)
        if array.size <= MAX_LITERAL or array.dtype.name == "bfloat16":
            return f"np.array_equal({name}, {self._expected(value)}, equal_nan=True)"
        digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]
        return f"hashlib.sha256(np.ascontiguousarray({name}).tobytes()).hexdigest().startswith({digest!r})"

    def _expected(self, value: Any) -> str:
        array = np.asarray(value)
        return array_code(array.astype(np.float32) if array.dtype.name == "bfloat16" else array)

    def _assert_relation(self, relation: Relation) -> list[str]:
        """Assert the relation itself, if its sides are simple expressions of the answers; else nothing."""
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
        where = worst_index(relation) if relation.error.ndim else ()
        index = f"[{', '.join(map(str, where))}]" if where else ""
        at_left = f"({left}){index}" if index and not left.isidentifier() else f"{left}{index}"
        expected = element_at(relation.rhs, where)
        if right is not None and np.shape(relation.rhs) == np.shape(relation.lhs):
            at_right = f"({right}){index}" if index and not right.isidentifier() else f"{right}{index}"
        else:
            at_right = literal(expected)
        got = element_at(relation.lhs, where)
        allowed = float(relation.allowance[where]) if relation.allowance.ndim else float(relation.allowance)
        condition = _CONDITIONS.get(relation.symbol)
        if condition is None or (relation.symbol == "≠" and where):
            return []
        if bool(eval(condition, {"got": got, "expected": expected, "allowed": allowed, "np": np})):
            return []  # the error is so small that a comparison in floats does not show it
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
    """How the program imports or defines the operation."""
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
    """The path of a target with this operation, as "MODULE:NAME"; "" if no module holds one."""
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
