"""Norms, linear layers, embeddings and ReLU in PyTorch and JAX's neighbours: `torch.nn.functional`, Transformers."""

import torch
import torch.nn.functional as F  # noqa: N812  (everybody's name for it)

from mathcore.verify import Conventions, Target


def pulled_back(cotangent, function, *inputs):
    """What autograd makes of a cotangent."""
    leaves = [x.detach().requires_grad_() for x in inputs]
    found = torch.autograd.grad(function(*leaves), leaves, cotangent)
    return found if len(found) > 1 else found[0]


def rms_norm(x, weight, *, epsilon=1e-6):
    return F.rms_norm(x, x.shape[-1:], weight, epsilon)


def rms_norm_vjp(cotangent, x, weight, *, epsilon=1e-6):
    return pulled_back(cotangent, lambda h, w: rms_norm(h, w, epsilon=epsilon), x, weight)


def by_rsqrt(x, weight, *, epsilon=1e-6):
    """Everything in float32, rounded once."""
    h = x.float()
    return (h * torch.rsqrt(h.square().mean(-1, keepdim=True) + epsilon) * weight.float()).to(x.dtype)


def llama_rms_norm(x, weight, *, epsilon=1e-6):
    """As Transformers' LlamaRMSNorm: rounded to halves before the weight."""
    h = x.to(torch.float32)
    h = h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + epsilon)
    return weight * h.to(x.dtype)


def add_rms_norm(x, residual, weight, *, epsilon=1e-6):
    """As the fallback of vLLM: added in float32, and the sum that the norm is of is not rounded."""
    h = x.to(torch.float32) + residual.to(torch.float32)
    norm = (h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + epsilon)).to(x.dtype)
    return norm * weight, h.to(x.dtype)


def l2_norm(x, *, axis=-1, epsilon=1e-12):
    return F.normalize(x, dim=axis, eps=epsilon)


def l2_norm_vjp(cotangent, x, *, axis=-1, epsilon=1e-12):
    return pulled_back(cotangent, lambda h: l2_norm(h, axis=axis, epsilon=epsilon), x)


def layer_norm(x, weight, bias, *, epsilon=1e-5):
    return F.layer_norm(x, x.shape[-1:], weight, bias, epsilon)


def layer_norm_vjp(cotangent, x, weight, bias, *, epsilon=1e-5):
    return pulled_back(cotangent, lambda h, w, b: layer_norm(h, w, b, epsilon=epsilon), x, weight, bias)


def group_norm(x, num_groups, weight, bias, *, epsilon=1e-5):
    if x.numel() == num_groups:
        raise NotImplementedError("one image whose groups hold one number each")
    return F.group_norm(x, num_groups, weight, bias, epsilon)


def group_norm_vjp(cotangent, x, num_groups, weight, bias, *, epsilon=1e-5):
    norm = lambda h, w, b: group_norm(h, num_groups, w, b, epsilon=epsilon)  # noqa: E731
    return pulled_back(cotangent, norm, x, weight, bias)


def by_var_mean(x, weight, bias, *, epsilon=1e-5):
    variance, mean = torch.var_mean(x, -1, correction=0, keepdim=True)
    return (x - mean) * torch.rsqrt(variance + epsilon) * weight + bias


def linear(x, weight, bias=None):
    return F.linear(x, weight, bias)


def linear_vjp(cotangent, x, weight, bias=None):
    return pulled_back(cotangent, F.linear, *((x, weight) if bias is None else (x, weight, bias)))


def embedding(ids, weight):
    return F.embedding(ids, weight)


def embedding_vjp(cotangent, ids, weight):
    return pulled_back(cotangent, lambda leaf: F.embedding(ids, leaf), weight)


def one_hot(ids, num_classes):
    return F.one_hot(ids.long(), num_classes).double()


def relu(x):
    return F.relu(x)


def relu_vjp(cotangent, x):
    return pulled_back(cotangent, F.relu, x)


def cosine_similarity(a, b, axis=-1):
    return F.cosine_similarity(a, b, axis)


def cosine_similarity_vjp(cotangent, a, b, axis=-1):
    return pulled_back(cotangent, lambda left, right: F.cosine_similarity(left, right, axis), a, b)


def low_rank(weight, rank):
    u, s, v = torch.svd(weight)
    return u[:, :rank] * s[:rank], v[:, :rank].mT


WIDE, HALVES = ("float64", "float32"), ("bfloat16", "float16")
LAX = Conventions(errors="none")
TARGETS = (
    Target.torch("RMS norm, torch", rms_norm=rms_norm, rms_norm_vjp=rms_norm_vjp, dtypes=WIDE,
                 conventions=LAX),
    Target.torch("RMS norm by rsqrt, torch", rms_norm=by_rsqrt, dtypes=("float32", *HALVES), conventions=LAX),
    Target.torch("RMS norm of halves, torch", rms_norm=rms_norm, dtypes=HALVES, conventions=LAX),
    Target.torch("RMS norm of halves as Llama's, torch", rms_norm=llama_rms_norm, dtypes=HALVES,
                 conventions=Conventions(errors="none", rms_norm_rounding="before-weight")),
    Target.torch("add and RMS norm, torch", add_rms_norm=add_rms_norm, dtypes=("float32", *HALVES),
                 conventions=Conventions(errors="none", rms_norm_rounding="before-weight")),
    Target.torch("group norm, torch", group_norm=group_norm, group_norm_vjp=group_norm_vjp, dtypes=WIDE,
                 conventions=LAX),
    Target.torch("L2 norm, torch", l2_norm=l2_norm, l2_norm_vjp=l2_norm_vjp, dtypes=WIDE, conventions=LAX),
    Target.torch("layer norm, torch", layer_norm=layer_norm, layer_norm_vjp=layer_norm_vjp, dtypes=WIDE,
                 conventions=LAX),
    Target.torch("layer norm of halves, torch", layer_norm=layer_norm, dtypes=HALVES),
    Target.torch("layer norm by var_mean, torch", layer_norm=by_var_mean, dtypes=WIDE, conventions=LAX),
    Target.torch("linear, torch", linear=linear, linear_vjp=linear_vjp, dtypes=WIDE,
                 conventions=Conventions(errors="none", linear_weight="out-in")),
    Target.torch("linear of halves, torch", linear=linear, dtypes=HALVES,
                 conventions=Conventions(errors="none", linear_weight="out-in")),  # a bias () is added to all outputs
    Target.torch("embedding, torch", embedding=embedding, embedding_vjp=embedding_vjp, one_hot=one_hot, dtypes=WIDE,
                 conventions=LAX),
    Target.torch("ReLU, torch", relu=relu, relu_vjp=relu_vjp, conventions=LAX),
    Target.torch("cosine, torch", cosine_similarity=cosine_similarity, cosine_similarity_vjp=cosine_similarity_vjp,
                 dtypes=WIDE, conventions=Conventions(errors="none", cosine_floor=1e-8)),
    Target.torch("low rank, torch", low_rank=low_rank, dtypes=WIDE, conventions=LAX),
)  # fmt: skip
