"""A decoder in a folder as models are published: `config.json`, and parameters in the safetensors format."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from mathcore._arrays import Array, in_dtype
from mathcore._files import json_values
from mathcore._scalars import whole
from mathcore.models._checks import MOST
from mathcore.models.decoder_config import DecoderConfig

_WHOLE, _PARTS = "model.safetensors", "model.safetensors.index.json"


def load_decoder(
    folder: str | os.PathLike[str], *, dtype: npt.DTypeLike | None = None
) -> tuple[dict[str, Array], DecoderConfig]:
    """The parameters and the configuration of a decoder in a folder of Hugging Face; needs the package safetensors.

    Args:
        folder: with a `config.json` that `DecoderConfig.from_config` reads, and a `model.safetensors`, or the parts
            that a `model.safetensors.index.json` names.
        dtype: of all parameters; None leaves them as they are.

    Returns:
        What `decoder` takes: name → array, and the configuration.

    Raises:
        TypeError: if `folder` is no path, or `dtype` no floating dtype.
        ValueError: if a file is damaged, or as `DecoderConfig.from_config`; the message names the file.
        KeyError: if a parameter is in none of the files.
        ImportError: if safetensors is missing.
        OSError: if a file cannot be read.

    Examples:
        >>> params, config = mc.load_decoder("folder of a model")
        Traceback (most recent call last):
        FileNotFoundError: [Errno 2] No such file or directory: 'folder of a model/config.json'
    """
    if not isinstance(folder, (str, os.PathLike)):
        raise TypeError(f"`folder` must be a path, got {type(folder).__name__}")
    place = Path(folder)
    config = config_in(place)
    from mathcore.interop import safetensors as files

    arrays: dict[str, Array] = {}
    for name in _files_of(place):
        arrays |= files.load(place / name)
    for name, shape in config.shapes.items():
        if name not in arrays:
            raise KeyError(f"no file in {place} has the parameter {name!r}, as its config.json asks for")
        if arrays[name].shape != shape:
            raise ValueError(
                f"{name!r} in {place} must have shape {shape}, as its config.json says, got {arrays[name].shape}"
            )
    if dtype is not None:
        arrays = {name: in_dtype(name, array, dtype) for name, array in arrays.items()}
    return arrays, config


def config_in(folder: Path) -> DecoderConfig:
    """The configuration of a folder.

    Raises:
        ValueError: that names the file, if it is damaged or of a model that is not known.
        OSError: if it cannot be read.
    """
    path = folder / "config.json"
    try:
        return DecoderConfig.from_config(_object(path))
    except (TypeError, ValueError) as wrong:
        raise ValueError(f"{path} is not of a decoder that is known here: {wrong}") from wrong


def tokens_that_end(folder: Path) -> tuple[int, ...]:
    """The ids after which a text ends: `eos_token_id` of the `generation_config.json`, or of the `config.json`.

    Raises:
        ValueError: if it is no id or list of ids; the message names the file.
    """
    for path in (folder / "generation_config.json", folder / "config.json"):
        given = _object(path).get("eos_token_id") if path.exists() else None
        if given is not None:
            ids = given if isinstance(given, list) else [given]
            try:
                return tuple(whole("eos_token_id", i, 0, MOST) for i in ids)
            except (TypeError, ValueError) as wrong:
                raise ValueError(f"{path}: {wrong}") from wrong
    return ()


def _files_of(folder: Path) -> list[str]:
    """The names of the files that hold parameters."""
    index = folder / _PARTS
    if (folder / _WHOLE).exists() or not index.exists():
        return [_WHOLE]
    parts = _object(index).get("weight_map")
    names: list[Any] = list(parts.values()) if isinstance(parts, Mapping) else [parts]
    if other := [name for name in names if not isinstance(name, str) or Path(name).name != name]:
        raise ValueError(f"{index} must name files beside it in its `weight_map`, got {other[0]!r}")
    return sorted(set(names))


def _object(path: Path) -> Mapping[str, Any]:
    try:
        values = json_values(path.read_bytes())
    except ValueError as wrong:
        raise ValueError(f"{path} is no JSON: {wrong}") from wrong
    if not isinstance(values, Mapping):
        raise ValueError(f"{path} must hold an object of JSON, got {type(values).__name__}")
    return values
