"""Errors about a target: a missing operation, an unsupported call, an exception, a broken contract; and our own."""

from __future__ import annotations

from typing import Any


class NotOfferedError(LookupError):
    """A claim needs an operation that the target does not have."""


class NotTriedError(NotOfferedError):
    """The target does not support a call; `reason` says what about it."""

    def __init__(self, operation: str, reason: str) -> None:
        super().__init__(f"{operation}: {reason}")
        self.operation, self.reason = operation, reason


class ExactOnlyError(NotTriedError):
    """A check is for targets that said `exact`, since its numbers are Fractions, residues or the like."""


class TargetError(Exception):
    """An operation of the target raised; `cause` is what it raised."""

    def __init__(self, operation: str, cause: Exception) -> None:
        super().__init__(f"`{operation}` raised {type(cause).__name__}: {cause}")
        self.operation = operation
        self.cause = cause


class ContractError(Exception):
    """An operation broke a rule that holds for every call: it changed its input, returned no array, and so on.

    If two calls with the same arguments were answered differently, `call_args`, `call_options` and the first `answer`
    are kept.
    """

    def __init__(self, operation: str, fault: str, args: Any = (), options: Any = None, answer: Any = None) -> None:
        super().__init__(f"`{operation}` {fault}")
        self.operation, self.fault = operation, fault
        self.call_args, self.call_options, self.answer = args, options, answer


class ConversionError(Exception):
    """A call could not be passed on to the target, or its answer not be read: mathcore's mistake, not the target's.

    `cause` is what the translation of a convention or a converter raised.
    """

    def __init__(self, operation: str, cause: Exception) -> None:
        super().__init__(f"a call of `{operation}` could not be converted: {type(cause).__name__}: {cause}")
        self.operation, self.cause = operation, cause
