"""Positions in PyTorch: RoPE by `view_as_complex` and by `rotate_half`, and its gradient."""

import torch

from mathcore.verify import Conventions, Target


def angles(x, positions, base, offset):
    m = torch.arange(x.shape[-2]) if positions is None else positions
    frequencies = base ** (-torch.arange(0, x.shape[-1], 2, dtype=torch.float64) / x.shape[-1])
    return (m.double() + offset)[..., None] * frequencies


def complex_rope(x, positions=None, *, base=10_000.0, offset=0):
    """As in Llama's first code: neighbours are a complex number."""
    theta = angles(x, positions, base, offset)
    turn = torch.polar(torch.ones_like(theta), theta)
    z = torch.view_as_complex(x.double().reshape(*x.shape[:-1], -1, 2).contiguous())
    return torch.view_as_real(z * turn).flatten(-2).to(x.dtype)


def rotate_half(x):
    x1, x2 = x.chunk(2, dim=-1)
    return torch.cat((-x2, x1), dim=-1)


def rope(x, positions=None, *, base=10_000.0, offset=0):
    theta = angles(x, positions, base, offset)
    theta = torch.cat((theta, theta), dim=-1)
    wide = torch.promote_types(x.dtype, torch.float32)
    h = x.to(wide)
    return (h * theta.cos().to(wide) + rotate_half(h) * theta.sin().to(wide)).to(x.dtype)


def rope_vjp(cotangent, x, positions=None, *, base=10_000.0, offset=0):
    leaf = x.detach().requires_grad_()
    return torch.autograd.grad(rope(leaf, positions, base=base, offset=offset), leaf, cotangent)[0]


def float32_angles(x, positions=None, *, base=10_000.0):
    """Frequencies and angles in float32, as most models have them."""
    m = torch.arange(x.shape[-2]) if positions is None else positions
    inv_freq = 1.0 / (base ** (torch.arange(0, x.shape[-1], 2).float() / x.shape[-1]))
    theta = m.float()[..., None] * inv_freq
    a, b = x.float().chunk(2, -1)
    return torch.cat((a * theta.cos() - b * theta.sin(), a * theta.sin() + b * theta.cos()), -1).to(x.dtype)


LAX = Conventions(errors="none")
FLOAT32 = Conventions(errors="none", rope_angles="float32")
TARGETS = (
    Target.torch("RoPE by complex numbers, torch", rope=complex_rope,
                 conventions=Conventions(errors="none", rope_pairing="interleaved")),
    Target.torch("RoPE, torch", rope=rope, rope_vjp=rope_vjp, conventions=LAX),
    Target.torch("RoPE with angles in float32, torch", rope=float32_angles, dtypes=("float32", "bfloat16"),
                 conventions=FLOAT32),
)  # fmt: skip
