"""Parameters in files that other frameworks read: the safetensors format. An extra; it needs safetensors.

```python
from mathcore.interop import safetensors as files

files.save("model.safetensors", params)
params = files.load("model.safetensors")
```

Such a file holds arrays and their names alone. What a training goes on from, `mathcore.save_checkpoint` writes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mathcore._arrays import Array
from mathcore._files import write_atomically

try:
    import safetensors
    from safetensors.numpy import save as _serialised
except ImportError as missing:
    raise ImportError("mathcore.interop.safetensors needs safetensors: pip install safetensors") from missing

_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip


def save(path: str | os.PathLike[str], params: Mapping[str, Any]) -> None:
    """Write arrays by name, the whole file or nothing.

    Args:
        path: of the file.
        params: name → array, or another such mapping, whose names are joined by ".". Floats, bfloat16 too, integers and
            bools, in any layout.

    Raises:
        TypeError: if a name is no string, or a value no such array; the message names it.
        ValueError: if two arrays get the same name.
        OSError: if it cannot be written.
    """
    flat: dict[str, Array] = {}
    for name, array in _flattened(params, ""):
        if name in flat:
            raise ValueError(f"two arrays would be named `{name}`")
        flat[name] = array
    write_atomically(path, _serialised(flat))


def load(path: str | os.PathLike[str], *, nested: bool = False) -> dict[str, Any]:
    """Read arrays by name, bit for bit.

    Args:
        path: of the file.
        nested: split names at "." into mappings of mappings.

    Raises:
        ValueError: if the file is cut short, damaged or something else, or holds a dtype that NumPy lacks; the message
            names the file.
        OSError: if it cannot be read.
    """
    content = Path(path).read_bytes()
    try:
        flat = {name: _array(name, **entry) for name, entry in safetensors.deserialize(content)}
        return _nested(flat) if nested else flat
    except (safetensors.SafetensorError, ValueError, TypeError, KeyError) as cause:
        raise ValueError(f"{os.fspath(path)} is no file of arrays in the safetensors format: {cause}") from cause


def _flattened(params: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Array]]:
    """The arrays of nested mappings by joined name, contiguous."""
    for name, value in params.items():
        if not isinstance(name, str):
            raise TypeError(f"names must be strings, got {name!r}")
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{prefix}{name}.")
            continue
        array = np.asarray(value)
        if array.dtype.name not in (*_DTYPES.values(), "bfloat16"):
            raise TypeError(f"`{prefix}{name}` must be an array of floats, integers or bools, got {array.dtype}")
        yield f"{prefix}{name}", np.array(array, order="C")


def _array(name: str, dtype: str, shape: list[int], data: bytes | bytearray) -> Array:
    if dtype == "BF16":
        import ml_dtypes

        return np.frombuffer(bytearray(data), np.uint16).view(ml_dtypes.bfloat16).reshape(shape)
    if dtype not in _DTYPES:
        raise ValueError(f"`{name}` has dtype {dtype}, which NumPy lacks")
    return np.frombuffer(bytearray(data), np.dtype(_DTYPES[dtype]).newbyteorder("<")).reshape(shape)


def _nested(flat: Mapping[str, Array]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, array in flat.items():
        *folders, last = name.split(".")
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
            if not isinstance(place, dict):
                raise ValueError(f"`{name}` lies within an array")
        if last in place:
            raise ValueError(f"`{name}` holds an array and others")
        place[last] = array
    return tree
