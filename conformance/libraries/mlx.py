"""MLX: its kernels on the CPU, in float32. Log-softmax of a single class is not asked: it corrupts memory, as seen."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import mlx.core as mx
import numpy as np
from mlx import nn

from mathcore.verify import Conventions, Target
from mathcore.verify.errors import NotTriedError
from mathcore.verify.targets.adapters import Script

PACKAGES = ("mlx",)
NAMES = {
    "softmax": "mlx.core.softmax",
    "logsumexp": "mlx.core.logsumexp",
    "log_softmax": "mlx.nn.log_softmax",
    "argmax": "mlx.core.argmax",
    "relu": "mlx.nn.relu",
    "cross_entropy": "mlx.nn.losses.cross_entropy",
    "linear": "mlx.nn.Linear",
    "rope": "mlx.core.fast.rope",
    "rms_norm": "mlx.core.fast.rms_norm",
    "scaled_dot_product_attention": "mlx.core.fast.scaled_dot_product_attention",
}


def pulled_back(cotangent: Any, function: Any, x: Any) -> Any:
    """What MLX makes of a cotangent."""
    return mx.vjp(lambda leaf: [function(leaf)], [x], [cotangent])[1][0]


def softmax(x: Any, axis: int = -1) -> Any:
    return mx.softmax(x, axis)


def softmax_vjp(cotangent: Any, x: Any, axis: int = -1) -> Any:
    return pulled_back(cotangent, lambda leaf: mx.softmax(leaf, axis), x)


def log_softmax(x: Any, axis: int = -1) -> Any:
    if x.shape[axis] < 2 or not x.size:  # (5, 1) ends the process, unless mx.disable_compile() was called
        raise NotTriedError("log_softmax", "a single class, arrays of nothing")
    return nn.log_softmax(x, axis)


def logsumexp(x: Any, axis: int = -1, *, keepdims: bool = False) -> Any:
    if not x.size:
        raise NotTriedError("logsumexp", "arrays of nothing")
    return mx.logsumexp(x, axis, keepdims=keepdims)


def logsumexp_vjp(cotangent: Any, x: Any, axis: int = -1, *, keepdims: bool = False) -> Any:
    if not x.size:
        raise NotTriedError("logsumexp", "arrays of nothing")
    return pulled_back(cotangent, lambda leaf: mx.logsumexp(leaf, axis, keepdims=keepdims), x)


def argmax(x: Any, axis: int = -1) -> Any:
    if not x.size:
        raise NotTriedError("argmax", "arrays of nothing")
    return mx.argmax(x, axis)


def relu(x: Any) -> Any:
    return nn.relu(x)


def relu_vjp(cotangent: Any, x: Any) -> Any:
    return pulled_back(cotangent, nn.relu, x)


def cross_entropy(
    logits: Any, targets: Any, *, axis: int = -1, label_smoothing: float = 0.0, reduction: str = "mean"
) -> Any:
    if label_smoothing == 1 or logits.ndim < 2 or not logits.size:
        raise NotTriedError("cross_entropy", "a label smoothing of 1, logits of one axis, arrays of nothing")
    if not 0 <= targets.min().item() <= targets.max().item() < logits.shape[axis]:  # it reads other memory
        raise NotTriedError("cross_entropy", "targets that are no class, as an index out of bounds is undefined")
    return nn.losses.cross_entropy(logits, targets, axis=axis, label_smoothing=label_smoothing, reduction=reduction)


def cross_entropy_vjp(
    cotangent: Any,
    logits: Any,
    targets: Any,
    *,
    axis: int = -1,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Any:
    options: dict[str, Any] = {"axis": axis, "label_smoothing": label_smoothing, "reduction": reduction}
    return pulled_back(cotangent, lambda leaf: cross_entropy(leaf, targets, **options), logits)


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    if not weight.size:
        raise NotTriedError("linear", "layers without a weight")
    layer = nn.Linear(weight.shape[-1], weight.shape[0], bias=bias is not None)
    layer.weight = weight
    if bias is not None:
        layer.bias = bias
    return layer(x)


def rope(
    x: Any,
    *,
    base: float = 10_000.0,
    interleaved: bool = False,
    rotary_dim: int | None = None,
    offset: int = 0,
) -> Any:
    width = x.shape[-1] if rotary_dim is None else rotary_dim
    if x.ndim < 2 or width % 2 or not 0 < width <= x.shape[-1]:
        raise NotTriedError("rope", "arrays of one axis, odd widths, widths of 0")
    heads = x.reshape(1, math.prod(x.shape[:-2]), *x.shape[-2:])
    turned = mx.fast.rope(heads, width, traditional=interleaved, base=base, scale=1.0, offset=offset)
    return turned.reshape(x.shape)


def rms_norm(x: Any, weight: Any, *, epsilon: float = 1e-6) -> Any:
    return mx.fast.rms_norm(x, weight, epsilon)


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
    if query.ndim > 4 or sum([mask is not None, bias is not None, is_causal]) > 1:
        raise NotTriedError("scaled_dot_product_attention", "more than 4 axes, two of `mask`, `bias`, `is_causal`")
    if not query.size * key.size * value.size:
        raise NotTriedError("scaled_dot_product_attention", "arrays of nothing")
    shape = (*query.shape[:-1], value.shape[-1])
    query, key, value = (x.reshape((1,) * (4 - x.ndim) + x.shape) for x in (query, key, value))
    extra = "causal" if is_causal else bias if mask is None else mask
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    return mx.fast.scaled_dot_product_attention(query, key, value, scale=scale, mask=extra).reshape(shape)


def to_native(x: Any) -> Any:
    """A tensor of an array, whose axes must not run backwards."""
    return mx.array(np.array(x, order="C"))


TARGET = Target.converting(
    "MLX",
    to_native,
    np.array,
    softmax=softmax,
    softmax_vjp=softmax_vjp,
    log_softmax=log_softmax,
    logsumexp=logsumexp,
    logsumexp_vjp=logsumexp_vjp,
    argmax=argmax,
    relu=relu,
    relu_vjp=relu_vjp,
    cross_entropy=cross_entropy,
    cross_entropy_vjp=cross_entropy_vjp,
    linear=linear,
    rope=rope,
    rms_norm=rms_norm,
    scaled_dot_product_attention=scaled_dot_product_attention,
    dtypes=("float32",),
    conventions=Conventions(
        errors="none",
        linear_weight="out-in",
        softmax_of_nothing="nan",
        attention_of_nothing="mean",
        causal_alignment="bottom-right",
        rope_angles="float32",
    ),
)
TARGET = replace(
    TARGET, adapter=replace(TARGET.adapter, script=Script("import mlx.core as mx", "mx.array({})", "np.array({})"))
)
