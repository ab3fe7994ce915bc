"""Layers that are wrong on purpose: what the claims about layers must refute; real bugs are cited."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.claims import mutant

# linear


def _plus(y: Any, bias: Any) -> Any:
    return y if bias is None else y + bias


@mutant("linear")
def weight_transposed(x: Any, weight: Any, bias: Any = None) -> Any:
    """Reads the weights as (outputs, inputs) where the shapes allow it."""
    square = weight.shape[0] == weight.shape[1]
    return _plus(x @ (weight.T if square else weight), bias)


@mutant("linear")
def bias_forgotten(x: Any, weight: Any, bias: Any = None) -> Any:
    """Ignores the bias."""
    return x @ weight


@mutant("linear")
def last_input_dropped(x: Any, weight: Any, bias: Any = None) -> Any:
    """Stops one input short, as a loop bound off by one does."""
    return _plus(x[..., :-1] @ weight[:-1], bias)


@mutant("linear")
def bias_scaled(x: Any, weight: Any, bias: Any = None) -> Any:
    """Adds the bias once for every input."""
    return _plus(x @ weight, None if bias is None else bias * weight.shape[0])


@mutant("linear", wraps=True)
def relu_inside(correct: Any) -> Any:
    """Clips what it returns at zero: a ReLU fused where none was asked for."""
    return lambda *arrays: np.maximum(correct(*arrays), 0)


@mutant("linear", wraps=True)
def one_too_many(correct: Any) -> Any:
    """Adds 1 to every output."""
    return lambda *arrays: correct(*arrays) + 1


@mutant("linear", wraps=True)
def normalised(correct: Any) -> Any:
    """Brings every input row to length 1 first."""

    def wrong(x: Any, *more: Any) -> Any:
        length = abs(x).sum(-1, keepdims=True)
        return correct(x / np.where(length == 0, 1, length), *more)

    return wrong


@mutant("linear", wraps=True)
def mean_removed(correct: Any) -> Any:
    """Centres the batch first, as batch normalisation does: a row depends on its neighbours."""
    return lambda x, *more: correct(x - x.sum(0) / len(x), *more)


@mutant("linear", wraps=True)
def columns_swapped(correct: Any) -> Any:
    """Returns the outputs in reverse order."""
    return lambda *arrays: correct(*arrays)[..., ::-1]


@mutant("linear", wraps=True)
def columns_mixed(correct: Any) -> Any:
    """Adds each output to the next."""
    return lambda *arrays: np.add.accumulate(correct(*arrays), axis=-1)


@mutant("linear", wraps=True)
def squared(correct: Any) -> Any:
    """Squares the inputs."""
    return lambda x, *more: correct(x * x, *more)


@mutant("linear", wraps=True)
def saturated(correct: Any) -> Any:
    """Clips inputs at 6, as a quantised kernel does."""
    return lambda x, *more: correct(np.clip(x, -6, 6).astype(x.dtype), *more)


@mutant("linear")
def broadcast_by_accident(x: Any, weight: Any, bias: Any = None) -> Any:
    """Lets a single input stand for all of them, and a single row of weights for every row."""
    y = (np.asarray(x)[..., :, None] * np.asarray(weight)).sum(-2)
    return _plus(y, bias)


@mutant("linear", wraps=True)
def tail_of_inputs_unread(correct: Any) -> Any:
    """Reads inputs in fours and drops the rest past 64 of them."""

    def wrong(x: Any, weight: Any, *more: Any) -> Any:
        whole = len(weight) - len(weight) % 4 if len(weight) > 64 else len(weight)
        return correct(x[..., :whole], weight[:whole], *more)

    return wrong


@mutant("linear", wraps=True)
def tile_twice(correct: Any) -> Any:
    """Counts the last input twice at multiples of 32 plus 1: tiles that overlap."""

    def wrong(x: Any, weight: Any, *more: Any) -> Any:
        y = correct(x, weight, *more)
        return y + x[..., -1:] * weight[-1] if len(weight) % 32 == 1 and len(weight) > 1 else y

    return wrong


@mutant("linear", wraps=True)
def summed_in_halves(correct: Any) -> Any:
    """Adds 16-bit products up in 16 bits, one by one."""

    def wrong(x: Any, weight: Any, bias: Any = None) -> Any:
        y = np.zeros((*x.shape[:-1], weight.shape[1]), x.dtype)
        for i in range(len(weight)):
            y = (y + x[..., i : i + 1] * weight[i]).astype(x.dtype)
        return _plus(y, bias)

    return wrong


@mutant("linear", wraps=True)
def skips_a_product(correct: Any) -> Any:
    """Leaves out the product with the first weight."""

    def wrong(x: Any, weight: Any, bias: Any = None) -> Any:
        return _plus(x[..., 1:] @ weight[1:] if len(weight) > 1 else correct(x, weight), bias)

    return wrong


# linear_vjp


@mutant("linear_vjp", wraps=True)
def weights_get_nothing(correct: Any) -> Any:
    """Returns zeros for the weights: they are frozen by mistake."""

    def wrong(g: Any, x: Any, weight: Any, bias: Any = None) -> Any:
        answer = correct(g, x, weight, bias)
        return (answer[0], answer[1] * 0, *answer[2:])

    return wrong


@mutant("linear_vjp", wraps=True)
def forward_weights(correct: Any) -> Any:
    """Pulls back through W instead of its transpose where the shapes allow it."""

    def wrong(g: Any, x: Any, weight: Any, bias: Any = None) -> Any:
        answer = correct(g, x, weight, bias)
        return (g @ weight, *answer[1:]) if weight.shape[0] == weight.shape[1] else (answer[0] * 2, *answer[1:])

    return wrong


@mutant("linear_vjp", wraps=True)
def mean_over_rows(correct: Any) -> Any:
    """Averages the weights' cotangent over the rows instead of adding it up."""

    def wrong(g: Any, x: Any, weight: Any, bias: Any = None) -> Any:
        answer, rows = correct(g, x, weight, bias), max(int(np.prod(x.shape[:-1])), 1)
        return (answer[0], (answer[1] / rows).astype(answer[1].dtype), *answer[2:])

    return wrong


@mutant("linear_vjp", wraps=True)
def bias_of_first_row(correct: Any) -> Any:
    """Gives the bias the cotangent of the first row alone."""

    def wrong(g: Any, x: Any, weight: Any, bias: Any = None) -> Any:
        answer = correct(g, x, weight, bias)
        return answer if bias is None else (*answer[:2], g.reshape(-1, g.shape[-1])[0])

    return wrong


@mutant("linear_vjp", wraps=True)
def slightly_off(correct: Any) -> Any:
    """Off by a factor of 1.0005 in every part."""
    return lambda *arrays: tuple((y + y / 2000).astype(y.dtype) for y in correct(*arrays))


# relu


@mutant("relu")
def leaky(x: Any) -> Any:
    """Lets a hundredth of the negative through."""
    return np.where(x > 0, x, x / x.dtype.type(100))


@mutant("relu")
def absolute(x: Any) -> Any:
    """Returns the magnitude."""
    return abs(x)


@mutant("relu")
def capped_at_six(x: Any) -> Any:
    """Stops at 6."""
    return np.minimum(np.maximum(x, x.dtype.type(0)), x.dtype.type(6)) + x.dtype.type(0)


@mutant("relu")
def nan_becomes_zero(x: Any) -> Any:
    """Turns NaN into 0 (PyTorch, MXNet and TensorFlow 2018, Paddle 2024, MindSpore 2026)."""
    return np.where(x > 0, x, x.dtype.type(0))


@mutant("relu")
def product_with_a_mask(x: Any) -> Any:
    """Multiplies by 0 or 1: −∞ becomes NaN and negative numbers −0."""
    with np.errstate(invalid="ignore"):
        return x * (x > 0).astype(x.dtype)


@mutant("relu")
def subnormals_flushed(x: Any) -> Any:
    """Takes positive subnormal numbers for zero."""
    tiny = {2: 2.0**-14, 4: 2.0**-126, 8: 2.0**-1022}[x.dtype.itemsize] if x.dtype.kind == "f" else 2.0**-126
    return np.where(np.asarray(x < tiny, bool), x.dtype.type(0), x)


@mutant("relu")
def identity(x: Any) -> Any:
    """Lets everything through."""
    return x + x.dtype.type(0)


@mutant("relu")
def shifted(x: Any) -> Any:
    """Has its kink at 1."""
    return np.maximum(x - x.dtype.type(1), x.dtype.type(0))


@mutant("relu")
def smooth(x: Any) -> Any:
    """A softplus: smooth where ReLU has a kink."""
    wide = np.asarray(x, np.float64)
    return (np.logaddexp(wide, 0)).astype(x.dtype)


@mutant("relu")
def negative_kept(x: Any) -> Any:
    """Keeps what is negative and drops what is positive."""
    return np.minimum(x, x.dtype.type(0))


@mutant("relu", wraps=True)
def tail_untouched(correct: Any) -> Any:
    """Leaves the last numbers as they are where the count is no multiple of four: a vectorised loop without a tail."""

    def wrong(x: Any) -> Any:
        y, whole = np.array(correct(x)).ravel(), x.size - x.size % 4
        y[whole:] = np.ravel(x)[whole:]
        return y.reshape(x.shape)

    return wrong


# relu_vjp


@mutant("relu_vjp")
def slope_one_at_zero(cotangent: Any, x: Any) -> Any:
    """Lets the gradient through at 0 as well."""
    return np.where(np.isnan(x), x, np.where(x >= 0, cotangent, cotangent.dtype.type(0)))


@mutant("relu_vjp")
def half_at_zero(cotangent: Any, x: Any) -> Any:
    """Splits the gradient at 0 between both branches of the maximum (JAX 2020)."""
    half = cotangent / cotangent.dtype.type(2)
    passed = np.where(x > 0, cotangent, np.where(x == 0, half, cotangent.dtype.type(0)))
    return np.where(np.isnan(x), x, passed)


@mutant("relu_vjp")
def half_below_normal(cotangent: Any, x: Any) -> Any:
    """Takes subnormal numbers for 0, and halves the gradient there (JAX 2026, float32)."""
    tiny = {2: 2.0**-14, 4: 2.0**-126, 8: 2.0**-1022}[x.dtype.itemsize] if x.dtype.kind == "f" else 2.0**-126
    passed = np.where(np.asarray(x > 0, bool), cotangent, cotangent.dtype.type(0))
    faint = np.asarray((x > 0) & (x < tiny), bool)
    return np.where(np.isnan(x), x, np.where(faint, passed / cotangent.dtype.type(2), passed))


@mutant("relu_vjp")
def mask_of_the_cotangent(cotangent: Any, x: Any) -> Any:
    """Asks the cotangent for its sign instead of the input."""
    return np.where(cotangent > 0, cotangent, cotangent.dtype.type(0))


@mutant("relu_vjp")
def everything_passes(cotangent: Any, x: Any) -> Any:
    """Forgets the mask."""
    return cotangent + cotangent.dtype.type(0)


@mutant("relu_vjp")
def multiplied_by_the_mask(cotangent: Any, x: Any) -> Any:
    """Multiplies by 0 or 1: an infinite cotangent becomes NaN where the input was negative."""
    with np.errstate(invalid="ignore"):
        return cotangent * np.asarray(x > 0, bool).astype(cotangent.dtype)


# low_rank


@mutant("low_rank", wraps=True)
def one_rank_short(correct: Any) -> Any:
    """Leaves out the last direction."""

    def wrong(weight: Any, rank: int) -> Any:
        left, right = correct(weight, rank)
        left = left.copy()
        left[:, -1] = 0
        return left, right

    return wrong


@mutant("low_rank", wraps=True)
def smallest_kept(correct: Any) -> Any:
    """Keeps the smallest singular values."""

    def wrong(weight: Any, rank: int) -> Any:
        u, s, vt = np.linalg.svd(np.asarray(weight, np.float64), full_matrices=False)
        return (u[:, -rank:] * s[-rank:]).astype(weight.dtype), vt[-rank:].astype(weight.dtype)

    return wrong


@mutant("low_rank", wraps=True)
def first_columns(correct: Any) -> Any:
    """Keeps the first columns instead of the strongest directions."""

    def wrong(weight: Any, rank: int) -> Any:
        right = np.eye(rank, weight.shape[1], dtype=np.float64).astype(weight.dtype)
        return weight[:, :rank].copy(), right

    return wrong


@mutant("low_rank", wraps=True)
def values_not_split(correct: Any) -> Any:
    """Gives both factors the whole singular values instead of their roots."""

    def wrong(weight: Any, rank: int) -> Any:
        u, s, vt = np.linalg.svd(np.asarray(weight, np.float64), full_matrices=False)
        return (u[:, :rank] * s[:rank]).astype(weight.dtype), (s[:rank, None] * vt[:rank]).astype(weight.dtype)

    return wrong


# Mistakes in shapes, batches and costs.


@mutant("linear", wraps=True)
def rows_reversed(correct: Any) -> Any:
    """Returns the rows in reverse order."""
    return lambda x, *more: correct(x, *more)[::-1] if x.ndim > 1 else correct(x, *more)


@mutant("linear", wraps=True)
def first_row_everywhere(correct: Any) -> Any:
    """Gives the answer of the first row to every row."""

    def wrong(x: Any, *more: Any) -> Any:
        y = correct(x, *more)
        return np.broadcast_to(y[:1], y.shape).copy() if x.ndim > 1 else y

    return wrong


@mutant("linear", wraps=True)
def batch_flattened(correct: Any) -> Any:
    """Forgets that there was more than one axis of rows, and returns them in another order."""

    def wrong(x: Any, *more: Any) -> Any:
        y = correct(x, *more)
        return y if x.ndim < 3 else y.reshape(y.shape[1], y.shape[0], -1).swapaxes(0, 1)[::-1].copy()

    return wrong


@mutant("linear", wraps=True)
def message_without_shapes(correct: Any) -> Any:
    """Refuses shapes that do not touch without saying which came."""

    def wrong(x: Any, weight: Any, bias: Any = None) -> Any:
        try:
            return correct(x, weight, bias)
        except ValueError:
            raise ValueError("shapes do not match") from None

    return wrong


@mutant("linear_vjp", wraps=True)
def cotangent_broadcast(correct: Any) -> Any:
    """Lets one row of cotangents, or one number of bias, stand for all."""

    def wrong(g: Any, x: Any, weight: Any, bias: Any = None) -> Any:
        b = None if bias is None else np.broadcast_to(np.ravel(bias)[:1], weight.shape[1:])
        return correct(np.broadcast_to(g, (*x.shape[:-1], weight.shape[1])), x, weight, b)

    return wrong


@mutant("linear", wraps=True)
def empty_refused(correct: Any) -> Any:
    """Fails on an empty axis by returning nothing of it."""

    def wrong(x: Any, weight: Any, bias: Any = None) -> Any:
        y = correct(x, weight, bias)
        return y if x.size else y[..., :0]

    return wrong


@mutant("linear", wraps=True)
def computes_the_product(correct: Any) -> Any:
    """Works the product out twice."""

    def wrong(x: Any, weight: Any, bias: Any = None) -> Any:
        correct(x, weight)
        return correct(x, weight, bias)

    return wrong


@mutant("low_rank", wraps=True)
def full_factors(correct: Any) -> Any:
    """Returns factors of full rank with zeros in them."""

    def wrong(weight: Any, rank: int) -> Any:
        left, right = correct(weight, rank)
        missing = min(weight.shape) - rank
        return np.pad(left, ((0, 0), (0, missing))), np.pad(right, ((0, missing), (0, 0)))

    return wrong
