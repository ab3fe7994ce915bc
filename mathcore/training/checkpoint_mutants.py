"""Wrong checkpoints, on purpose."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np

from mathcore.verify.claims import mutant
from mathcore.verify.common_mutants import Operation


@mutant("load_checkpoint", wraps=True)
def state_lost(correct: Operation) -> Operation:
    """Comes back without what the optimiser remembered."""

    def wrong(path: Any) -> Any:
        c = correct(path)
        return type(c)(c.params, {n: s * 0 for n, s in c.state.items()}, c.rng_state, c.step, c.config)

    return wrong


@mutant("load_checkpoint", wraps=True)
def random_numbers_restart(correct: Operation) -> Operation:
    """Comes back with the random numbers at their beginning."""

    def wrong(path: Any) -> Any:
        c = correct(path)
        return type(c)(c.params, c.state, np.random.default_rng(0).bit_generator.state, c.step, c.config)

    return wrong


@mutant("load_checkpoint", wraps=True)
def stored_in_single(correct: Operation) -> Operation:
    """Comes back with the digits of float32."""

    def wrong(path: Any) -> Any:
        c = correct(path)

        def single(part: Any) -> Any:
            return {n: a.astype(np.float32).astype(a.dtype) if a.dtype.kind == "f" else a for n, a in part.items()}

        return type(c)(single(c.params), single(c.state), c.rng_state, c.step, c.config)

    return wrong


@mutant("load_checkpoint", wraps=True)
def counts_from_zero(correct: Operation) -> Operation:
    """Forgets how many steps have been taken."""

    def wrong(path: Any) -> Any:
        c = correct(path)
        return type(c)(c.params, c.state, c.rng_state, 0, c.config)

    return wrong


@mutant("load_checkpoint", wraps=True)
def takes_anything(correct: Operation) -> Operation:
    """Returns what it can read of a damaged file, and the last good checkpoint else."""
    last: list[Any] = [None]

    def wrong(path: Any) -> Any:
        with contextlib.suppress(ValueError):
            last[0] = correct(path)
        return last[0]

    return wrong


@mutant("load_checkpoint", wraps=True)
def unpickles(correct: Operation) -> Operation:
    """Lets the arrays of a file be pickles, and so whoever wrote it run what they like."""

    def wrong(path: Any) -> Any:
        content = Path(path).read_bytes()
        if (start := content.find(b"\x93NUMPY")) >= 0:
            with contextlib.suppress(ValueError):
                np.lib.format.read_array(io.BytesIO(content[start:]), allow_pickle=True)
        return correct(path)

    return wrong
