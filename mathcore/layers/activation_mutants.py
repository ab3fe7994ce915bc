"""Wrong activations, on purpose."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.verify.claims import mutant

Function = Callable[..., Any]
_erf = np.frompyfunc(math.erf, 1, 1)


def _wide(x: Any) -> Any:
    """A 16-bit array in float32."""
    return x.astype(np.float32) if x.dtype.itemsize == 2 else x


def _done(y: Any, x: Any) -> Any:
    return np.asarray(y).astype(x.dtype)


def _quietly(function: Function) -> Function:
    """Without warnings of overflow."""

    @functools.wraps(function)
    def quiet(*arrays: Any, **how: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*arrays, **how)

    return quiet


# sigmoid


@mutant("sigmoid")
@_quietly
def exponential_of_x(x: Any) -> Any:
    """Takes eˣ / (1 + eˣ), which is ∞ / ∞ where x is large."""
    e = np.exp(_wide(x))
    return _done(e / (1 + e), x)


@mutant("sigmoid")
def by_tanh(x: Any) -> Any:
    """Takes (1 + tanh(x / 2)) / 2, which loses the digits of the left tail."""
    return _done((1 + np.tanh(_wide(x) / 2)) / 2, x)


@mutant("sigmoid")
def hard(x: Any) -> Any:
    """Takes a straight line between 0 and 1."""
    return _done(np.clip(_wide(x) / 6 + 0.5, 0, 1), x)


@mutant("sigmoid", wraps=True)
def hard_shifted(correct: Function) -> Function:
    """Is 1/2 a little beside 0."""
    return lambda x: correct(x + x.dtype.type(2.0**-5))


@mutant("sigmoid")
@_quietly
def of_minus_x(x: Any) -> Any:
    """Falls where it should rise."""
    return _done(1 / (1 + np.exp(_wide(x))), x)


@mutant("sigmoid_vjp")
@_quietly
def of_the_result(cotangent: Any, x: Any) -> Any:
    """Takes x for the result of the forward pass: x (1 − x)."""
    return _done(_wide(cotangent) * _wide(x) * (1 - _wide(x)), cotangent)


# softplus


@mutant("softplus")
@_quietly
def exponential_first(x: Any) -> Any:
    """Overflows where x is large."""
    return _done(np.log1p(np.exp(_wide(x))), x)


@mutant("softplus")
def small_part_lost(x: Any) -> Any:
    """Takes ln(1 + e) where e is small, and rounds e away."""
    return _done(np.maximum(_wide(x), 0) + np.log(1 + np.exp(-abs(_wide(x)))), x)


@mutant("softplus", wraps=True)
def straight_beyond_20(correct: Function) -> Function:
    """Returns x beyond 20, where float64 still tells them apart."""
    return lambda x: np.where(x > 20, x, correct(x))


@mutant("softplus")
@_quietly
def added_to_x(x: Any) -> Any:
    """Takes x + ln(1 + e⁻ˣ), which cancels where x is negative, and is ∞ − ∞ at −∞."""
    return _done(_wide(x) + np.log1p(np.exp(-_wide(x))), x)


@mutant("softplus", wraps=True)
def to_the_base_2(correct: Function) -> Function:
    """Takes the logarithm to the base 2."""
    return lambda x: _done(_wide(correct(x)) / np.float32(math.log(2)), x)


@mutant("softplus", wraps=True)
def a_dip(correct: Function) -> Function:
    """Falls a little beyond 3."""
    return lambda x: np.where(x > 3, correct(x) - x.dtype.type(0.25), correct(x))


@mutant("softplus_vjp")
def a_step_of_two(cotangent: Any, x: Any) -> Any:
    """Lets twice the gradient through where x is positive."""
    return np.where(x > 0, cotangent + cotangent, cotangent.dtype.type(0))


@mutant("softplus_vjp")
def a_step(cotangent: Any, x: Any) -> Any:
    """Has the derivative of ReLU."""
    return np.where(x > 0, cotangent, cotangent.dtype.type(0))


# silu


@mutant("silu")
@_quietly
def nan_at_minus_infinity(x: Any) -> Any:
    """Multiplies −∞ by 0."""
    return _done(_wide(x) / (1 + np.exp(-_wide(x))), x)


@mutant("silu")
def hard_swish(x: Any) -> Any:
    """Has a straight line for the logistic function."""
    return _done(_wide(x) * np.clip(_wide(x) / 6 + 0.5, 0, 1), x)


@mutant("silu")
@_quietly
def steeper(x: Any) -> Any:
    """Takes x σ(1.702 x), which is a GELU."""
    return _done(np.maximum(_wide(x), -1e3) / (1 + np.exp(-1.702 * _wide(x))), x)


@mutant("silu", wraps=True)
def never_below_zero(correct: Function) -> Function:
    """Clips the result at 0."""
    return lambda x: np.maximum(correct(x), x.dtype.type(0))


@mutant("silu", wraps=True)
def doubled(correct: Function) -> Function:
    """Returns twice the result."""
    return lambda x: correct(x) + correct(x)


@mutant("silu_vjp", wraps=True)
def slope_nan_at_minus_infinity(correct: Function) -> Function:
    """Multiplies −∞ by 0 in the derivative."""
    return lambda cotangent, x: np.where(np.isneginf(x), x * cotangent.dtype.type(np.nan), correct(cotangent, x))


@mutant("silu_vjp")
@_quietly
def share_alone(cotangent: Any, x: Any) -> Any:
    """Takes σ(x), as if the share did not depend on x."""
    return _done(_wide(cotangent) / (1 + np.exp(-_wide(x))), cotangent)


@mutant("silu_vjp", wraps=True)
def twice(correct: Function) -> Function:
    """Sends back twice the gradient."""
    return lambda cotangent, x: correct(cotangent, x) * cotangent.dtype.type(2)


# gelu


@mutant("gelu", wraps=True)
def tanh_for_all(correct: Function) -> Function:
    """Takes the approximation by tanh whatever is asked for."""
    return lambda x, *, approximate="none": correct(x, approximate="tanh")


@mutant("gelu", wraps=True)
def quick_for_tanh(correct: Function) -> Function:
    """Takes the quick approximation where the one by tanh is asked for."""
    return lambda x, *, approximate="none": correct(x, approximate="none" if approximate == "none" else "quick")


@mutant("gelu", wraps=True)
def cancelled(correct: Function) -> Function:
    """Takes 1 + erf, which loses the digits of the left tail."""

    def wrong(x: Any, *, approximate: str = "none") -> Any:
        if approximate != "none":
            return correct(x, approximate=approximate)
        wide = x.astype(np.float64)
        with np.errstate(invalid="ignore"):
            return _done(wide / 2 * (1 + np.asarray(_erf(wide / math.sqrt(2)), np.float64)), x)

    return wrong


@mutant("gelu", wraps=True)
def cube_rounded(correct: Function) -> Function:
    """Has 0.0447 where 0.044715 belongs."""

    def wrong(x: Any, *, approximate: str = "none") -> Any:
        if approximate != "tanh":
            return correct(x, approximate=approximate)
        wide = np.clip(_wide(x), -1e3, None)
        y = wide.dtype.type(math.sqrt(8 / math.pi)) * (wide + wide.dtype.type(0.0447) * wide * wide * wide)
        with np.errstate(over="ignore"):
            return _done(wide / (1 + np.exp(-y)), x)

    return wrong


@mutant("gelu", wraps=True)
def shifted_up(correct: Function) -> Function:
    """Adds a thousandth."""
    return lambda x, **how: correct(x, **how) + x.dtype.type(2.0**-10)


@mutant("gelu", wraps=True)
def nan_times_zero(correct: Function) -> Function:
    """Multiplies −∞ by the share of what lies below it, 0."""

    def wrong(x: Any, *, approximate: str = "none") -> Any:
        with np.errstate(invalid="ignore"):
            return np.where(np.isneginf(_wide(x)), x * x.dtype.type(0), correct(x, approximate=approximate))

    return wrong


@mutant("gelu", wraps=True)
def nan_among_several(correct: Function) -> Function:
    """Gives NaN at ∞ where there are several numbers, as PyTorch 2.13 does in float32."""

    def wrong(x: Any, **how: Any) -> Any:
        return np.where(np.isposinf(_wide(x)) & (x.size > 1), x.dtype.type(np.nan), correct(x, **how))

    return wrong


@mutant("gelu", wraps=True)
def quick_as_sigmoid(correct: Function) -> Function:
    """Takes x σ(x) for the quick approximation, without the 1.702."""

    def wrong(x: Any, *, approximate: str = "none") -> Any:
        if approximate != "quick":
            return correct(x, approximate=approximate)
        with np.errstate(over="ignore"):
            return _done(_wide(x) / (1 + np.exp(-_wide(x))), x)

    return wrong


@mutant("gelu_vjp", wraps=True)
def exact_for_all(correct: Function) -> Function:
    """Has the derivative of the exact one whatever approximation was taken."""
    return lambda cotangent, x, *, approximate="none": correct(cotangent, x, approximate="none")


@mutant("gelu_vjp", wraps=True)
def bell_forgotten(correct: Function) -> Function:
    """Takes Φ(x), as if the share did not depend on x."""

    def wrong(cotangent: Any, x: Any, *, approximate: str = "none") -> Any:
        if approximate != "none":
            return correct(cotangent, x, approximate=approximate)
        wide = x.astype(np.float64)
        return _done(cotangent * (1 + np.asarray(_erf(wide / math.sqrt(2)), np.float64)) / 2, cotangent)

    return wrong


@mutant("gelu_vjp", wraps=True)
def slopes_up_to_one(correct: Function) -> Function:
    """Clips the derivative at 1."""

    def wrong(cotangent: Any, x: Any, **how: Any) -> Any:
        return _done(np.minimum(_wide(correct(np.ones_like(x), x, **how)), 1) * _wide(cotangent), cotangent)

    return wrong


# relu_squared


@mutant("relu_squared")
@_quietly
def squared_first(x: Any) -> Any:
    """Squares what is negative as well."""
    return _done(_wide(x) * _wide(x), x)


@mutant("relu_squared", wraps=True)
def not_squared(correct: Function) -> Function:
    """Is ReLU."""
    return lambda x: np.maximum(x, x.dtype.type(0))


@mutant("relu_squared")
@_quietly
def nan_to_zero(x: Any) -> Any:
    """Turns NaN into 0, for NaN is not above 0."""
    return np.where(x > 0, _done(_wide(x) * _wide(x), x), x.dtype.type(0))


@mutant("relu_squared_vjp")
@_quietly
def factor_forgotten(cotangent: Any, x: Any) -> Any:
    """Forgets the 2 of the square."""
    return _done(_wide(cotangent) * np.maximum(_wide(x), 0), cotangent)


# Any of them.


def tail_untouched(correct: Function) -> Function:
    """Returns the last numbers as they came where their count is no multiple of four: a loop without a tail."""

    def wrong(*arrays: Any, **how: Any) -> Any:
        y, x = np.array(correct(*arrays, **how)).ravel(), arrays[-1].ravel()
        whole = x.size - x.size % 4
        y[whole:] = x[whole:] + x.dtype.type(1)
        return y.reshape(arrays[-1].shape)

    return wrong


def one_block_done(correct: Function) -> Function:
    """Returns 0 past the first 65,536 numbers."""

    def wrong(*arrays: Any, **how: Any) -> Any:
        y = np.array(correct(*arrays, **how)).ravel()
        y[2**16 :] = 0
        return y.reshape(arrays[-1].shape)

    return wrong


def all_touch(correct: Function) -> Function:
    """Adds 0 times the sum of everything: one NaN reaches every number."""

    def wrong(*arrays: Any, **how: Any) -> Any:
        y = correct(*arrays, **how)
        with np.errstate(invalid="ignore", over="ignore"):
            return (y + y.dtype.type(0) * arrays[-1].sum()).astype(y.dtype)

    return wrong
