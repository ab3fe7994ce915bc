"""Typical bugs, planted in the correct implementations: the claim named must refute each."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Bug:
    """A bug in an operation of a target; `plant` makes the wrong function from the right one."""

    name: str
    file: str
    target: str
    operation: str
    claim: str
    plant: Callable[[Any], Any]

    def planted(self, targets):
        target = next(t for t in targets if t.name == self.target)
        right = target.operations[self.operation]
        wrong = functools.wraps(right)(self.plant(right))  # keeps the signature
        return target.replacing(f"{target.name}, {self.name}", **{self.operation: wrong})


def bug(name, file, target, operation, claim):
    """A bug named and placed; decorates what plants it."""
    return lambda plant: BUGS.append(Bug(name, file, target, operation, claim, plant))


BUGS = []
MIX = "scaled_dot_product_attention"


@bug("sees the next word", "attention_numpy", "attention, NumPy", MIX, "attention.causal_sees_no_future")
def one_ahead(right):
    return lambda *a, query_offset=0, **o: right(*a, query_offset=query_offset + 1, **o)


@bug("scale squared", "attention_torch", "attention, torch, every option", MIX, "attention.anchor")
def scaled_twice(right):
    return lambda q, *a, scale=None, **o: right(q, *a, scale=1 / q.shape[-1] if scale is None else scale, **o)


@bug("last block lost", "attention_numpy", "attention, NumPy, blockwise", MIX, f"{MIX}.any_width")
def tail_dropped(right):
    def wrong(q, k, v, *, mask=None, bias=None, **o):
        n = max(k.shape[-2] - k.shape[-2] % 32, min(k.shape[-2], 32))
        mask, bias = (x if x is None or x.shape[-1] == 1 else x[..., :n] for x in (mask, bias))
        return right(q, k[..., :n, :], v[..., :n, :], mask=mask, bias=bias, **o)

    return wrong


@bug("key gradient not scaled", "attention_numpy", "attention backwards, NumPy", f"{MIX}_vjp",
     f"gradient.of_{MIX}")  # fmt: skip
def key_gradient_unscaled(right):
    def wrong(g, q, *rest, **o):
        dq, dk, dv = right(g, q, *rest, **o)
        return dq, (dk * dk.dtype.type(q.shape[-1] ** 0.5)).astype(dk.dtype), dv

    return wrong


@bug("maximum not subtracted", "scores_numpy", "softmax, NumPy", "softmax", "softmax.never_overflows")
def not_shifted(right):
    return lambda x, axis=-1: np.exp(x) / np.exp(x).sum(axis, keepdims=True)


@bug("axis ignored", "scores_torch", "log-softmax, torch", "log_softmax", "log_softmax.any_axis")
def last_axis(right):
    return lambda x, dim=-1: right(x, -1)


@bug("mean over ignored rows too", "scores_torch", "cross-entropy, torch", "cross_entropy", "cross_entropy.deletion")
def divided_by_all(right):
    def wrong(logits, targets, *, ignore_index=None, reduction="mean", **o):
        if reduction != "mean" or ignore_index is None or not targets.numel():
            return right(logits, targets, ignore_index=ignore_index, reduction=reduction, **o)
        return right(logits, targets, ignore_index=ignore_index, reduction="sum", **o) / targets.numel()

    return wrong


@bug("mean of the cotangent forgotten", "scores_jax", "softmax, JAX", "softmax_vjp", "softmax.gradient")
def cotangent_times_p(right):
    return lambda g, x, axis=-1: g * right.__wrapped__.__globals__["softmax"](x, axis)


@bug("epsilon outside the root", "layers_torch", "RMS norm by rsqrt, torch", "rms_norm", "rms_norm.is_the_formula")
def epsilon_outside(right):
    return lambda x, w, *, epsilon=1e-6: right(x, w, epsilon=epsilon**2)


@bug("repeated ids not added", "layers_numpy", "embedding, NumPy", "embedding_vjp", "embedding.gradient")
def overwritten(right):
    def wrong(g, ids, weight):
        gradient = np.zeros_like(weight)
        gradient[ids] = g
        return gradient

    return wrong


@bug("positions from one", "transformers_models", "RoPE of Llama, Transformers", "rope", "rope.anchor")
def one_late(right):
    def wrong(x, positions=None, **o):
        counted = np.arange(x.shape[-2]) if positions is None else positions.numpy()
        return right(x, torch.from_numpy(counted + 1), **o)

    import torch

    return wrong


@bug("bias not corrected", "training_numpy", "Adam, NumPy", "adam_step", "training.adam_corrects_its_bias")
def uncorrected(right):
    return lambda params, grads, state, **o: right(params, grads, {**state, "t": state["t"] + 1000}, **o)


@bug("never merged", "byte_pairs", "byte pairs, tokenizers", "byte_pair_tokenizer", "bpe.merges_by_rank")
def bytes_alone(right):
    def wrong(text, num_merges):
        tokenizer = right(text, num_merges)
        tokenizer.merged = list
        return tokenizer

    return wrong
