"""Primitives as differentiable functions of PyTorch.

```python
import mathcore as mc
from mathcore.interop import torch as mct

rms_norm = mct.function(mc.rms_norm)
torch.autograd.gradcheck(rms_norm, (x, weight))
```

A validated primitive so stands in a model, or beside a kernel, as its reference. Tensors are those of a CPU, in any
dtype of the primitive; the work is done by NumPy.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mathcore.interop._pairs import Pair, aligned, leaf_names, leaves_of, pair_of, rebuilt

try:
    import torch
    from torch.autograd.function import once_differentiable
except ImportError as missing:
    raise ImportError("mathcore.interop.torch needs PyTorch: pip install torch") from missing


def function(primitive: Callable[..., Any]) -> Callable[..., Any]:
    """A primitive as a function of tensors, differentiated by its VJP.

    Args:
        primitive: a public function of mathcore that has a VJP: `mc.softmax`, `mc.rms_norm`, `mc.linear`, …

    Returns:
        A function with the arguments of the primitive, but for `out`. Tensors that it takes by position may require
        gradients; tensors among its options, such as masks, may not. Integer tensors get none. It returns tensors in
        the dtypes of the primitive; what `return_lse=True` puts beside an output has no gradient. Gradients
        themselves have no derivative, and `torch.func.vmap` is not supported: primitives take leading axes.

    Raises:
        TypeError: if that is no such function.
    """
    pair = pair_of(primitive)

    @functools.wraps(primitive)
    def of_tensors(*args: Any, **options: Any) -> Any:
        positional, named = pair.bound(args, options)
        return _Primitive.apply(pair, positional, _constants(pair, named), *leaves_of(positional))

    return of_tensors


class _Primitive(torch.autograd.Function):  # type: ignore[misc]
    """The primitive of a pair on the leaves of its arguments."""

    @staticmethod
    def forward(pair: Pair, args: tuple[Any, ...], options: Mapping[str, Any], *leaves: Any) -> Any:
        answer = pair.value(*rebuilt(args, map(_array, leaves)), **options)
        return tuple(map(_tensor, answer)) if isinstance(answer, tuple) else _tensor(answer)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.pair, args, ctx.options, *leaves = inputs
        ctx.places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, torch.Tensor)]
        # Tensors are kept by `save_for_backward` alone: it notices changes in place, and lets go of them.
        ctx.args = rebuilt(args, (None if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves))
        ctx.save_for_backward(*(leaves[i] for i in ctx.places))
        if isinstance(output, tuple):
            ctx.mark_non_differentiable(*output[ctx.pair.answers :])

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, *cotangents: Any) -> Any:
        leaves = leaves_of(ctx.args)
        for place, tensor in zip(ctx.places, ctx.saved_tensors, strict=True):
            leaves[place] = tensor
        args = rebuilt(ctx.args, map(_array, leaves))
        pulled = ctx.pair.pulled([_array(g) for g in cotangents[: ctx.pair.answers]], args, ctx.options)
        gradients = aligned(args, pulled, _is_float)
        needed = ctx.needs_input_grad[3:]
        for name, gradient, wanted in zip(leaf_names(ctx.pair, args), gradients, needed, strict=True):
            if wanted and gradient is None:
                raise NotImplementedError(f"{ctx.pair.name}_vjp gives no gradient of `{name}`: pass {name}.detach()")
        return None, None, None, *(_tensor(g) if wanted else None for g, wanted in zip(gradients, needed, strict=True))

    @staticmethod
    def vmap(_info: Any, _in_dims: Any, pair: Pair, *_inputs: Any) -> Any:
        raise NotImplementedError(f"`{pair.name}` under torch.func.vmap: primitives take leading axes themselves")


def _constants(pair: Pair, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options with arrays for tensors, none of which requires a gradient."""
    for name, value in options.items():
        if isinstance(value, torch.Tensor) and value.requires_grad:
            raise TypeError(f"`{pair.name}` has no gradient of the option `{name}`: pass {name}.detach()")
    return {name: _array(value) for name, value in options.items()}


def _array(value: Any) -> Any:
    """A tensor as an array, without a copy; anything else as it is."""
    if not isinstance(value, torch.Tensor):
        return value
    if value.device.type != "cpu" or value.layout != torch.strided:
        raise ValueError(f"tensors must be dense ones of a CPU, got {value.device} and {value.layout}")
    tensor = value.detach().resolve_conj().resolve_neg()
    if tensor.dtype != torch.bfloat16:
        return tensor.numpy()
    import ml_dtypes

    return tensor.contiguous().view(torch.int16).numpy().view(ml_dtypes.bfloat16)


def _tensor(array: Any) -> Any:
    """An array as a tensor of its own."""
    array = np.array(array)
    if array.dtype.name != "bfloat16":
        return torch.from_numpy(array)
    return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)


def _is_float(value: Any) -> bool:
    return isinstance(value, np.ndarray) and (value.dtype.kind == "f" or value.dtype.name == "bfloat16")
