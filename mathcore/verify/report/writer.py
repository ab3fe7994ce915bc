"""Writes one reproducer script: the imports, the calls of the failure and the assertion that fails."""

from __future__ import annotations

import contextlib
import io
import re
import textwrap
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mathcore.verify.report.assertions import Assertions
from mathcore.verify.report.expressions import is_numeric, same_array
from mathcore.verify.report.imports import FOLDER, import_of
from mathcore.verify.report.literals import (
    MAX_LITERAL,
    STRIDED,
    Array,
    UnwritableError,
    array_code,
    literal,
    packed_bytes,
)
from mathcore.verify.report.right import is_refused, right_answer
from mathcore.verify.targets.values import map_arrays

if TYPE_CHECKING:
    from mathcore.verify.relations import Relation
    from mathcore.verify.report.describe import Finding
    from mathcore.verify.report.script import Failure
    from mathcore.verify.targets.caller import Call

_MAX_CALLS = 12
"""The calls that a program repeats whatever they are. More would not fit on a screen."""

_CALLS_OF_A_SIDE = 2
"""Of more calls, how many are repeated whose answer was one side of the relation."""

_MAX_PACKED = 1 << 15
"""Characters of an array in a program; larger ones are read from a file beside it."""


def namespace() -> dict[str, Any]:
    """The names that every program may use."""
    import base64
    import fractions
    import hashlib
    import math
    import zlib

    import ml_dtypes

    return {
        "np": np,
        "ml_dtypes": ml_dtypes,
        "inf": np.inf,
        "nan": np.nan,
        "Fraction": fractions.Fraction,
        "base64": base64,
        "zlib": zlib,
        "hashlib": hashlib,
        "math": math,
    }


class Writer:
    """Writes one program.

    Attributes:
        saved: arrays too large for the program, which reads them from `file` beside it.
    """

    def __init__(self, failure: Failure, finding: Finding, generators: Mapping[str, str]) -> None:
        self.failure, self.finding, self.generators = failure, finding, generators
        self.script = failure.target.adapter.script
        self.lines: list[str] = []
        self.known: list[tuple[str, Any]] = []  # the names in the program with their values
        self.calls: list[tuple[str, Call]] = []  # the names of the answers, with their calls
        self.values = [(name, v) for name, v in failure.inputs.items() if name.isidentifier()]
        self.saved: dict[str, Array] = {}
        self.file = f"{failure.claim.id}.npz"

    def text(self) -> str:
        """The program.

        Raises:
            UnwritableError: if an argument has no source form, or no assertion tells wrong from right.
        """
        relation = self.failure.relation
        is_refusal = relation is not None and relation.symbol == "raises"
        calls = [self._lenient(relation)] if is_refusal else self._calls()
        for call in calls[:-1]:
            self.call(call)
        judged = self._last(calls[-1])
        body = [*self.lines, *judged]
        used = "\n".join(body)
        imported = [import_of(op, self.failure.target) for op in dict.fromkeys(c.operation for c in calls)]
        folders = dict.fromkeys(folder for _, folder in imported if folder)
        head = [
            *(f"import {name}" for name in ("base64", "faulthandler", "hashlib", "math", "zlib") if f"{name}." in used),
            *(["import pathlib"] if self.saved else []),
            *(["import sys"] if folders else []),
            *(["from fractions import Fraction"] if "Fraction(" in used else []),
            "import numpy as np",
            *(["import ml_dtypes"] if "ml_dtypes." in used else []),
            *([self.script.imports] if self.script.imports else []),
        ]
        imports = [*(FOLDER.format(folder) for folder in folders), *(lines for lines, _ in imported)]
        claim = self.failure.claim
        words = textwrap.fill(f"{claim.id}: {claim.statement}", 100).replace("\\", "\\\\").replace('"""', "'''")
        return "\n".join([f'"""{words}"""', "", *head, "", *imports, "", *self._definitions(used), *body, ""])

    def _lenient(self, relation: Relation | None) -> Call:
        """The call that was answered where an error is due: the first of those that mathcore refuses.

        Raises:
            UnwritableError: if it is not known which call should have raised what.
        """
        answered = [call for call in self.failure.calls if call.answer is not None]
        if relation is None or relation.refused or not answered:
            raise UnwritableError
        return next((call for call in answered if is_refused(call)), answered[-1])

    def _definitions(self, used: str) -> list[str]:
        literals = re.sub(r"'[^']*'|#.*", "", used)
        needed = ["inf, nan = np.inf, np.nan", ""] if re.search(r"(?<![\w.])(inf|nan)\b", literals) else []
        if self.saved:
            needed += [f"saved = np.load(pathlib.Path(__file__).with_name({self.file!r}))", ""]
        return [*needed, *(["", STRIDED, "", ""] if "with_strides(" in used else [])]

    def _calls(self) -> list[Call]:
        """The calls to repeat: all if they are few, else those whose answers were compared."""
        calls = list(self.failure.calls)
        if len(calls) <= _MAX_CALLS:
            return calls
        relation = self.failure.relation
        sides = () if relation is None else (relation.lhs, relation.rhs)
        of_sides = ([c for c in calls[:-1] if same_array(c.answer, side)][-_CALLS_OF_A_SIDE:] for side in sides)
        compared = {id(c) for some in of_sides for c in some}  # of each side: many answers may be those of one
        return [c for c in calls[:-1] if id(c) in compared] + calls[-1:]

    def call(self, call: Call) -> str:
        """Write a call; returns the name of its answer."""
        name = self.fresh("answer")
        source = f"{call.operation}({self.arguments(call)})"
        self.lines.append(f"{name} = {self._as_numpy(source, call.answer)}")
        self.known.append((name, call.answer))
        self.calls.append((name, call))
        return name

    def _as_numpy(self, source: str, answer: Any) -> str:
        """The source of a call, converted to NumPy."""
        if isinstance(answer, (tuple, list)):
            parts = ", ".join(self._as_numpy("part", part) for part in answer[:1])
            if parts != "part" and any(part is None for part in answer):
                parts = f"part if part is None else {parts}"
            return source if parts == "part" else f"tuple({parts} for part in {source})"
        is_bfloat16 = getattr(getattr(answer, "dtype", None), "name", "") == "bfloat16"
        template = (self.script.bfloat16_to_numpy if is_bfloat16 else "") or self.script.to_numpy
        return template.format(source) if answer is not None else source

    def fresh(self, stem: str) -> str:
        """A name that is not taken."""
        taken = {name for name, _ in self.known}
        return stem if stem not in taken else next(f"{stem}_{i}" for i in range(2, 999) if f"{stem}_{i}" not in taken)

    def arguments(self, call: Call) -> str:
        """The source of the arguments of a call."""
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
            return f"({inner},)" if type(value) is tuple else f"[{inner}]"
        if isinstance(value, dict):
            return "{" + ", ".join(f"{k!r}: {self._argument(v, hint)}" for k, v in value.items()) + "}"
        return literal(value)

    def _array(self, value: Array, hint: str) -> str:
        """The name of an array in the program, which is defined at its first use.

        An answer that is passed on is written out, so that each call is asked the same once another one is mended.
        """
        strides, answers = self._strides(value), {name for name, _ in self.calls}
        for name, held in self.known:
            if name not in answers and same_array(held, value) and self._strides(held) == strides:
                return name
        named = next((n for n, held in self.values if same_array(held, value) and self._is_free(n)), "")
        name = named or self.fresh(hint)
        code = (self.generators.get(name) if named else "") or self._code(value)
        self.lines.append(f"{name} = with_strides({code}, {strides})" if strides else f"{name} = {code}")
        self.known.append((name, value))
        return name

    def _is_free(self, name: str) -> bool:
        return all(name != taken for taken, _ in self.known)

    def _strides(self, x: Any) -> tuple[int, ...]:
        """The strides in elements that the target sees; () if the array is contiguous for it."""
        adapter = self.failure.target.adapter
        if (
            not isinstance(x, np.ndarray)
            or x.size < 2
            or x.flags.c_contiguous
            or any(s % x.itemsize for s in x.strides)
        ):
            return ()
        copied = adapter.name == "jax" or adapter.script.to_native.startswith("xp.")
        if copied or (adapter.name != "numpy" and min(x.strides) < 0) or x.dtype == object:
            return ()
        return tuple(s // x.itemsize for s in x.strides)

    def _code(self, value: Array) -> str:
        if value.size <= MAX_LITERAL or value.dtype == object or len(packed_bytes(value)) <= _MAX_PACKED:
            return array_code(value)
        key = f"array_{len(self.saved) + 1}"
        is_bfloat16 = value.dtype.name == "bfloat16"  # which files do not hold
        self.saved[key] = np.ascontiguousarray(value).view(np.uint16) if is_bfloat16 else value
        return f"saved[{key!r}]" + (".view(ml_dtypes.bfloat16)" if is_bfloat16 else "")

    # The assertion.

    def _last(self, call: Call) -> list[str]:
        fault = "" if self.failure.relation is not None else self.finding.lhs.partition(f"`{call.operation}` ")[2]
        if self.finding.place == "no error was raised":
            return self._assert_raises(call)
        if fault.startswith("raised") or (call.answer is None and self.finding.kind == "last"):
            hung = re.search(r"within ([\d.e+]+) s$", self.finding.lhs) if self.finding.kind == "last" else None
            limit = [f"faulthandler.dump_traceback_later({hung[1]}, exit=True)"] if hung else []
            source = f"{call.operation}({self.arguments(call)})"
            return [f"# {self.finding.lhs}".splitlines()[0], *limit, source]
        if fault.startswith(("writes", "changes")):
            return self._assert_input_unchanged(call)
        if fault.startswith("answers differently"):
            if not all(map(is_numeric, call.answer if isinstance(call.answer, (tuple, list)) else [call.answer])):
                raise UnwritableError
            first, second = self.call(call), self.call(call)
            same = f"np.array_equal({first}, {second}, equal_nan=True)"
            if isinstance(call.answer, (tuple, list)):
                same = f"all(np.array_equal(a, b, equal_nan=True) for a, b in zip({first}, {second}, strict=True))"
            lines = [f"assert {same}, 'two answers to one question'"]
            if not self._fails(lines, None):  # its answers depend on what no program brings along
                raise UnwritableError
            return lines
        if fault.startswith("returned "):
            return self._assert_form(call, fault)
        self.call(call)
        assertions = Assertions(self.failure.target, self.finding, self.known, self.calls)
        for lines, is_true in assertions.forms(self.failure.relation):
            if self._tells(lines, is_true=is_true):
                return lines
        lines = assertions.changed()
        if not self._fails(lines, None):
            raise UnwritableError
        return lines

    def _tells(self, lines: list[str], *, is_true: bool) -> bool:
        """Whether these lines fail on what the target answers, now as before, and pass on what it should have.

        Where that is not known, they must be true by themselves, or compare with what mathcore would compare with.
        """
        if not (self._fails(lines, [call.answer for _, call in self.calls]) and self._fails(lines, None)):
            return False
        right = [right_answer(call, self.failure.target) for _, call in self.calls]
        if any(answer is None for answer in right):
            return is_true or self.failure.right_side
        return not self._fails(lines, right)

    def _fails(self, lines: list[str], answers: list[Any] | None) -> bool:
        """Whether the program so far fails an assertion if the operations return these answers; None to call them."""
        target, left = self.failure.target, iter(answers or ())
        stub: Callable[..., Any] = lambda *_, **__: map_arrays(next(left), target.adapter.to_native)  # noqa: E731
        names = {
            call.operation: target.operations[call.operation] if answers is None else stub for _, call in self.calls
        }
        source = "\n".join([self.script.imports, STRIDED, *self.lines, *lines])
        try:
            with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                exec(source, {**namespace(), "saved": self.saved, **names})
        except AssertionError:
            return True
        except Exception:  # e.g. the shape of the wrong answer does not fit the expression
            return False
        return False

    def _assert_raises(self, call: Call) -> list[str]:
        source = f"{call.operation}({self.arguments(call)})"
        return [
            "try:",
            f"    {source}",
            "except Exception as refusal:",
            "    print('refused:', refusal)",
            "else:",
            f"    raise AssertionError({'no error was raised, expected ' + self.finding.rhs!r})",
        ]

    def _assert_input_unchanged(self, call: Call) -> list[str]:
        arguments = self.arguments(call)
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
        lines = [f"answer = {call.operation}({self.arguments(call)})", f"# it {fault}"]
        expected = fault.rpartition("expected ")[2]
        if "the shape" in fault:
            return [*lines, f"assert tuple(answer.shape) == {expected}, tuple(answer.shape)"]
        if expected.startswith("an array"):
            return [*lines, "assert hasattr(answer, 'shape') and hasattr(answer, 'dtype'), type(answer)"]
        if expected == "integers":
            return [*lines, "assert 'int' in str(answer.dtype), answer.dtype"]
        return [*lines, f"assert str(answer.dtype).endswith({expected!r}), answer.dtype"]
