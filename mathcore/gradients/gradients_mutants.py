"""Gradients wrong on purpose: what the claims about backpropagation must refute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.verify.claims import Mutant, mutant
from mathcore.verify.common_mutants import family


def _each(change: Callable[[Any], Any], pulled: Any) -> Any:
    """`change` of every cotangent that came back."""
    if isinstance(pulled, dict):
        return {name: _each(change, part) for name, part in pulled.items()}
    return tuple(_each(change, part) for part in pulled) if isinstance(pulled, tuple) else change(pulled)


def _changed(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda correct: lambda *arrays, **options: _each(change, correct(*arrays, **options))


@family
def nothing_back(correct: Any) -> Any:
    """Returns zeros: nothing is ever learned."""
    return _changed(np.zeros_like)(correct)


@family
def slightly_off(correct: Any) -> Any:
    """Is off by a factor of 1.0005, which no training curve shows."""
    return _changed(lambda y: (y * 1.0005).astype(y.dtype))(correct)


@family
def uphill(correct: Any) -> Any:
    """Has the wrong sign."""
    return _changed(lambda y: -y)(correct)


@family
def cotangent_unread(correct: Any) -> Any:
    """Assumes that the cotangent is all ones."""
    return lambda g, *arrays, **options: correct(np.ones_like(g), *arrays, **options)


@family
def first_alone(correct: Any) -> Any:
    """Sends back to the first number of each array alone."""

    def only_first(y: Any) -> Any:
        kept = np.zeros_like(y)
        kept.flat[:1] = np.ravel(y)[:1]
        return kept

    return _changed(only_first)(correct)


@mutant("linear_vjp", wraps=True)
def untransposed(correct: Any) -> Any:
    """Multiplies a square weight as it stands, not transposed."""

    def linear_vjp(cotangent: Any, x: Any, weight: Any, bias: Any = None) -> Any:
        pulled = correct(cotangent, x, weight, bias)
        square = weight.shape[0] == weight.shape[1]
        return (np.matmul(cotangent, weight), *pulled[1:]) if square else pulled

    return linear_vjp


@mutant("rope_vjp", wraps=True)
def turned_forwards(correct: Any) -> Any:
    """Turns the cotangent the way that the vector was turned."""

    def rope_vjp(cotangent: Any, x: Any, positions: Any = None, *, offset: int = 0, **options: Any) -> Any:
        places = np.arange(x.shape[-2]) if positions is None else positions
        return correct(cotangent, x, -places, offset=-offset, **options)

    return rope_vjp


@mutant("rope_vjp", wraps=True)
def offset_forgotten(correct: Any) -> Any:
    """Turns back by the position without its offset."""
    return lambda *arrays, **options: correct(*arrays, **{**options, "offset": 0})


@mutant("rope_vjp", wraps=True)
def pairs_exchanged(correct: Any) -> Any:
    """Pairs the features of a cotangent as the other layout does."""

    def rope_vjp(*arrays: Any, interleaved: bool = False, **options: Any) -> Any:
        return correct(*arrays, interleaved=not interleaved, **options)

    return rope_vjp


@mutant("scaled_dot_product_attention_vjp", wraps=True)
def scale_forgotten(correct: Any) -> Any:
    """Sends back to queries and keys as if products had not been divided by √d."""

    def wrong(cotangent: Any, query: Any, *arrays: Any, **options: Any) -> Any:
        q, k, v = correct(cotangent, query, *arrays, **options)
        root = query.shape[-1] ** 0.5
        return q * root, k * root, v

    return wrong


@mutant("scaled_dot_product_attention_vjp", wraps=True)
def future_in_the_gradient(correct: Any) -> Any:
    """Forgets on the way back that a query sees no later key."""
    return lambda *arrays, **options: correct(*arrays, **{**options, "is_causal": False})


@mutant("scaled_dot_product_attention_vjp", wraps=True)
def softmax_taken_for_constant(correct: Any) -> Any:
    """Lets nothing through the weights: only values learn."""

    def wrong(*arrays: Any, **options: Any) -> Any:
        q, k, v = correct(*arrays, **options)
        return q * 0, k * 0, v

    return wrong


@mutant("scaled_dot_product_attention_vjp", wraps=True)
def bias_unread(correct: Any) -> Any:
    """Forgets on the way back that a bias was added to the scores."""
    return lambda *arrays, **options: correct(*arrays, **{**options, "bias": None})


@mutant("scaled_dot_product_attention_vjp", wraps=True)
def keys_of_eight(correct: Any) -> Any:
    """Sends nothing back to keys and values past the first eight."""

    def wrong(*arrays: Any, **options: Any) -> Any:
        q, k, v = correct(*arrays, **options)
        early = (np.arange(k.shape[-2]) < 8)[:, None]
        return q, k * early.astype(k.dtype), v * early.astype(v.dtype)

    return wrong


@mutant("scaled_dot_product_attention_vjp", wraps=True)
def first_group_for_all(correct: Any) -> Any:
    """Adds up over groups of query heads in the wrong order, where there are several of several."""

    def wrong(cotangent: Any, query: Any, key: Any, *arrays: Any, **options: Any) -> Any:
        q, k, v = correct(cotangent, query, key, *arrays, **options)
        several = key.ndim > 2 and 1 < key.shape[-3] < query.shape[-3]
        return (q, k[..., ::-1, :, :], v[..., ::-1, :, :]) if several else (q, k, v)

    return wrong


@mutant("multi_head_attention_vjp", wraps=True)
def heads_bias_unread(correct: Any) -> Any:
    """Forgets on the way back that a bias was added to the scores."""
    return lambda *arrays, **options: correct(*arrays, **{**options, "bias": None})


@mutant("multi_head_attention_vjp", wraps=True)
def first_eight_words(correct: Any) -> Any:
    """Sends nothing back to words past the first eight."""

    def wrong(g: Any, x: Any, params: Any, **options: Any) -> Any:
        x_bar, pulled = correct(g, x, params, **options)
        return x_bar * (np.arange(x.shape[-2]) < 8)[:, None].astype(x_bar.dtype), pulled

    return wrong


@mutant("multi_head_attention_vjp", wraps=True)
def sixteen_features(correct: Any) -> Any:
    """Sends nothing back to rows of the query matrix past the first sixteen features."""

    def wrong(g: Any, x: Any, params: Any, **options: Any) -> Any:
        x_bar, pulled = correct(g, x, params, **options)
        early = (np.arange(x.shape[-1]) < 16)[:, None].astype(pulled["query"].dtype)
        return x_bar, {**pulled, "query": pulled["query"] * early}

    return wrong


@mutant("multi_head_attention_vjp", wraps=True)
def groups_exchanged(correct: Any) -> Any:
    """Gives each key head the share of another, where several query heads share one of several."""

    def wrong(g: Any, x: Any, params: Any, **options: Any) -> Any:
        x_bar, pulled = correct(g, x, params, **options)
        heads, groups = options["num_heads"], options.get("num_kv_heads") or options["num_heads"]
        if not 1 < groups < heads:
            return x_bar, pulled
        parts = np.split(pulled["key"], groups, -1)
        return x_bar, {**pulled, "key": np.concatenate(parts[::-1], -1)}

    return wrong


@mutant("multi_head_attention_vjp", wraps=True)
def output_gets_nothing(correct: Any) -> Any:
    """Forgets the matrix that mixes the heads."""

    def wrong(*arrays: Any, **options: Any) -> Any:
        x, params = correct(*arrays, **options)
        return x, {**params, "output": params["output"] * 0}

    return wrong


@mutant("multi_head_attention_vjp", wraps=True)
def input_through_values_alone(correct: Any) -> Any:
    """Sends back to x what came through the values, and forgets queries and keys."""

    def wrong(g: Any, x: Any, params: Any, **options: Any) -> Any:
        still = {name: w if name in ("value", "output") else w * 0 for name, w in params.items()}
        return correct(g, x, still, **options)[0], correct(g, x, params, **options)[1]

    return wrong


@mutant("relu_net_vjp", wraps=True)
def order_of_layers(correct: Any) -> Any:
    """Gives the first layer what belongs to the last, and the other way round."""

    def relu_net_vjp(*arrays: Any) -> Any:
        x, slopes = correct(*arrays)
        return x, slopes[::-1]

    return relu_net_vjp


ALWAYS = (nothing_back, slightly_off, uphill, cotangent_unread)


def of(*operations: str) -> tuple[Mutant, ...]:
    """The mistakes that any gradient can make, for these operations."""
    return tuple(make(operation) for operation in operations for make in ALWAYS)
