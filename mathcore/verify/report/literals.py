"""Values as Python source."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
MAX_LITERAL = 64  # elements; larger arrays are written as bytes


def _dtype_code(dtype: Any) -> str:
    return {"bfloat16": "ml_dtypes.bfloat16", "bool": "bool"}.get(dtype.name, f"np.{dtype}")


class UnwritableError(Exception):
    """A value has no source form."""


def literal(value: Any) -> str:
    """A value as source."""
    if isinstance(value, np.generic):
        return f"np.{value.dtype}({value.item()!r})" if value.dtype.name != "bfloat16" else repr(float(value))
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return repr(value)
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
        return _dtype_code(np.dtype(value))
    raise UnwritableError


def array_code(x: Array) -> str:
    """An array as source: its elements if they are few, else its compressed bytes."""
    if x.size <= MAX_LITERAL:
        if not x.size:
            return f"np.zeros({x.shape}, {_dtype_code(x.dtype)})"
        if x.dtype.name == "bfloat16":
            return f"np.array({_nested(x.astype(np.float32))}, np.float32).astype(ml_dtypes.bfloat16)"
        return f"np.array({_nested(x)}, {'object' if x.dtype == object else _dtype_code(x.dtype)})"
    if x.dtype == object:
        raise UnwritableError
    packed = packed_bytes(x)
    wrapped = "\n".join(f"    {packed[i : i + 100]!r}" for i in range(0, len(packed), 100))
    return (
        f"np.frombuffer(zlib.decompress(base64.b85decode(\n{wrapped}\n)), {_dtype_code(x.dtype)})"
        f".reshape({x.shape}).copy()"
    )


def packed_bytes(x: Array) -> str:
    """The bytes of an array, compressed, as text."""
    return base64.b85encode(zlib.compress(np.ascontiguousarray(x).tobytes(), 9)).decode()


STRIDED = '''
def with_strides(x, strides):
    """The same array with these strides in memory, in elements."""
    flips = tuple(slice(None, None, -1 if s < 0 else 1) for s in strides)
    strides = [abs(s) for s in strides]
    memory = np.full(1 + sum((n - 1) * s for n, s in zip(x.shape, strides)), 7).astype(x.dtype)
    view = np.ndarray(x.shape, x.dtype, memory, 0, [s * x.itemsize for s in strides])
    view[...] = x[flips]
    return view[flips]
'''.strip()
"""The function of a script that lays an array out as the failing one was; between its elements are sevens."""


def _nested(x: Array) -> str:
    if not x.ndim:
        return repr(x.item()) if x.dtype.kind != "f" else str(x[()])
    return "[" + ", ".join(_nested(np.asarray(part, x.dtype)) for part in x) + "]"


def generator(x: Array) -> str:
    """Source that draws a random array of the same shape, dtype and range; "" if there is none."""
    rng = "np.random.default_rng(0)"
    if x.dtype.kind == "b":
        return f"{rng}.random({x.shape}) < {float(x.mean()):.3g}"
    if x.dtype.kind in "iu":
        return f"{rng}.integers({x.min()}, {x.max()}, {x.shape}, np.{x.dtype}, endpoint=True)"
    if x.dtype.kind != "f" and x.dtype.name != "bfloat16":
        return ""
    known = x.astype(np.float64)
    known = known[np.isfinite(known)]
    with np.errstate(over="ignore", invalid="ignore"):
        mean, spread = (known.mean(), known.std()) if known.size else (np.nan, np.nan)
    if not np.isfinite([mean, spread]).all():  # no finite element, or the sums overflow
        return ""
    return f"{rng}.normal({mean:.3g}, {spread:.3g}, {x.shape}).astype({_dtype_code(x.dtype)})"
