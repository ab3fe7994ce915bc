"""What may go wrong with a target, as errors."""

from __future__ import annotations

from typing import Any


class NotOfferedError(LookupError):
    """A claim needs an operation that the target does not have."""


class NotTriedError(NotOfferedError):
    """A call that the target says it does not support; `reason` says what it is about."""

    def __init__(self, operation: str, reason: str) -> None:
        super().__init__(f"{operation}: {reason}")
        self.operation, self.reason = operation, reason


class TargetError(Exception):
    """An operation of the target raised; `cause` is what it raised."""

    def __init__(self, operation: str, cause: Exception) -> None:
        super().__init__(f"`{operation}` raised {type(cause).__name__}: {cause}")
        self.operation = operation
        self.cause = cause


class FaultError(Exception):
    """An operation misbehaved before any number could be judged: changed its input, returned no array, and so on.

    Of a call that was answered in two ways, `call_args`, `call_options` and the first `answer` are kept.
    """

    def __init__(self, operation: str, fault: str, args: Any = (), options: Any = None, answer: Any = None) -> None:
        super().__init__(f"`{operation}` {fault}")
        self.operation, self.fault = operation, fault
        self.call_args, self.call_options, self.answer = args, options, answer
