r"""The file of a checkpoint: what it is, the SHA-256 of the rest, one line of JSON, the arrays one after the other.

Files come from anywhere. Nothing in one is executed, and no size that it claims is believed before there are as many
bytes: the line of JSON is bounded, and an array is a view of bytes that were read.

Version 2 writes in JSON what JSON lacks: a tuple is `{"$": "tuple", "of": [...]}`, a mapping with keys that are no
strings is `{"$": "dict", "of": [[key, value], ...]}`, and so is one with the key "$". Version 1, which is read as well,
had neither, nor bfloat16, whose bits are written as those of uint16.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
import reprlib
from collections.abc import Iterable, Mapping
from typing import IO, Any

import numpy as np

from mathcore._arrays import Array
from mathcore._files import json_values

_MAGIC = "mathcore checkpoint {}\n"
_VERSION = 2
_DIGEST = hashlib.sha256().digest_size
_LONGEST_LINE = 2**24  # bytes; a tokenizer of 128,000 merges takes some 2 MB
_DEEPEST = 100  # levels; reading one takes up to three of the 1,000 calls that Python nests

# What NumPy writes before an array of numbers, "format version 1.0"; nothing else is read, and nothing is evaluated.
_HEADER = re.compile(
    rb"\x93NUMPY\x01\0(?P<length>..){'descr': '(?P<dtype>[<>|][fiub]\d{1,2})', 'fortran_order': (?P<order>True|False), "
    rb"'shape': \((?P<shape>(?:\d{1,19}(?:, \d{1,19})*,?)?)\), } *\n",
    re.DOTALL,
)

Parts = tuple[dict[str, Array], dict[str, Array], Any, Any, Any]
"""Parameters, state, state of the random numbers, step, config."""


def packed(
    params: Mapping[str, Array], state: Mapping[str, Array], rng: Mapping[str, Any], step: int, config: Any
) -> bytes:
    """The bytes of a file.

    Raises:
        TypeError: if an array or a value in `config` is of a type that a file cannot hold.
        ValueError: if `config` is too large or nested too deeply.
    """
    arrays = io.BytesIO()
    about = {
        "step": step,
        "rng": _plain(rng, "rng_state"),
        "config": _plain(config, "config"),
        "params": _written(params, arrays),
        "state": _written(state, arrays),
    }
    halves = {"params": params, "state": state}
    bfloat16 = {kind: [n for n, a in part.items() if a.dtype.name == "bfloat16"] for kind, part in halves.items()}
    if any(bfloat16.values()):
        about["bfloat16"] = bfloat16
    line = json.dumps(about).encode() + b"\n"
    if len(line) > _LONGEST_LINE:
        raise ValueError(f"`config` takes {len(line)} bytes in a checkpoint, of at most {_LONGEST_LINE}")
    digest = hashlib.sha256(line)
    digest.update(arrays.getbuffer())
    return b"".join([_MAGIC.format(_VERSION).encode(), digest.digest(), line, arrays.getbuffer()])


def unpacked(file: IO[bytes]) -> Parts:
    """The parts of a checkpoint in a file.

    Raises:
        ValueError: whatever else is in it.
    """
    magic = file.read(len(_MAGIC.format(0)))
    versions = {_MAGIC.format(version).encode(): version for version in (1, _VERSION)}
    if magic not in versions:
        raise ValueError(f"it does not begin with {_MAGIC.format(_VERSION)!r}")
    digest, content = file.read(_DIGEST), file.read()
    if hashlib.sha256(content).digest() != digest:
        raise ValueError("it is damaged, its content does not match its checksum")
    end = content.find(b"\n", 0, _LONGEST_LINE) + 1
    if not end:
        raise ValueError("it has no first line")
    about = json_values(content[:end])
    if not isinstance(about, dict) or not {"step", "rng", "config", "params", "state"} <= about.keys():
        raise ValueError("its first line does not say what a checkpoint holds")
    of_bfloat16 = about.get("bfloat16", {})
    if not isinstance(of_bfloat16, dict):
        raise ValueError(f"`bfloat16` must be an object, got {reprlib.repr(of_bfloat16)}")
    params, end = _read(content, end, about["params"], of_bfloat16.get("params", []))
    state, end = _read(content, end, about["state"], of_bfloat16.get("state", []))
    if end != len(content):
        raise ValueError(f"it goes on for {len(content) - end} bytes after its last array")
    values = about["rng"], about["config"]
    rng, config = values if versions[magic] == 1 else map(_restored, values)
    return params, state, rng, about["step"], config


def _read(content: bytes, at: int, names: Any, of_bfloat16: Any) -> tuple[dict[str, Array], int]:
    """The arrays that begin at a place of the file, by name, and where they end."""
    part: dict[str, Array] = {}
    views = set(_names(of_bfloat16))
    for name in _names(names):
        array, at = _array(content, at)
        part[name] = _as_bfloat16(array) if name in views else array
    return part, at


def _written(part: Mapping[str, Array], file: IO[bytes]) -> list[str]:
    """Write the arrays of `part`; their names."""
    for name, array in part.items():
        if not isinstance(name, str):
            raise TypeError(f"the names of arrays must be strings, got {name!r}")
        if array.dtype.name == "bfloat16":
            array = array.view(np.uint16)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"`{name}` has dtype {array.dtype}, which a checkpoint cannot hold")
        np.lib.format.write_array(file, array, version=(1, 0), allow_pickle=False)
    return list(part)


def _names(names: Any) -> list[str]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"arrays must have a list of names, got {reprlib.repr(names)}")
    if len(set(names)) < len(names):
        raise ValueError(f"two arrays have one name among {reprlib.repr(names)}")
    return names


def _array(content: bytes, at: int) -> tuple[Array, int]:
    """The array that begins at a place of the file, and where it ends."""
    header = _HEADER.match(content, at)
    if header is None or len(header[0]) != 10 + int.from_bytes(header["length"], "little"):
        raise ValueError(f"there is no array of numbers at byte {at} of its content")
    shape = tuple(int(size) for size in header["shape"].split(b",") if size)
    try:
        dtype = np.dtype(header["dtype"].decode())
        start, count = header.end(), math.prod(shape)
        end = start + count * dtype.itemsize
        if end > len(content):
            raise ValueError(f"{count} numbers of {dtype} are claimed where {len(content) - start} bytes are left")
        order: Any = "F" if header["order"] == b"True" else "C"
        array = np.frombuffer(content, dtype, count, start) if count else np.empty(0, dtype)
        return array.reshape(shape, order=order).copy(order=order), end
    except (TypeError, ValueError, OverflowError) as wrong:
        raise ValueError(f"the array at byte {at} of its content: {wrong}") from wrong


def _as_bfloat16(array: Array) -> Array:
    try:
        import ml_dtypes
    except ModuleNotFoundError:
        raise ValueError("it holds bfloat16, which needs the package ml_dtypes") from None
    if array.dtype != np.uint16:
        raise ValueError(f"bfloat16 is written as uint16, got {array.dtype}")
    return array.view(ml_dtypes.bfloat16)


def _plain(value: Any, path: str, depth: int = 0) -> Any:
    """`value` in JSON, tuples and keys that are no strings in words; `path` says where it is in an error."""
    if depth > _DEEPEST:
        raise ValueError(f"{path[:60]}… is nested more than {_DEEPEST} deep")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        items = [_plain(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(value)]
        return items if isinstance(value, list) else {"$": "tuple", "of": items}
    if not isinstance(value, Mapping):
        raise TypeError(f"`{path}` is of type {type(value).__name__}, which a checkpoint cannot hold")
    pairs = [[_plain(k, path, depth + 1), _plain(v, f"{path}.{k}", depth + 1)] for k, v in value.items()]
    if "$" in value or not all(isinstance(key, str) for key in value):
        return {"$": "dict", "of": pairs}
    return dict(pairs)


def _restored(value: Any, depth: int = 0) -> Any:
    """What `_plain` was given."""
    if depth > _DEEPEST:
        raise ValueError(f"its values are nested more than {_DEEPEST} deep")
    if isinstance(value, list):
        return [_restored(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    if "$" not in value:
        return {key: _restored(item, depth + 1) for key, item in value.items()}
    kind, items = value["$"], value.get("of")
    if kind not in ("tuple", "dict") or not isinstance(items, list) or len(value) != 2:
        raise ValueError(f"a value that is neither tuple nor mapping: {reprlib.repr(value)}")
    return _tuple(items, depth) if kind == "tuple" else _mapping(items, depth)


def _tuple(items: Iterable[Any], depth: int) -> tuple[Any, ...]:
    return tuple(_restored(item, depth + 1) for item in items)


def _mapping(pairs: list[Any], depth: int) -> dict[Any, Any]:
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise ValueError("a mapping must be a list of keys with values")
    keys = [_restored(key, depth + 1) for key, _ in pairs]
    try:
        values = {key: _restored(value, depth + 1) for key, (_, value) in zip(keys, pairs, strict=True)}
    except TypeError as unhashable:
        raise ValueError(f"a mapping has a key that cannot be one: {unhashable}") from None
    if len(values) < len(pairs):
        raise ValueError("a mapping has a key twice")
    return values
