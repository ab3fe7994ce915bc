"""PyTorch: `torch.nn.functional`, its neighbours and their gradients, on the CPU."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  (everybody's name for it)

from mathcore.verify import Conventions, Target
from mathcore.verify.errors import NotTriedError

PACKAGES = ("torch",)
NAMES = {
    "softmax": "torch.nn.functional.softmax",
    "log_softmax": "torch.nn.functional.log_softmax",
    "logsumexp": "torch.logsumexp",
    "argmax": "torch.argmax",
    "cross_entropy": "torch.nn.functional.cross_entropy",
    "relu": "torch.nn.functional.relu",
    "linear": "torch.nn.functional.linear",
    "embedding": "torch.nn.functional.embedding",
    "cosine_similarity": "torch.nn.functional.cosine_similarity",
    "rms_norm": "torch.nn.functional.rms_norm",
    "scaled_dot_product_attention": "torch.nn.functional.scaled_dot_product_attention",
}


def pulled_back(cotangent: Any, function: Any, *inputs: Any) -> Any:
    """What autograd makes of a cotangent."""
    leaves = [x.detach().requires_grad_() for x in inputs]
    found = torch.autograd.grad(function(*leaves), leaves, cotangent)
    return found if len(found) > 1 else found[0]


def softmax_vjp(cotangent: Any, x: Any, axis: int = -1) -> Any:
    return pulled_back(cotangent, lambda leaf: F.softmax(leaf, axis), x)


def log_softmax_vjp(cotangent: Any, x: Any, axis: int = -1) -> Any:
    return pulled_back(cotangent, lambda leaf: F.log_softmax(leaf, axis), x)


def logsumexp(x: Any, axis: int = -1, *, keepdims: bool = False) -> Any:
    return torch.logsumexp(x, axis, keepdim=keepdims)


def logsumexp_vjp(cotangent: Any, x: Any, axis: int = -1, *, keepdims: bool = False) -> Any:
    return pulled_back(cotangent, lambda leaf: torch.logsumexp(leaf, axis, keepdim=keepdims), x)


def argmax(x: Any, axis: int = -1) -> Any:
    return torch.argmax(x, axis)


def cross_entropy(
    logits: Any,
    targets: Any,
    *,
    axis: int = -1,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Any:
    classes = logits.movedim(axis, 1 if logits.ndim > 1 else 0)
    ignored = -100 if ignore_index is None else ignore_index
    return F.cross_entropy(
        classes, targets.long(), ignore_index=ignored, label_smoothing=label_smoothing, reduction=reduction
    )


def cross_entropy_vjp(cotangent: Any, logits: Any, targets: Any, **options: Any) -> Any:
    return pulled_back(cotangent, lambda leaf: cross_entropy(leaf, targets, **options), logits)


def relu(x: Any) -> Any:
    return F.relu(x)


def relu_vjp(cotangent: Any, x: Any) -> Any:
    return pulled_back(cotangent, F.relu, x)


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    return F.linear(x, weight, bias)


def linear_vjp(cotangent: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    inputs = (x, weight) if bias is None else (x, weight, bias)
    return pulled_back(cotangent, F.linear, *inputs)


def embedding(ids: Any, weight: Any) -> Any:
    return F.embedding(ids, weight)


def embedding_vjp(cotangent: Any, ids: Any, weight: Any) -> Any:
    return pulled_back(cotangent, lambda leaf: F.embedding(ids, leaf), weight)


def cosine_similarity(a: Any, b: Any, axis: int = -1) -> Any:
    return F.cosine_similarity(a, b, axis)


def cosine_similarity_vjp(cotangent: Any, a: Any, b: Any, axis: int = -1) -> Any:
    return pulled_back(cotangent, lambda left, right: F.cosine_similarity(left, right, axis), a, b)


def rms_norm(x: Any, weight: Any, *, epsilon: float = 1e-5) -> Any:
    return F.rms_norm(x, x.shape[-1:], weight, epsilon)


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
    if is_causal and (mask is not None or bias is not None):
        raise NotTriedError("scaled_dot_product_attention", "`is_causal` together with `mask` or `bias`")
    if mask is not None and bias is not None:
        raise NotTriedError("scaled_dot_product_attention", "`mask` together with `bias`")
    return F.scaled_dot_product_attention(
        query, key, value, bias if mask is None else mask, is_causal=is_causal, scale=scale,
        enable_gqa=query.ndim > 2 and query.shape[-3] != key.shape[-3],
    )  # fmt: skip


TARGET = Target.torch(
    "PyTorch",
    softmax=F.softmax,
    softmax_vjp=softmax_vjp,
    log_softmax=F.log_softmax,
    log_softmax_vjp=log_softmax_vjp,
    logsumexp=logsumexp,
    logsumexp_vjp=logsumexp_vjp,
    argmax=argmax,
    cross_entropy=cross_entropy,
    cross_entropy_vjp=cross_entropy_vjp,
    relu=relu,
    relu_vjp=relu_vjp,
    linear=linear,
    linear_vjp=linear_vjp,
    embedding=embedding,
    embedding_vjp=embedding_vjp,
    cosine_similarity=cosine_similarity,
    cosine_similarity_vjp=cosine_similarity_vjp,
    rms_norm=rms_norm,
    scaled_dot_product_attention=scaled_dot_product_attention,
    dtypes=("float64", "float32"),
    conventions=Conventions(
        softmax_of_nothing="nan",
        cross_entropy_of_nothing=float("nan"),
        relu_slope_at_nan="any",
        linear_weight="out-in",
    ),
)
