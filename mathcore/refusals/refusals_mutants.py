"""Implementations that answer where they should refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from mathcore.verify.claims import Mutant, mutant


def answers_anyway(operation: str) -> Mutant:
    """Gives zeros where arguments do not fit."""

    @mutant(operation, wraps=True)
    def answers(correct: Callable[..., Any]) -> Callable[..., Any]:
        """Gives zeros where arguments do not fit."""

        def anyway(*arguments: Any, **options: Any) -> Any:
            try:
                return correct(*arguments, **options)
            except (TypeError, ValueError, IndexError, ImportError):
                return np.zeros(3)

        return anyway

    return replace(answers, name=f"{operation}_answers_anyway")
