"""Wrong ReLUs, on purpose."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.claims import mutant, reported


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


@reported(
    "relu.keeps_positive_zeroes_negative",
    """
    pytorch/pytorch #7999 (2018)
    pytorch/pytorch #10238 (2018)
    apache/mxnet #11115 (2018)
    tensorflow/tensorflow #32730 (2019)
    tensorflow/tensorflow #40072 (2020)
    PaddlePaddle/Paddle PR#65310 (2024)
    PaddlePaddle/Paddle #79351 (2026)
    mindspore-ai/mindspore #380 (2026)
    """,
)
@mutant("relu")
def nan_becomes_zero(x: Any) -> Any:
    """Turns NaN into 0, for NaN is not above 0; in three projects reported again after a fix."""
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


@reported(
    "relu.gradient_is_a_mask",
    """
    jax-ml/jax PR#2342 (2020) merged
    jax-ml/jax PR#14840 (2023) merged
    jax-ml/jax #37821 (2026)
    """,
)
@mutant("relu_vjp")
def half_at_zero(cotangent: Any, x: Any) -> Any:
    """Splits the gradient at 0 between both branches of the maximum."""
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


@mutant("relu", wraps=True)
def single_numbers_pass(correct: Any) -> Any:
    """Lets a number that is no array through as it is."""
    return lambda x: x if np.ndim(x) == 0 else correct(x)


@mutant("relu", wraps=True)
def one_size_wrong(correct: Any) -> Any:
    """Lets the last of exactly 769 numbers through."""

    def wrong(x: Any) -> Any:
        y = np.array(correct(x))
        if x.shape and x.shape[-1] == 769:
            y[..., -1] = x[..., -1]
        return y

    return wrong


@mutant("relu_vjp", wraps=True)
def both_signs_asked(correct: Any) -> Any:
    """Lets only positive cotangents through (guided backpropagation)."""
    return lambda cotangent, x: np.where(cotangent > 0, correct(cotangent, x), cotangent.dtype.type(0))


@mutant("relu_vjp", wraps=True)
def nan_stopped(correct: Any) -> Any:
    """Returns 0 where the input was NaN: the trace of the mistake is lost on the way back."""
    return lambda cotangent, x: np.where(np.isnan(x), cotangent.dtype.type(0), correct(cotangent, x))


@mutant("relu_vjp", wraps=True)
def stopped_above_six(correct: Any) -> Any:
    """Lets nothing through where the input was 6 or more (the derivative of ReLU6)."""
    return lambda cotangent, x: np.where(x >= 6, cotangent.dtype.type(0), correct(cotangent, x))


@mutant("relu_vjp", wraps=True)
def leaky_slope(correct: Any) -> Any:
    """Lets a hundredth through where the input was negative."""
    return lambda cotangent, x: np.where(x < 0, cotangent / cotangent.dtype.type(100), correct(cotangent, x))


@mutant("relu_vjp", wraps=True)
def mask_alone(correct: Any) -> Any:
    """Returns the mask without the cotangent."""
    return lambda cotangent, x: correct(np.ones_like(cotangent), x)


@mutant("relu")
def only_past_a_millionth(x: Any) -> Any:
    """Asks whether x exceeds 10⁻⁶ instead of 0."""
    return np.where(np.asarray((x > 1e-6) | (x != x), bool), x, x.dtype.type(0))


@mutant("relu")
def minus_zero_kept(x: Any) -> Any:
    """Replaces what is below zero, and so keeps −0."""
    return np.where(np.asarray(x < 0, bool), x.dtype.type(0), x)


@mutant("relu")
def largest_float16_at_most(x: Any) -> Any:
    """Stops at 65,504."""
    return np.where(np.asarray(x > 65504, bool), x.dtype.type(65504), np.maximum(x, x.dtype.type(0)) + x.dtype.type(0))


@mutant("relu", wraps=True)
def one_block_done(correct: Any) -> Any:
    """Does nothing past the first 65,536 numbers."""

    def wrong(x: Any) -> Any:
        y = np.array(correct(x)).ravel()
        y[2**16 :] = np.ravel(x)[2**16 :]
        return y.reshape(x.shape)

    return wrong


@mutant("relu_vjp", wraps=True)
def one_block_pulled(correct: Any) -> Any:
    """Lets everything through past the first 65,536 numbers."""

    def wrong(cotangent: Any, x: Any) -> Any:
        y = np.array(correct(cotangent, x)).ravel()
        y[2**16 :] = np.ravel(cotangent)[2**16 :]
        return y.reshape(x.shape)

    return wrong


@mutant("relu", wraps=True)
def nan_lost_in_a_crowd(correct: Any) -> Any:
    """Turns NaN into 0 where there are more than 300 numbers."""

    def wrong(x: Any) -> Any:
        y = correct(x)
        return np.where(np.isnan(y), y.dtype.type(0), y) if x.size > 300 else y

    return wrong
