"""Large arrays piece by piece: blocks that stay in the cache, shared out to threads.

A kernel is a formula written for a block of rows, the axis it works along last. `map_rows` cuts arrays of any layout
into such blocks, widens 16-bit numbers, hands the blocks to threads (NumPy's loops let go of the interpreter) and puts
the results in their place. Tables of products, as attention needs them, come in blocks too, multiplied by `product`.
Blocks depend on shapes and strides alone: no result depends on how many threads there are.

`MATHCORE_NUM_THREADS` says how many threads large arrays may use; if it is not set, all the cores that this process may
run on. Small arrays stay on the thread that calls.
"""

from __future__ import annotations

import itertools
import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from mathcore._arrays import Array, working
from mathcore._compute.matmul import _SIDE
from mathcore._compute.threads import _kept, share

Kernel: TypeAlias = Callable[..., object]


_BLOCK_BYTES = 2**19  # of one array: half a level-2 cache, and flat around it


_TEMPORARY = 2**17 - 2**12  # bytes: from 2¹⁷ on, glibc asks the system for every array anew


_SCRATCH = 2**20  # bytes that each thread keeps: a block, or a row that is longer, up to 262,144 float32 numbers


_SMALL = 2**15  # numbers; below, starting a thread costs more than it saves


_SMALL_TABLE = 2**18  # numbers of a table of products, likewise


_TABLE_ROWS = 128  # of a table of products at a time: enough to pay for the calls, few enough for the cache


_TABLE_BYTES = 2**20  # of these rows: more keys at a time are worth more than the level-2 cache


_SHORT_ROW = 24  # rows up to here are turned, so that loops run across rows and not along them


_WIDE = 512  # rows worked on at a time, at least, where loops run across them: 256 take up to twice as long


def map_rows(
    kernel: Kernel, out: Array, *inputs: Array | None, apart: bool = True, column: Array | None = None
) -> Array:
    """Fill `out` by `kernel(*blocks of inputs, block of out)`, one block of rows after the other.

    Args:
        kernel: writes its results into the last block it is given. It may run on several threads at a time, and must
            treat every row by itself. Overflow and invalid operations raise no warnings in it.
        out: (..., n), in any layout.
        inputs: arrays whose leading axes broadcast to those of `out`, or None. Small arrays arrive as they are, not
            broadcast; 16-bit floats in float32.
        apart: that `out` is new memory. If not, inputs may lie in it: what comes out is what would come out elsewhere.
        column: where what the kernel returns goes, a number for each row: (..., 1), C-contiguous.

    Returns:
        `out`.
    """
    if not apart and any(x is not None and np.may_share_memory(x, out) for x in inputs):
        inputs = tuple(x.copy() if x is not None and not _same_memory(x, out) else x for x in inputs)
        kernel = _on_copies(kernel)
    if out.dtype.kind == "O" or max([out.size, *[x.size for x in inputs if x is not None]]) < _SMALL:
        _apply(kernel, out, inputs, column)
        return out
    result, inputs = out, tuple(x if x is None else np.broadcast_to(x, (*out.shape[:-1], x.shape[-1])) for x in inputs)
    arrays = (out, *inputs)
    if out.ndim > 2 and all(x is None or x.flags.c_contiguous for x in arrays):
        out, *inputs = (None if x is None else x.reshape(-1, x.shape[-1]) for x in arrays)  # type: ignore[assignment]
        column = None if column is None else column.reshape(-1, 1)
    cuts = list(_cuts(max((x for x in (out, *inputs) if x is not None), key=lambda x: x.shape[-1])))

    def work(i: int) -> None:
        found, *blocks = (None if x is None else x[cuts[i]] for x in (column, *inputs))
        _apply(kernel, out[cuts[i]], blocks, found)

    share(work, len(cuts))
    return result


def map_numbers(kernel: Kernel, out: Array, *inputs: Array) -> Array:
    """`map_rows` for a kernel that treats every number by itself: all of `inputs` have the shape of `out`, new memory.

    Returns:
        `out`.
    """
    if out.dtype.kind == "O" or out.size < _SMALL or not all(x.flags.c_contiguous for x in (out, *inputs)):
        _apply(kernel, out, inputs)
        return out
    place, *flat = (x.reshape(-1) for x in (out, *inputs))
    blocks = _steps(out.size, _BLOCK_BYTES // out.itemsize)
    share(lambda i: _apply(kernel, place[blocks[i]], [x[blocks[i]] for x in flat]), len(blocks))
    return out


def scratch_like(x: Array) -> Array:
    """Memory of the shape, dtype and layout of a block, with anything in it; good until the same thread asks again.

    Each thread keeps its own: large arrays that malloc takes from the system anew cost as much as what is done in them.
    """
    if x.dtype == object or not _TEMPORARY < x.nbytes <= _SCRATCH:
        return np.empty_like(x)
    if not hasattr(_kept, "scratch"):
        _kept.scratch = np.empty(_SCRATCH, np.uint8)
    axes = sorted(range(x.ndim), key=lambda axis: -abs(x.strides[axis]))  # the outermost in memory first
    scratch: Array = _kept.scratch[: x.nbytes].view(x.dtype).reshape([x.shape[axis] for axis in axes])
    return scratch.transpose(sorted(range(x.ndim), key=axes.__getitem__))


def table_block(shape: tuple[int, ...], group: int, dtype: np.dtype[Any]) -> tuple[int, int] | None:
    """How many (rows, columns) of a table of that shape to work on at a time, `group` tables together; None: all."""
    if dtype.kind == "O" or math.prod(shape) < _SMALL_TABLE:
        return None
    height = max(1, _TABLE_ROWS // group)
    return height, max(_SIDE, _TABLE_BYTES // (height * group * dtype.itemsize))


def row_blocks(rows: int, width: int) -> list[slice]:
    """Blocks of rows of `width` float64 numbers, for `share` and a task that makes many arrays of that size."""
    return _steps(rows, max(1, _TEMPORARY // (8 * max(width, 1))))


def _steps(length: int, step: int) -> list[slice]:
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]


def _apply(kernel: Kernel, place: Array, inputs: Sequence[Array | None], column: Array | None = None) -> None:
    """One block: widened, turned if its rows are short, worked on, and put in its place."""
    blocks = [None if x is None else working(x) for x in inputs]
    result = place if place.itemsize > 2 else np.empty(place.shape, np.float32)
    if place.ndim == 2 and 1 < place.shape[1] <= _SHORT_ROW < _WIDE <= len(place) and place.flags.c_contiguous:
        blocks = [None if x is None else np.ascontiguousarray(x.T).T for x in blocks]
        result = np.empty(place.shape[::-1], result.dtype).T
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        found = kernel(*blocks, result)
        if column is not None:
            column[...] = found
        if result is not place:
            place[...] = result


def _on_copies(kernel: Kernel) -> Kernel:
    """The kernel for blocks that lie where its result goes."""
    return lambda *blocks: kernel(*(x if x is None else x.copy() for x in blocks[:-1]), blocks[-1])


def _same_memory(x: Array, out: Array) -> bool:
    """Whether both have every number in the same place, so that no row of one touches another row of the other."""
    return x.ctypes.data == out.ctypes.data and x.strides == out.strides and x.shape == out.shape


def _cuts(out: Array) -> Iterator[tuple[slice, ...]]:
    """Blocks of whole rows, neighbours in memory together."""
    rows = out.ndim - 1
    room = max(1, _BLOCK_BYTES // max(out.shape[-1] * max(out.itemsize, 4), 1))
    steps = list(out.shape[:-1])
    for axis in sorted(range(rows), key=lambda a: -abs(out.strides[a])):  # the outermost in memory first
        across = abs(out.strides[axis]) < abs(out.strides[-1])
        others = math.prod(step for a, step in enumerate(steps) if a != axis)
        steps[axis] = max(1, min(steps[axis], max(room // max(others, 1), _WIDE if across else 1)))
    return itertools.product(
        *([slice(i, i + step) for i in range(0, size, step)] for size, step in zip(out.shape, steps, strict=False))
    )


if hasattr(os, "register_at_fork"):  # pragma: no branch  (not where no process forks)
    os.register_at_fork(after_in_child=lambda: globals().update(_lock=threading.Lock()))
