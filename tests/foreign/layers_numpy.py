"""Norms, linear layers, embeddings, ReLU, cosine and low rank in NumPy."""

import numpy as np

from mathcore.verify import Conventions, Target


def wide(x):
    """Halves are computed in float32."""
    return x.astype(np.result_type(x.dtype, np.float32))


def rms_norm(x, weight, *, epsilon=1e-6):
    return (x / np.sqrt((x * x).mean(-1, keepdims=True) + x.dtype.type(epsilon)) * weight).astype(x.dtype)


def rms_norm_vjp(cotangent, x, weight, *, epsilon=1e-6):
    r = 1 / np.sqrt((x * x).mean(-1, keepdims=True) + x.dtype.type(epsilon))
    g = cotangent * weight
    dx = r * (g - x * r * r * (g * x).mean(-1, keepdims=True))
    return dx, (cotangent * x * r).reshape(-1, x.shape[-1]).sum(0)


def layer_norm(x, weight, bias, *, epsilon=1e-5):
    h = wide(x)
    mean, variance = h.mean(-1, keepdims=True), h.var(-1, keepdims=True)
    return ((h - mean) / np.sqrt(variance + h.dtype.type(epsilon)) * wide(weight) + wide(bias)).astype(x.dtype)


def layer_norm_vjp(cotangent, x, weight, bias, *, epsilon=1e-5):
    h, g = wide(x), wide(cotangent)
    centred = h - h.mean(-1, keepdims=True)
    r = 1 / np.sqrt((centred * centred).mean(-1, keepdims=True) + h.dtype.type(epsilon))
    normalised, gw = centred * r, g * wide(weight)
    dx = r * (gw - gw.mean(-1, keepdims=True) - normalised * (gw * normalised).mean(-1, keepdims=True))
    rows = (-1, x.shape[-1])
    dw, db = (g * normalised).reshape(rows).sum(0), g.reshape(rows).sum(0)
    return dx.astype(x.dtype), dw.astype(weight.dtype), db.astype(bias.dtype)


def linear(x, weight, bias=None):
    y = wide(x) @ wide(weight)
    return (y if bias is None else y + wide(bias)).astype(x.dtype)


def linear_vjp(cotangent, x, weight, bias=None):
    g = wide(cotangent).reshape(-1, cotangent.shape[-1])
    dx = (g @ wide(weight).T).reshape(x.shape).astype(x.dtype)
    dw = (wide(x).reshape(-1, x.shape[-1]).T @ g).astype(weight.dtype)
    return (dx, dw) if bias is None else (dx, dw, g.sum(0).astype(bias.dtype))


def embedding(ids, weight):
    return weight[ids]


def embedding_vjp(cotangent, ids, weight):
    gradient = np.zeros(weight.shape, np.result_type(weight.dtype, np.float32))
    np.add.at(gradient, ids, cotangent)
    return gradient.astype(weight.dtype)


def one_hot(ids, num_classes):
    return np.eye(num_classes)[ids]


def relu(x):
    return np.maximum(x, 0)


def relu_vjp(cotangent, x):
    return np.where(x > 0, cotangent, 0)


def cosine_similarity(a, b, axis=-1):
    """Both divided by their lengths, then their product."""
    a = wide(a) / np.linalg.norm(wide(a), axis=axis, keepdims=True)
    b = wide(b) / np.linalg.norm(wide(b), axis=axis, keepdims=True)
    return (a * b).sum(axis)


def low_rank(weight, rank):
    u, s, vt = np.linalg.svd(weight, full_matrices=False)
    return u[:, :rank] * s[:rank], vt[:rank]


WIDE = ("float64", "float32")
LAX = Conventions(errors="none")
TARGETS = (
    Target.numpy("RMS norm, NumPy", rms_norm=rms_norm, rms_norm_vjp=rms_norm_vjp, dtypes=WIDE, conventions=LAX),
    Target.numpy("layer norm, NumPy", layer_norm=layer_norm, layer_norm_vjp=layer_norm_vjp, conventions=LAX),
    Target.numpy("linear, NumPy", linear=linear, linear_vjp=linear_vjp, conventions=LAX),
    Target.numpy("embedding, NumPy", embedding=embedding, embedding_vjp=embedding_vjp, one_hot=one_hot,
                 conventions=LAX),
    Target.numpy("ReLU, NumPy", relu=relu, relu_vjp=relu_vjp, conventions=LAX),
    Target.numpy("cosine, NumPy", cosine_similarity=cosine_similarity, dtypes=WIDE,
                 conventions=Conventions(errors="none", cosine_of_nothing="nan")),
    Target.numpy("low rank, NumPy", low_rank=low_rank, dtypes=WIDE, conventions=LAX),
)  # fmt: skip
