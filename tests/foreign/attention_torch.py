"""Attention in PyTorch: the fused one in both layouts, by hand, in blocks, and gradients by autograd."""

import math

import torch
import torch.nn.functional as F  # noqa: N812  (everybody's name for it)

from mathcore.verify import Conventions, Target


def fused(query, key, value, *, mask=None, bias=None, is_causal=False, scale=None):
    """`F.scaled_dot_product_attention`, which takes one of mask, bias and `is_causal`."""
    if sum((mask is not None, bias is not None, bool(is_causal))) > 1:
        raise NotImplementedError("mask, bias and is_causal exclude one another")
    return F.scaled_dot_product_attention(
        query, key, value, bias if mask is None else mask, is_causal=is_causal, scale=scale,
        enable_gqa=query.ndim > 2 and query.shape[-3] != key.shape[-3],
    )  # fmt: skip


def fused_time_first(query, key, value, *, mask=None, is_causal=False, scale=None):
    """The same for (batch, time, heads, width)."""
    if query.ndim < 3:
        return fused(query, key, value, mask=mask, is_causal=is_causal, scale=scale)
    q, k, v = (x.transpose(-3, -2) for x in (query, key, value))
    return fused(q, k, v, mask=mask, is_causal=is_causal, scale=scale).transpose(-3, -2)


def every_option(
    query, key, value, *, mask=None, bias=None, is_causal=False, query_offset=0, scale=None, return_lse=False
):
    """From the formula, in float64."""
    q, k, v = query.double(), key.double(), value.double()
    if q.ndim > 2 and q.shape[-3] != k.shape[-3]:
        k, v = (t.repeat_interleave(q.shape[-3] // t.shape[-3], dim=-3) for t in (k, v))
    scores = q @ k.transpose(-1, -2) * (1 / math.sqrt(max(q.shape[-1], 1)) if scale is None else scale)
    if bias is not None:
        scores = scores + bias
    keep = torch.ones(scores.shape, dtype=torch.bool) if mask is None else mask.expand(scores.shape)
    if is_causal:
        last = torch.arange(scores.shape[-2])[:, None] + int(query_offset)
        keep = keep & (torch.arange(scores.shape[-1]) <= last)
    scores = scores.masked_fill(~keep, -math.inf)
    seen = (scores > -math.inf).any(-1, keepdim=True)  # a row of −∞ alone would have a gradient of NaN
    lse = torch.logsumexp(torch.where(seen, scores, 0.0), -1, keepdim=True)
    weights = torch.where(seen, torch.exp(scores - lse), 0.0)
    output = (weights @ v).to(query.dtype)
    return (output, lse.masked_fill(~seen, -math.inf)[..., 0].float()) if return_lse else output


def causal_self_attention(query, key, value, *, is_causal=False):
    """As in small GPTs: a lower triangle, `masked_fill`, softmax in float32."""
    if query.shape[:-2] != key.shape[:-2]:
        raise NotImplementedError("query heads that share a key head")
    att = query @ key.transpose(-2, -1) * (1.0 / math.sqrt(key.size(-1)))
    if is_causal:
        tril = torch.tril(torch.ones(att.shape[-2:], dtype=torch.bool))
        att = att.masked_fill(~tril, float("-inf"))
    att = F.softmax(att, dim=-1, dtype=torch.promote_types(att.dtype, torch.float32)).to(query.dtype)
    return att @ value


def eager(query, key, value, *, bias=None, scale=None):
    """As Transformers' eager attention: key heads repeated, a mask that is added, softmax in float32."""
    if query.ndim > 2:
        n_rep = query.shape[-3] // key.shape[-3]
        key, value = (torch.repeat_interleave(t, n_rep, dim=-3) for t in (key, value))
    scaling = query.shape[-1] ** -0.5 if scale is None else scale
    weights = torch.matmul(query, key.transpose(-2, -1)) * scaling
    if bias is not None:
        weights = weights + bias
    weights = F.softmax(weights, dim=-1, dtype=torch.promote_types(torch.float32, weights.dtype)).to(query.dtype)
    return torch.matmul(weights, value)


def accumulated_in_float32(query, key, value, *, mask=None, is_causal=False, query_offset=0, return_lse=False):
    """Halves go to float32 at once and back at the end."""
    q, k, v = query.float(), key.float(), value.float()
    if q.ndim > 2:
        k, v = (t.repeat_interleave(q.shape[-3] // t.shape[-3], dim=-3) for t in (k, v))
    scores = torch.einsum("...qd,...kd->...qk", q, k) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    if is_causal:
        i = torch.arange(q.shape[-2])[:, None] + query_offset
        scores = scores.masked_fill(torch.arange(k.shape[-2]) > i, -math.inf)
    out = torch.nan_to_num(torch.softmax(scores, -1)) @ v
    return (out.to(query.dtype), torch.logsumexp(scores, -1)) if return_lse else out.to(query.dtype)


def flash(query, key, value, *, is_causal=False, query_offset=0, scale=None, return_lse=False):
    """Tiles of 16 queries and 32 keys, the softmax online, as in the paper."""
    wide = torch.promote_types(query.dtype, torch.float32)
    q, k, v = (t.to(wide) for t in (query, key, value))
    if q.ndim > 2:
        k, v = (t.repeat_interleave(q.shape[-3] // t.shape[-3], dim=-3) for t in (k, v))
    factor = q.shape[-1] ** -0.5 if scale is None else scale
    outputs, lses = [], []
    for begin in range(0, q.shape[-2], 16):
        tile = q[..., begin : begin + 16, :]
        m = torch.full((*tile.shape[:-1], 1), -math.inf, dtype=wide)
        total, acc = torch.zeros_like(m), torch.zeros(*tile.shape[:-1], v.shape[-1], dtype=wide)
        for start in range(0, k.shape[-2], 32):
            s = tile @ k[..., start : start + 32, :].transpose(-1, -2) * factor
            if is_causal:
                i = begin + query_offset + torch.arange(tile.shape[-2])[:, None]
                s = s.masked_fill(start + torch.arange(s.shape[-1]) > i, -math.inf)
            new = torch.maximum(m, s.amax(-1, keepdim=True))
            safe = new.masked_fill(new == -math.inf, 0.0)
            p, alpha = torch.exp(s - safe), torch.exp(m - safe)
            total = alpha * total + p.sum(-1, keepdim=True)
            acc, m = alpha * acc + p @ v[..., start : start + 32, :], new
        outputs.append(acc / torch.where(total == 0, 1.0, total))
        lses.append((m + torch.log(total))[..., 0])
    output = torch.cat(outputs, -2).to(query.dtype)
    return (output, torch.cat(lses, -1)) if return_lse else output


def fused_backward(cotangent, query, key, value, *, mask=None, bias=None, is_causal=False, scale=None):
    """What autograd makes of the fused one."""
    leaves = [x.detach().requires_grad_() for x in (query, key, value)]
    out = fused(*leaves, mask=mask, bias=bias, is_causal=is_causal, scale=scale)
    return torch.autograd.grad(out, leaves, cotangent)


def every_option_backward(
    cotangent, query, key, value, *, mask=None, bias=None, is_causal=False, query_offset=0, scale=None
):
    leaves = [x.detach().requires_grad_() for x in (query, key, value)]
    out = every_option(*leaves, mask=mask, bias=bias, is_causal=is_causal, query_offset=query_offset, scale=scale)
    return torch.autograd.grad(out, leaves, cotangent)


LAX = Conventions(errors="none", hidden_values="finite")
STEPWISE = Conventions(errors="none", hidden_values="finite", half_precision="stepwise")
HALVES = ("bfloat16", "float16")
TARGETS = (
    Target.torch("attention, torch, fused", scaled_dot_product_attention=fused, dtypes=("float64", "float32"),
                 conventions=LAX),
    Target.torch("attention, torch, fused, halves", scaled_dot_product_attention=fused, dtypes=HALVES,
                 conventions=STEPWISE),  # the CPU's kernel rounds e^(s - max) before it multiplies the values
    Target.torch("attention, torch, fused, time first", scaled_dot_product_attention=fused_time_first,
                 dtypes="float32",
                 conventions=Conventions(errors="none", attention_layout="time-first", hidden_values="finite")),
    Target.torch("attention, torch, every option", scaled_dot_product_attention=every_option, dtypes="float32",
                 conventions=LAX),
    Target.torch("attention, torch, causal", scaled_dot_product_attention=causal_self_attention,
                 dtypes=("float64", "float32"), conventions=LAX),
    Target.torch("attention, torch, causal, halves", scaled_dot_product_attention=causal_self_attention, dtypes=HALVES,
                 conventions=STEPWISE),
    Target.torch("attention, torch, eager", scaled_dot_product_attention=eager, dtypes=("float64", "float32"),
                 conventions=Conventions(errors="none", attention_of_nothing="nan", hidden_values="finite")),
    Target.torch("attention, torch, halves in float32", scaled_dot_product_attention=accumulated_in_float32,
                 dtypes=(*HALVES, "float32"), conventions=LAX),
    Target.torch("attention, torch, tiles", scaled_dot_product_attention=flash, dtypes=("float32", "float16"),
                 conventions=LAX),
    Target.torch("attention, torch, autograd of the fused", scaled_dot_product_attention=fused,
                 scaled_dot_product_attention_vjp=fused_backward, dtypes=("float64", "float32"), conventions=LAX),
    Target.torch("attention, torch, autograd", scaled_dot_product_attention=every_option,
                 scaled_dot_product_attention_vjp=every_option_backward, dtypes="float32", conventions=LAX),
)  # fmt: skip
