"""Files that a training can go on from."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mathcore._files import write_atomically
from mathcore.training import _checkpoint_file
from mathcore.training.optimisers import Arrays, Optimiser


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A training between two steps: all that the next step depends on.

    Attributes:
        params: name → array.
        state: the optimiser's, name → array.
        rng_state: where the random numbers stand.
        step: steps taken.
        config: what the trainer wants to find again: None, bools, integers, floats, strings, and lists, tuples and
            mappings of them.

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
    """Write a checkpoint to `path`, the whole file or nothing: a crash or a full disk leaves the one that was there.

    Args:
        path: of the file.
        checkpoint: what to write.

    Raises:
        TypeError: if an array is of other numbers than bools, integers and floats (bfloat16 included), or the config
            holds something that a file cannot hold; the message names it.
        ValueError: if the config is nested more than 100 deep or takes more than 16 MB, or the random numbers do not
            stand where those of PCG64 can.
        OSError: if it cannot be written.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> start = mc.Checkpoint.start({"w": np.array(4.0)}, mc.SGD(rate=0.5), np.random.default_rng(0))
        >>> with TemporaryDirectory() as folder:
        ...     mc.save_checkpoint(f"{folder}/run.ckpt", start)
        ...     mc.load_checkpoint(f"{folder}/run.ckpt").params
        {'w': array(4.)}
    """
    write_atomically(path, _content(checkpoint))


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read what `save_checkpoint` wrote.

    Args:
        path: of the file.

    Returns:
        The checkpoint, bit for bit; the config with its tuples and with keys that are no strings.

    Raises:
        ValueError: whatever else the file holds: it is cut short, damaged, something else, or made to do harm. The
            message names it and says which. No code in it runs, and what it takes in memory does not depend on the
            sizes that it claims, only on its own.
        OSError: if it cannot be read.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> start = mc.Checkpoint.start({"w": np.array(4.0)}, mc.SGD(rate=0.5), np.random.default_rng(0))
        >>> with TemporaryDirectory() as folder:
        ...     mc.save_checkpoint(f"{folder}/run.ckpt", start)
        ...     mc.load_checkpoint(f"{folder}/run.ckpt").step
        0
    """
    with Path(path).open("rb") as file:
        try:
            return _checked(Checkpoint(*_checkpoint_file.unpacked(file)))
        except ValueError as wrong:
            raise ValueError(f"{os.fspath(path)} is not a checkpoint that can be read: {wrong}") from wrong


def _content(checkpoint: Checkpoint) -> bytes:
    """The file of a checkpoint."""
    c = _checked(checkpoint)
    return _checkpoint_file.packed(c.params, c.state, c.rng_state, c.step, c.config)


def _checked(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint, if a training can go on from it.

    Raises:
        ValueError: if it cannot.
    """
    step: Any = checkpoint.step
    if type(step) is not int or step < 0:
        raise ValueError(f"`step` must be a number of steps, got {reprlib.repr(step)}")
    if not isinstance(checkpoint.config, Mapping):
        raise ValueError(f"`config` must be a mapping, got {type(checkpoint.config).__name__}")
    try:
        checkpoint.rng()
    except (TypeError, ValueError, KeyError, OverflowError) as wrong:
        raise ValueError(f"`rng_state` is no state of PCG64: {wrong!r}") from wrong
    return checkpoint
