"""The logistic function, the function that it is the derivative of, and the activation that it makes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array
from mathcore.layers._activation import Logistic, decay, evaluated, pulled_back, slope, value, wide

_SILU = Logistic(800.0, lambda z, _: (z, 0.0), lambda z: z)


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
    """e^min(x, 0) / (1 + e^−|x|): a second exponential takes less time than a choice for each number."""
    return np.asarray(np.exp(np.minimum(wide(x), 0)) / (1 + decay(x)))


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
    e = decay(x)
    return np.asarray(e / (1 + e) / (1 + e))


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
    return np.asarray(np.maximum(wide(x), 0) + np.log1p(decay(x)))


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
    return evaluated(lambda x: value(x, _SILU), x)


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
    return pulled_back(lambda x: slope(x, _SILU), cotangent, x)
