"""Files that a training can go on from."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mathcore._files import write_atomically
from mathcore.training.optimisers import Arrays, Optimiser

_MAGIC = b"mathcore checkpoint 1\n"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A training between two steps: all that the next step depends on.

    Attributes:
        params: name → array.
        state: the optimiser's, name → array.
        rng_state: where the random numbers stand.
        step: steps taken.
        config: what the trainer wants to find again; JSON values.

    Examples:
        >>> start = mc.Checkpoint.start({"w": np.array(4.0)}, mc.SGD(rate=0.5), np.random.default_rng(0))
        >>> start.params, start.state, start.step
        ({'w': array(4.)}, {}, 0)
    """

    params: Arrays
    state: Arrays
    rng_state: Mapping[str, Any]
    step: int
    config: Mapping[str, Any]

    @classmethod
    def start(
        cls, params: Arrays, optimiser: Optimiser, rng: np.random.Generator, config: Mapping[str, Any] | None = None
    ) -> Checkpoint:
        """The training before its first step; `rng` is read and left as it is.

        Examples:
            >>> mc.Checkpoint.start({"w": np.array(4.0)}, mc.SGD(rate=0.5), np.random.default_rng(0)).step
            0
        """
        return cls(params, optimiser.init(params), _generator_state(rng), 0, config or {})

    def rng(self) -> np.random.Generator:
        """A generator that goes on where this training stands.

        Examples:
            >>> start = mc.Checkpoint.start({"w": np.array(4.0)}, mc.SGD(rate=0.5), np.random.default_rng(0))
            >>> start.rng().random() == start.rng().random() == np.random.default_rng(0).random()
            True
        """
        rng = np.random.Generator(np.random.PCG64())
        rng.bit_generator.state = dict(self.rng_state)
        return rng


def _generator_state(rng: np.random.Generator) -> Mapping[str, Any]:
    """The state of a generator that `Checkpoint.rng` can restore."""
    if not isinstance(rng.bit_generator, np.random.PCG64):
        kind = type(rng.bit_generator).__name__
        raise TypeError(f"`rng` must be a generator over PCG64, as np.random.default_rng gives, got {kind}")
    return rng.bit_generator.state


def save_checkpoint(path: str | os.PathLike[str], checkpoint: Checkpoint) -> None:
    """Write a checkpoint to `path`, the whole file or nothing: a crash leaves the one that was there.

    Args:
        path: of the file.
        checkpoint: what to write.

    Raises:
        TypeError: if an array has a dtype that NumPy's file format lacks, such as objects or bfloat16.
        OSError: if it cannot be written.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> start = mc.Checkpoint.start({"w": np.array(4.0)}, mc.SGD(rate=0.5), np.random.default_rng(0))
        >>> with TemporaryDirectory() as folder:
        ...     mc.save_checkpoint(f"{folder}/run.ckpt", start)
        ...     mc.load_checkpoint(f"{folder}/run.ckpt").params
        {'w': array(4.)}
    """
    # The file: what it is, the SHA-256 of the rest, one line of JSON, the arrays one after the other.
    about = {
        "step": checkpoint.step,
        "rng": checkpoint.rng_state,
        "config": checkpoint.config,
        "params": list(checkpoint.params),
        "state": list(checkpoint.state),
    }
    rest = io.BytesIO()
    rest.write(json.dumps(about).encode() + b"\n")
    for name, array in (*checkpoint.params.items(), *checkpoint.state.items()):
        if array.dtype.kind not in "fiub":
            raise TypeError(f"`{name}` has dtype {array.dtype}, which a checkpoint cannot hold")
        np.lib.format.write_array(rest, array, allow_pickle=False)
    content = rest.getvalue()
    write_atomically(path, _MAGIC + hashlib.sha256(content).digest() + content)


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read what `save_checkpoint` wrote.

    Args:
        path: of the file.

    Returns:
        The checkpoint, bit for bit.

    Raises:
        ValueError: if the file is cut short, damaged or something else; the message names it and says which.
        OSError: if it cannot be read.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> start = mc.Checkpoint.start({"w": np.array(4.0)}, mc.SGD(rate=0.5), np.random.default_rng(0))
        >>> with TemporaryDirectory() as folder:
        ...     mc.save_checkpoint(f"{folder}/run.ckpt", start)
        ...     mc.load_checkpoint(f"{folder}/run.ckpt").step
        0
    """
    whole = Path(path).read_bytes()
    start = len(_MAGIC) + hashlib.sha256().digest_size
    magic, digest, content = whole[: len(_MAGIC)], whole[len(_MAGIC) : start], whole[start:]
    if magic != _MAGIC:
        raise ValueError(f"{os.fspath(path)} is not a checkpoint: it does not begin with {_MAGIC!r}")
    if hashlib.sha256(content).digest() != digest:
        raise ValueError(f"{os.fspath(path)} is a damaged checkpoint: its content does not match its checksum")
    try:
        return _parsed(io.BytesIO(content))
    except (ValueError, KeyError, TypeError, MemoryError) as cause:  # somebody else wrote it, or means harm
        raise ValueError(f"{os.fspath(path)} is no checkpoint that was saved here: {cause}") from cause


def _parsed(rest: io.BytesIO) -> Checkpoint:
    """The checkpoint in a file, after its checksum. Pickled arrays are refused: they may run code."""
    about = json.loads(rest.readline())
    params, state = (
        {name: np.lib.format.read_array(rest, allow_pickle=False) for name in about[kind]}
        for kind in ("params", "state")
    )
    return Checkpoint(params, state, about["rng"], about["step"], about["config"])
