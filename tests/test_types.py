"""Results whose type depends on an option: mypy and basedpyright check what is asserted here, and so does a run."""

from typing import Any, assert_type

import numpy as np
import pytest
from numpy.typing import NDArray

import mathcore as mc

Array = NDArray[Any]
X, W, B = np.ones((3, 2)), np.ones((2, 4)), np.ones(4)


def test_logsumexp() -> None:
    assert assert_type(mc.logsumexp(X), Array).shape == (3,)
    assert len(assert_type(mc.logsumexp(X, return_sign=True), tuple[Array, Array])) == 2
    assert assert_type(mc.logsumexp(X, (0, 1), return_sign=False), Array).shape == ()


def test_linear_vjp() -> None:
    g = mc.linear(X, W)
    assert len(assert_type(mc.linear_vjp(g, X, W), tuple[Array, Array])) == 2
    assert len(assert_type(mc.linear_vjp(g, X, W, B), tuple[Array, Array, Array])) == 3


@pytest.mark.parametrize("attention", [mc.scaled_dot_product_attention, mc.blockwise_attention])
def test_attention_of_any_kind(attention: Any) -> None:
    assert len(attention(X, X, X, return_lse=True)) == 2


def test_attention() -> None:
    assert assert_type(mc.scaled_dot_product_attention(X, X, X), Array).shape == (3, 2)
    assert len(assert_type(mc.scaled_dot_product_attention(X, X, X, return_lse=True), tuple[Array, Array])) == 2
    assert assert_type(mc.blockwise_attention(X, X, X), Array).shape == (3, 2)
    assert len(assert_type(mc.blockwise_attention(X, X, X, return_lse=True), tuple[Array, Array])) == 2


def test_of_an_option_that_is_not_known() -> None:
    either = bool(X.size)
    assert_type(mc.logsumexp(X, return_sign=either), Array | tuple[Array, Array])
    assert_type(mc.scaled_dot_product_attention(X, X, X, return_lse=either), Array | tuple[Array, Array])
