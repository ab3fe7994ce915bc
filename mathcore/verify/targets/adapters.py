"""Adapters: conversion of arrays between NumPy and a framework.

Claims use NumPy arrays only, with ml_dtypes for bfloat16. An adapter converts them to the framework bit for bit, in
the same memory layout if the framework has strides, and converts answers back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mathcore.verify.tolerances import dtype_named

Array = np.ndarray[Any, Any]
ALL_FLOATS = ("float64", "float32", "float16", "bfloat16")


@dataclass(frozen=True)
class Adapter:
    """A pair of converters.

    Attributes:
        name: the name of the framework.
        to_native: NumPy array → the framework's array.
        to_numpy: the framework's array → NumPy array; raises a TypeError for anything else.
        dtypes: the floating dtypes that it supports.
        script: source of the conversions, for stand-alone scripts.
    """

    name: str
    to_native: Callable[[Array], Any]
    to_numpy: Callable[[Any], Array]
    dtypes: tuple[str, ...] = ("float64", "float32", "float16")
    script: Script = field(default_factory=lambda: Script())


@dataclass(frozen=True)
class Script:
    """Conversions as source, with `{}` for the array; those for bfloat16 are used if they are given."""

    imports: str = ""
    to_native: str = "{}"
    to_numpy: str = "{}"
    bfloat16_to_native: str = ""
    bfloat16_to_numpy: str = ""


def numpy_adapter(device: str | None = None) -> Adapter:
    """Arrays as they are.

    Raises:
        ValueError: if a device is named.
    """
    if device not in (None, "cpu"):
        raise ValueError(f"NumPy has no device but 'cpu', got {device!r}")
    return Adapter("numpy", lambda x: x, _numpy_only, ALL_FLOATS)


def _numpy_only(value: Any) -> Array:
    if isinstance(value, (np.ndarray, np.generic, bool, int, float)):
        return np.asarray(value)
    raise TypeError("not an array")


def torch_adapter(device: str | None = None) -> Adapter:
    """PyTorch tensors on a device; strides and broadcast axes are those of the NumPy array, unless one is negative.

    Raises:
        ModuleNotFoundError: if PyTorch is not installed.
    """
    import torch

    place = torch.device(device or "cpu")
    bfloat16 = dtype_named("bfloat16")

    def to_native(x: Array) -> Any:
        is_bfloat16 = x.dtype == bfloat16
        memory, strides = _memory_of(x.view(np.int16) if is_bfloat16 else x)
        flat = torch.from_numpy(memory).to(place)
        flat = flat.view(torch.bfloat16) if is_bfloat16 else flat
        return flat.as_strided(x.shape, strides)

    def to_numpy(value: Any) -> Array:
        if isinstance(value, (bool, int, float)):
            return np.asarray(value)
        if not isinstance(value, torch.Tensor):
            raise TypeError("not a tensor")
        tensor = value.detach().cpu()
        if tensor.dtype == torch.bfloat16:
            return np.array(tensor.contiguous().view(torch.int16).numpy()).view(bfloat16)
        return np.array(tensor.numpy())

    where = "" if place.type == "cpu" else f".to({str(place)!r})"
    script = Script(
        "import torch",
        f"torch.from_numpy({{}}){where}",
        "{}.detach().cpu().numpy()",
        f"torch.from_numpy({{}}.view(np.int16)).view(torch.bfloat16){where}",
        "{}.detach().cpu().float().numpy()",
    )
    return Adapter("torch", to_native, to_numpy, ALL_FLOATS, script)


_ALIGNMENT = 64  # bytes: a cache line, and the widest vector register


def aligned_like(memory: Array, address: int = 0) -> Array:
    """A copy of a flat array at an address that lies to cache lines as `address` does.

    Kernels treat what comes before the first aligned element apart, so the rounding of a sum may depend on the address.
    """
    room = np.empty(memory.nbytes + _ALIGNMENT, np.uint8)
    start = (address - room.ctypes.data) % _ALIGNMENT
    copy = room[start : start + memory.nbytes].view(memory.dtype)
    copy[...] = memory
    return copy


def _memory_of(x: Array) -> tuple[Array, tuple[int, ...]]:
    """A flat array that contains `x`, and the strides of `x` in it, in elements.

    Elements between those of `x` are 7, so that a kernel that ignores strides gives wrong results.
    """
    if not x.size or any(s < 0 or s % x.itemsize for s in x.strides) or not x.ndim:
        copy = np.array(x, order="C")
        return aligned_like(copy.reshape(-1)), tuple(s // x.itemsize for s in copy.strides)
    strides = tuple(s // x.itemsize for s in x.strides)
    extent = 1 + sum((n - 1) * s for n, s in zip(x.shape, strides, strict=True))
    memory = aligned_like(np.full(extent, 7).astype(x.dtype))
    np.lib.stride_tricks.as_strided(memory, x.shape, x.strides)[...] = x
    return memory, strides


def jax_adapter(device: str | None = None) -> Adapter:
    """JAX arrays; float64 only if `jax_enable_x64` is set, since JAX converts it to float32 silently otherwise.

    Raises:
        ModuleNotFoundError: if JAX is not installed.
    """
    import jax
    import jax.numpy as jnp

    place = jax.devices(device)[0] if device else None
    wide = bool(jax.config.jax_enable_x64)

    def to_native(x: Array) -> Any:
        if not wide and x.dtype.kind in "iu" and x.dtype.itemsize == 8:
            _check_reach(x)
            x = x.astype(np.int32)
        return jax.device_put(jnp.asarray(np.array(x)), place)

    def to_numpy(value: Any) -> Array:
        if not isinstance(value, (jax.Array, np.ndarray, np.generic, bool, int, float)):
            raise TypeError("not an array")
        return np.array(value)

    floats = ALL_FLOATS if wide else ALL_FLOATS[1:]
    return Adapter(
        "jax", to_native, to_numpy, floats, Script("import jax.numpy as jnp", "jnp.asarray({})", "np.array({})")
    )


def _check_reach(x: Array) -> None:
    if x.size and (x.max() >= 2**31 or x.min() < -(2**31)):
        raise UnsupportedDtypeError("integers beyond 32 bits")


class UnsupportedDtypeError(LookupError):
    """The framework does not support a dtype, or not these values; the message says which."""


def cupy_adapter(device: str | None = None) -> Adapter:
    """CuPy arrays on the current GPU, or on device number `device`.

    Raises:
        ModuleNotFoundError: if CuPy is not installed.
    """
    import cupy

    number = int(device.rpartition(":")[2]) if device and device != "cuda" else None

    def to_native(x: Array) -> Any:
        with cupy.cuda.Device(number):
            memory, strides = _memory_of(x)
            flat = cupy.asarray(memory)
            return cupy.lib.stride_tricks.as_strided(flat, x.shape, tuple(s * x.itemsize for s in strides))

    def to_numpy(value: Any) -> Array:
        if isinstance(value, (np.ndarray, np.generic, bool, int, float)):
            return np.asarray(value)
        if not isinstance(value, cupy.ndarray):
            raise TypeError("not an array")
        return np.asarray(cupy.asnumpy(value))

    script = Script("import cupy", "cupy.asarray({})", "cupy.asnumpy({})")
    return Adapter("cupy", to_native, to_numpy, ALL_FLOATS[:3], script)


def array_api_adapter(namespace: Any, device: Any = None) -> Adapter:
    """Arrays of an array API namespace (data-apis.org/array-api); the standard has no 16-bit floats."""
    asked = {} if device is None else {"device": device}

    def to_native(x: Array) -> Any:
        return namespace.asarray(np.array(x), **asked)

    def to_numpy(value: Any) -> Array:
        if isinstance(value, (bool, int, float)):
            return np.asarray(value)
        if not hasattr(value, "__array_namespace__"):
            raise TypeError("not an array")
        return np.array(value) if hasattr(value, "__array__") else np.array(np.from_dlpack(value))

    name = namespace.__name__
    return Adapter(
        name, to_native, to_numpy, ALL_FLOATS[:2], Script(f"import {name} as xp", "xp.asarray({})", "np.array({})")
    )


ADAPTERS: dict[str, Callable[[str | None], Adapter]] = {
    "numpy": numpy_adapter,
    "torch": torch_adapter,
    "jax": jax_adapter,
    "cupy": cupy_adapter,
}
"""Adapters by the name that the command line uses."""
