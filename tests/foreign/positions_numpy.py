"""Positions in NumPy: RoPE by cosines and sines and by complex numbers, and sinusoidal encodings."""

import numpy as np

from mathcore.verify import Conventions, Target


def wide(x):
    """Halves are computed in float32."""
    return x.astype(np.result_type(x.dtype, np.float32))


def angles(x, positions, base, offset):
    m = np.arange(x.shape[-2]) if positions is None else positions
    frequencies = base ** (-np.arange(0, x.shape[-1], 2) / x.shape[-1])
    return np.multiply.outer(m + offset, frequencies)


def rotate_half(x):
    first, second = np.split(x, 2, axis=-1)
    return np.concatenate([-second, first], axis=-1)


def rope(x, positions=None, *, base=10_000.0, offset=0):
    """The halves of a row make pairs; cosines and sines twice as wide as they need to be."""
    theta = angles(x, positions, base, offset)
    theta = np.concatenate([theta, theta], axis=-1)
    h = wide(x)
    return (h * np.cos(theta).astype(h.dtype) + rotate_half(h) * np.sin(theta).astype(h.dtype)).astype(x.dtype)


def rope_vjp(cotangent, x, positions=None, *, base=10_000.0, offset=0):
    theta = -angles(x, positions, base, offset)
    theta = np.concatenate([theta, theta], axis=-1)
    h = wide(cotangent)
    return (h * np.cos(theta).astype(h.dtype) + rotate_half(h) * np.sin(theta).astype(h.dtype)).astype(x.dtype)


def complex_rope(x, positions=None, *, base=10_000.0, offset=0):
    """Neighbours are the real and the imaginary part of a number, which is turned by a product."""
    z = wide(x)[..., 0::2] + 1j * wide(x)[..., 1::2]
    z = z * np.exp(1j * angles(x, positions, base, offset))
    return np.stack([z.real, z.imag], axis=-1).reshape(x.shape).astype(x.dtype)


def complex_halves(x, positions=None, *, base=10_000.0, offset=0):
    h, half = wide(x), x.shape[-1] // 2
    z = (h[..., :half] + 1j * h[..., half:]) * np.exp(1j * angles(x, positions, base, offset))
    return np.concatenate([z.real, z.imag], axis=-1).astype(x.dtype)


def apply_rope(x, cos, sin, *, interleaved=False):
    d = 2 * cos.shape[-1]
    h, rest = wide(x[..., :d]), x[..., d:]
    cos, sin = cos.astype(h.dtype), sin.astype(h.dtype)
    a, b = (h[..., ::2], h[..., 1::2]) if interleaved else np.split(h, 2, axis=-1)
    pair = (a * cos - b * sin, a * sin + b * cos)
    y = np.stack(pair, -1).reshape(h.shape) if interleaved else np.concatenate(pair, -1)
    return np.concatenate([y.astype(x.dtype), rest], -1)


def rope_cos_sin(positions, rotary_dim, *, base=10_000.0):
    theta = np.multiply.outer(positions, base ** (-np.arange(0, rotary_dim, 2) / rotary_dim))
    return np.cos(theta), np.sin(theta)


def rope_frequencies(rotary_dim, *, base=10_000.0):
    return 1.0 / base ** (np.arange(0, rotary_dim, 2) / rotary_dim)


def sinusoidal(positions, dim, *, base=10_000.0):
    """Vaswani's formula, sine and cosine in turn."""
    if dim % 2:
        raise NotImplementedError("odd widths")
    code = np.zeros((*np.shape(positions), dim))
    theta = np.multiply.outer(positions, np.exp(-np.log(base) * np.arange(0, dim, 2) / dim))
    code[..., 0::2], code[..., 1::2] = np.sin(theta), np.cos(theta)
    return code


def sinusoidal_halves(positions, dim, *, base=10_000.0):
    """Tensor2Tensor's: all sines, then all cosines."""
    if dim % 2:
        raise NotImplementedError("odd widths")
    theta = np.multiply.outer(positions, base ** (-np.arange(dim // 2) / (dim // 2)))
    return np.concatenate([np.sin(theta), np.cos(theta)], axis=-1)


LAX = Conventions(errors="none")
INTERLEAVED = Conventions(errors="none", rope_pairing="interleaved")
TARGETS = (
    Target.numpy("RoPE, NumPy", rope=rope, rope_vjp=rope_vjp, conventions=LAX),
    Target.numpy("RoPE by complex numbers, NumPy", rope=complex_rope, conventions=INTERLEAVED),
    Target.numpy("RoPE by complex halves, NumPy", rope=complex_halves, conventions=LAX),
    Target.numpy("RoPE with given cosines, NumPy", apply_rope=apply_rope, rope_cos_sin=rope_cos_sin,
                 rope_frequencies=rope_frequencies, conventions=LAX),
    Target.numpy("sinusoidal encodings, NumPy", sinusoidal_positional_encoding=sinusoidal, dtypes="float64"),
    Target.numpy("sinusoidal encodings in halves, NumPy", sinusoidal_positional_encoding=sinusoidal_halves,
                 dtypes="float64", conventions=Conventions(code_layout="halves")),
)  # fmt: skip
