"""The logistic function, the function that it is the derivative of, and the activation that it makes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array
from mathcore._compute.blocks import thread_float64
from mathcore.layers._activation import Logistic, decay, evaluated, pulled_back, slope, value, wide

SILU = Logistic(800.0, lambda z: (z, 0.0), lambda x, out: np.negative(x, out=out), lambda z: z)
"""The activation x σ(x)."""


def sigmoid(x: npt.ArrayLike) -> Array:
    r"""The logistic function: any number becomes one between 0 and 1.

    $$\sigma(x) = \frac{1}{1 + e^{-x}}$$

    Args:
        x: any shape, floats.

    Returns:
        The shape and dtype of x. No exponential overflows, and small results keep their digits.

    Raises:
        TypeError: if x is not floating.

    Source:
        Goodfellow, Bengio & Courville, Deep Learning (2016), §3.10.

    Examples:
        >>> mc.sigmoid([-2.0, 0.0, 2.0])
        array([0.11920292, 0.5       , 0.88079708])
    """
    return evaluated(_sigmoid, x)


def _sigmoid(x: Array) -> Array:
    """1 / (1 + e⁻ˣ) of float32: where that overflows it is 0, which is what float32 keeps of it long before.

    Of float64 e^min(x, 0) / (1 + e^−|x|): a second exponential takes less time than a choice for each number.
    """
    if x.itemsize > 4:
        return np.asarray(np.exp(np.minimum(x, 0)) / (1 + decay(x, 0)))
    e = wide(x, 0)
    np.negative(e, out=e)
    np.exp(e, out=e)
    e += 1
    return np.divide(1, e, out=e)


def sigmoid_vjp(cotangent: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    r"""Pull a cotangent ḡ of `sigmoid` back to its input.

    $$\bar x = \bar g\,\sigma(x)\,\sigma(-x)$$

    Args:
        cotangent: the shape of x, floats.
        x: as given to `sigmoid`.

    Returns:
        The shape of x in the dtype of the cotangent.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes differ; the message gives them.

    Examples:
        >>> mc.sigmoid_vjp([1.0, 1.0], x=[0.0, 2.0])
        array([0.25      , 0.10499359])
    """
    return pulled_back(_sigmoid_slope, cotangent, x)


def _sigmoid_slope(x: Array) -> Array:
    e = decay(x, 0)
    below = np.add(e, 1, out=thread_float64(1, x.shape))
    e /= below
    e /= below
    return e


def softplus(x: npt.ArrayLike) -> Array:
    r"""A ReLU without the kink.

    $$\operatorname{softplus}(x) = \ln(1 + e^x)$$

    Args:
        x: any shape, floats.

    Returns:
        The shape and dtype of x. No exponential overflows, and small results keep their digits.

    Raises:
        TypeError: if x is not floating.

    Source:
        Dugas et al., Incorporating second-order functional knowledge for better option pricing (2000).

    Examples:
        >>> mc.softplus([-1.0, 0.0, 1.0])
        array([0.31326169, 0.69314718, 1.31326169])
    """
    return evaluated(_softplus, x)


def _softplus(x: Array) -> Array:
    log, full = decay(x, 0), wide(x, 1)
    np.log1p(log, out=log)
    np.clip(full, 0, None, out=full)
    full += log
    return full


def softplus_vjp(cotangent: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    r"""Pull a cotangent ḡ of `softplus` back to its input: the derivative is the logistic function.

    $$\bar x = \bar g\,\sigma(x)$$

    Args:
        cotangent: the shape of x, floats.
        x: as given to `softplus`.

    Returns:
        The shape of x in the dtype of the cotangent.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes differ; the message gives them.

    Examples:
        >>> mc.softplus_vjp([2.0, 2.0], x=[0.0, 2.0])
        array([1.        , 1.76159416])
    """
    return pulled_back(_sigmoid, cotangent, x)


def silu(x: npt.ArrayLike) -> Array:
    r"""A number times its logistic function, also called swish.

    $$\operatorname{silu}(x) = x\,\sigma(x) = \frac{x}{1 + e^{-x}}$$

    Args:
        x: any shape, floats.

    Returns:
        The shape and dtype of x. The left tail keeps its digits, and at −∞ it is 0, the limit.

    Raises:
        TypeError: if x is not floating.

    Source:
        Hendrycks & Gimpel, Gaussian Error Linear Units, arXiv:1606.08415, §5; Ramachandran, Zoph & Le, Searching for
        Activation Functions, arXiv:1710.05941.

    Examples:
        >>> mc.silu([-2.0, 0.0, 2.0])
        array([-0.23840584,  0.        ,  1.76159416])
    """
    return evaluated(lambda x: value(x, SILU), x)


def silu_vjp(cotangent: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    r"""Pull a cotangent ḡ of `silu` back to its input.

    $$\bar x = \bar g\,\sigma(x)\,\big(1 + x\,\sigma(-x)\big)$$

    Args:
        cotangent: the shape of x, floats.
        x: as given to `silu`.

    Returns:
        The shape of x in the dtype of the cotangent.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes differ; the message gives them.

    Examples:
        >>> mc.silu_vjp([1.0, 1.0], x=[0.0, 2.0])
        array([0.5       , 1.09078425])
    """
    return pulled_back(lambda x: slope(x, SILU), cotangent, x)
