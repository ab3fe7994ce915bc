"""PaddlePaddle: `paddle.nn.functional`, its neighbours and their gradients, on the CPU, without label smoothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F  # noqa: N812  (everybody's name for it)

from mathcore.verify import Conventions, Target
from mathcore.verify.errors import NotTriedError
from mathcore.verify.targets.adapters import Script

PACKAGES = ("paddlepaddle",)
NAMES = {
    "softmax": "paddle.nn.functional.softmax",
    "log_softmax": "paddle.nn.functional.log_softmax",
    "logsumexp": "paddle.logsumexp",
    "argmax": "paddle.argmax",
    "relu": "paddle.nn.functional.relu",
    "cross_entropy": "paddle.nn.functional.cross_entropy",
    "linear": "paddle.nn.functional.linear",
    "embedding": "paddle.nn.functional.embedding",
    "scaled_dot_product_attention": "paddle.nn.functional.scaled_dot_product_attention",
}


def pulled_back(cotangent: Any, function: Any, x: Any) -> Any:
    """What Paddle makes of a cotangent."""
    leaf = x.detach()
    leaf.stop_gradient = False
    return paddle.grad(function(leaf), leaf, cotangent)[0]


def softmax(x: Any, axis: int = -1) -> Any:
    return F.softmax(x, axis)


def softmax_vjp(cotangent: Any, x: Any, axis: int = -1) -> Any:
    return pulled_back(cotangent, lambda leaf: F.softmax(leaf, axis), x)


def log_softmax(x: Any, axis: int = -1) -> Any:
    return F.log_softmax(x, axis)


def log_softmax_vjp(cotangent: Any, x: Any, axis: int = -1) -> Any:
    return pulled_back(cotangent, lambda leaf: F.log_softmax(leaf, axis), x)


def logsumexp(x: Any, axis: int = -1, *, keepdims: bool = False) -> Any:
    return paddle.logsumexp(x, axis, keepdims)


def logsumexp_vjp(cotangent: Any, x: Any, axis: int = -1, *, keepdims: bool = False) -> Any:
    return pulled_back(cotangent, lambda leaf: paddle.logsumexp(leaf, axis, keepdims), x)


def argmax(x: Any, axis: int = -1) -> Any:
    return paddle.argmax(x, axis)


def relu(x: Any) -> Any:
    return F.relu(x)


def relu_vjp(cotangent: Any, x: Any) -> Any:
    return pulled_back(cotangent, F.relu, x)


def cross_entropy(
    logits: Any, targets: Any, *, axis: int = -1, ignore_index: int | None = None, reduction: str = "mean"
) -> Any:
    if logits.ndim < 2:
        raise NotTriedError("cross_entropy", "logits of one axis")
    ignored = -100 if ignore_index is None else ignore_index
    return F.cross_entropy(logits, targets.astype("int64"), ignore_index=ignored, reduction=reduction, axis=axis)


def cross_entropy_vjp(
    cotangent: Any,
    logits: Any,
    targets: Any,
    *,
    axis: int = -1,
    ignore_index: int | None = None,
    reduction: str = "mean",
) -> Any:
    options: dict[str, Any] = {"axis": axis, "ignore_index": ignore_index, "reduction": reduction}
    return pulled_back(cotangent, lambda leaf: cross_entropy(leaf, targets, **options), logits)


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    return F.linear(x, weight, bias)


def embedding(ids: Any, weight: Any) -> Any:
    return F.embedding(ids, weight)


def embedding_vjp(cotangent: Any, ids: Any, weight: Any) -> Any:
    return pulled_back(cotangent, lambda leaf: F.embedding(ids, leaf), weight)


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    *,
    mask: Any = None,
    bias: Any = None,
    is_causal: bool = False,
    scale: float | None = None,
) -> Any:
    if query.ndim not in (3, 4) or sum([mask is not None, bias is not None, is_causal]) > 1:
        raise NotTriedError(
            "scaled_dot_product_attention", "other than 3 or 4 axes, two of `mask`, `bias`, `is_causal`"
        )
    extra = bias if mask is None else mask
    return F.scaled_dot_product_attention(query, key, value, extra, is_causal=is_causal, scale=scale)


def to_native(x: Any) -> Any:
    """A tensor of an array."""
    return paddle.to_tensor(np.array(x, order="C"))


def to_numpy(value: Any) -> Any:
    """An array of a tensor."""
    if isinstance(value, (paddle.Tensor, np.ndarray, np.generic, bool, int, float)):
        return np.array(value)
    raise TypeError("not a tensor")


TARGET = Target.converting(
    "PaddlePaddle",
    to_native,
    to_numpy,
    softmax=softmax,
    softmax_vjp=softmax_vjp,
    log_softmax=log_softmax,
    log_softmax_vjp=log_softmax_vjp,
    logsumexp=logsumexp,
    logsumexp_vjp=logsumexp_vjp,
    argmax=argmax,
    relu=relu,
    relu_vjp=relu_vjp,
    cross_entropy=cross_entropy,
    cross_entropy_vjp=cross_entropy_vjp,
    linear=linear,
    embedding=embedding,
    embedding_vjp=embedding_vjp,
    scaled_dot_product_attention=scaled_dot_product_attention,
    dtypes=("float64", "float32"),
    conventions=Conventions(
        softmax_of_nothing="nan", argmax_nan="ignored", attention_of_nothing="nan", attention_layout="time-first"
    ),
)
TARGET = replace(
    TARGET, adapter=replace(TARGET.adapter, script=Script("import paddle", "paddle.to_tensor({})", "np.array({})"))
)
