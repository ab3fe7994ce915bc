"""PyTorch's `MultiheadAttention`, one head whose projections change nothing, so that its attention is left."""

from __future__ import annotations

import math
from typing import Any

import torch

from mathcore.verify import Conventions, Target
from mathcore.verify.errors import NotTriedError

PACKAGES = ("torch",)
NAMES = {"scaled_dot_product_attention": "torch.nn.MultiheadAttention"}


def scaled_dot_product_attention(query: Any, key: Any, value: Any, *, mask: Any = None, bias: Any = None) -> Any:
    width = query.shape[-1]
    if value.shape[-1] != width or not width or query.shape[:-2] != key.shape[:-2]:
        raise NotTriedError("scaled_dot_product_attention", "values of another width, grouped heads, widths of 0")
    if mask is not None and bias is not None:
        raise NotTriedError("scaled_dot_product_attention", "`mask` together with `bias`")
    layer = torch.nn.MultiheadAttention(width, 1, bias=False, batch_first=True, dtype=query.dtype)
    with torch.no_grad():
        layer.in_proj_weight.copy_(torch.eye(width).repeat(3, 1))
        layer.out_proj.weight.copy_(torch.eye(width))
    rows = math.prod(query.shape[:-2])
    extra = bias if mask is None else mask
    if extra is not None:
        extra = extra.expand(*query.shape[:-1], key.shape[-2]).reshape(rows, query.shape[-2], key.shape[-2])
    flat = (x.reshape(rows, *x.shape[-2:]) for x in (query, key, value))
    return layer(*flat, attn_mask=extra, need_weights=False)[0].reshape(query.shape)


TARGET = Target.torch(
    "PyTorch MultiheadAttention",
    scaled_dot_product_attention=scaled_dot_product_attention,
    dtypes=("float64", "float32"),
    conventions=Conventions(mask_polarity="drop"),
)
