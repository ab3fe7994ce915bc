"""Mutants of cross-entropy that get weights of the classes or probabilities as targets wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.common_mutants import family


def _weights_of(targets: Any, options: dict[str, Any]) -> Any:
    """The weights of the rows that count, of targets that are classes; None otherwise."""
    if options.get("weight") is None or np.asarray(targets).dtype.kind == "f":
        return None
    return np.asarray(options["weight"], np.float64)[targets[targets != options.get("ignore_index")]]


@family
def class_weights_ignored(correct: Any) -> Any:
    """Ignores the weights of the classes."""
    return lambda *arrays, weight=None, **options: correct(*arrays, **options)


@family
def mean_over_rows(correct: Any) -> Any:
    """Divides a weighted mean by the number of rows."""

    def wrong(*arrays: Any, **options: Any) -> Any:
        answer, weights = correct(*arrays, **options), _weights_of(arrays[-1], options)
        if weights is None or options.get("reduction", "mean") != "mean":
            return answer
        share = weights.sum() / max(len(weights), 1)
        return (
            tuple((part * share).astype(part.dtype) for part in answer)
            if isinstance(answer, tuple)
            else np.asarray(answer * share).astype(answer.dtype)
        )

    return wrong


@family
def hardened(correct: Any) -> Any:
    """Takes the most probable class for a target of probabilities."""

    def wrong(*arrays: Any, axis: int = -1, **options: Any) -> Any:
        *others, targets = arrays
        soft = targets.shape == others[-1].shape and targets.dtype.kind != "i"
        return correct(*others, targets.argmax(axis) if soft else targets, axis=axis, **options)

    return wrong


@family
def soft_targets_unsmoothed(correct: Any) -> Any:
    """Does not smooth targets that are probabilities."""

    def wrong(*arrays: Any, label_smoothing: float = 0.0, **options: Any) -> Any:
        soft = arrays[-1].dtype.kind != "i"
        return correct(*arrays, label_smoothing=0.0 if soft else label_smoothing, **options)

    return wrong
