"""GELU: a number times the share of a normal distribution that lies below it, and two ways to approximate that."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array
from mathcore._scalars import choice
from mathcore.layers._activation import (
    Form,
    Gaussian,
    Logistic,
    Pair,
    evaluated,
    exact_product,
    exact_sum,
    pulled_back,
    slope,
    value,
)

Approximation: TypeAlias = Literal["none", "tanh", "quick"]

# Constants and what float64 lacks of them: 2√(2/π), 0.044715 times that, and 1.702.
_ROOT, _ROOT_LOW = 1.5957691216057308, -9.96930880911092e-17
_CUBE, _CUBE_LOW = 0.07135481627260025, -6.175149918155315e-19
_QUICK, _QUICK_LOW = 1.702, 4.263256414560601e-17


def gelu(x: npt.ArrayLike, *, approximate: Approximation = "none") -> Array:
    r"""A number times the probability that a normal variable lies below it.

    $$\operatorname{gelu}(x) = x\,\Phi(x) = \frac x2 \Big(1 + \operatorname{erf}\frac{x}{\sqrt 2}\Big)$$

    Args:
        x: any shape, floats.
        approximate: "none" for the formula above; "tanh" for
            $\frac x2 \big(1 + \tanh \sqrt{2/\pi}\,(x + 0.044715\,x^3)\big)$, which is off by up to 0.00048; "quick" for
            $x\,\sigma(1.702\,x)$, which is off by up to 0.0204.

    Returns:
        The shape and dtype of x. The left tail keeps its digits, and at −∞ it is 0, the limit.

    Raises:
        TypeError: if x is not floating.
        ValueError: if there is no such approximation.

    Source:
        Hendrycks & Gimpel, Gaussian Error Linear Units, arXiv:1606.08415, §2 and §5.

    Examples:
        >>> mc.gelu([-1.0, 0.0, 1.0])
        array([-0.15865525,  0.        ,  0.84134475])
        >>> mc.gelu([-1.0, 0.0, 1.0], approximate="tanh")
        array([-0.15880801,  0.        ,  0.84119199])
    """
    form = form_of_gelu(approximate)
    return evaluated(lambda x: value(x, form), x)


def gelu_vjp(cotangent: npt.ArrayLike, x: npt.ArrayLike, *, approximate: Approximation = "none") -> Array:
    r"""Pull a cotangent ḡ of `gelu` back to its input.

    $$\bar x = \bar g\,\big(\Phi(x) + x\,\varphi(x)\big), \qquad \varphi(x) = \frac{e^{-x^2/2}}{\sqrt{2\pi}}$$

    Args:
        cotangent: the shape of x, floats.
        x, approximate: as given to `gelu`. The derivative is that of the approximation.

    Returns:
        The shape of x in the dtype of the cotangent.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes differ; the message gives them. If there is no such approximation.

    Examples:
        >>> mc.gelu_vjp([1.0, 1.0], x=[0.0, 1.0])
        array([0.5       , 1.08331547])
    """
    form = form_of_gelu(approximate)
    return pulled_back(lambda x: slope(x, form), cotangent, x)


def form_of_gelu(approximate: str) -> Form:
    """The form of an approximation.

    Raises:
        ValueError: if there is none of that name.
    """
    choice("approximate", approximate, tuple(_FORMS))
    return _FORMS[approximate]


def _cubic(z: Array) -> Pair:
    """2√(2/π) (z + 0.044715 z³) = z (2√(2/π) + 2√(2/π) 0.044715 z²): twice what tanh is taken of."""
    square, square_low = exact_product(z, z)
    term, term_low = exact_product(square, _CUBE)
    bracket, lost = exact_sum(_ROOT, term)
    y, low = exact_product(z, bracket)
    return y, low + z * (lost + term_low + _CUBE * square_low + _CUBE_LOW * square + _ROOT_LOW)


def _minus_cubic(x: Array, out: Array) -> None:
    np.multiply(x, x, out=out)
    out *= -_CUBE
    out -= _ROOT
    out *= x


def _steeper(z: Array) -> Pair:
    """1.702 z."""
    y, low = exact_product(z, _QUICK)
    return y, low + _QUICK_LOW * z


_FORMS: dict[str, Form] = {
    "none": Gaussian(),
    "tanh": Logistic(25.0, _cubic, _minus_cubic, lambda z: z * (_ROOT + 3 * _CUBE * z * z)),
    "quick": Logistic(480.0, _steeper, lambda x, out: np.multiply(x, -_QUICK, out=out), lambda z: _QUICK * z),
}
