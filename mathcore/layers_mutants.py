"""Layers that are wrong on purpose: what the claims about layers must refute."""

from __future__ import annotations

from typing import Any

from mathcore.verify.claims import mutant


@mutant("linear")
def weight_transposed(x: Any, weight: Any, bias: Any = None) -> Any:
    """Reads the weights as (outputs, inputs) where the shapes allow it."""
    square = weight.shape[0] == weight.shape[1]
    y = x @ (weight.T if square else weight)
    return y if bias is None else y + bias


@mutant("linear")
def bias_forgotten(x: Any, weight: Any, bias: Any = None) -> Any:
    """Ignores the bias."""
    return x @ weight


@mutant("linear")
def last_input_dropped(x: Any, weight: Any, bias: Any = None) -> Any:
    """Stops one input short, as a loop bound off by one does."""
    y = x[..., :-1] @ weight[:-1]
    return y if bias is None else y + bias
