"""Blocked, multithreaded evaluation of large arrays.

A kernel evaluates a formula on a block of rows, the reduced axis last. `map_rows` cuts arrays of any layout into blocks
that fit the cache, upcasts 16-bit floats to float32, runs the kernel on several threads (NumPy's loops release the GIL)
and writes the results back. Score matrices, as attention needs them, are cut into tiles (`score_tile`).
Blocks depend on shapes and strides alone: no result depends on the number of threads.

`MATHCORE_NUM_THREADS` sets how many threads large arrays may use; if it is not set, all the cores that this process may
run on. Small arrays stay on the calling thread.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from mathcore._arrays import Array, quiet, working
from mathcore._compute.matmul import _TILE
from mathcore._compute.threads import _thread_local, parallel_for

Kernel: TypeAlias = Callable[..., object]


_BLOCK_BYTES = 2**19  # of each array in a block: half a level-2 cache; the optimum is flat around it

_MMAP_BYTES = 2**17 - 2**12  # just below the size from which glibc maps, and unmaps, fresh pages for every array

_SCRATCH_BYTES = 2**20  # kept by each thread: a block, or a longer row of up to 262,144 float32 elements

BLOCK_OF_FLOAT64 = 2**15  # elements, for kernels that keep several such arrays in the level-2 cache at once

_FEW = 2**11  # elements below which memory of the heap costs nothing: it is not given back to the system in between

_SMALL = 2**15  # elements below which threads do not pay

_SMALL_SCORES = 2**18  # score-matrix elements below which threads do not pay

_TILE_ROWS = 128  # of a score matrix, at least: enough to amortise the calls

_TILE_BYTES = 2**20  # of a score tile: more keys at a time gain more than staying in the level-2 cache

_SHORT_ROW = 24  # elements; rows up to here are transposed, so that loops run across rows and not along them

_ROWS_ACROSS = 512  # rows in a block, at least, where loops run across them: 256 take up to twice as long


def map_rows(
    kernel: Kernel, out: Array, *inputs: Array | None, apart: bool = True, column: Array | None = None
) -> Array:
    """Fill `out` by `kernel(*blocks of inputs, block of out)`, block of rows by block of rows.

    Args:
        kernel: writes its results into its last argument. It may run on several threads at once, and must treat every
            row independently. Overflow and invalid operations raise no warnings in it.
        out: (..., n), in any layout.
        inputs: arrays whose leading axes broadcast to those of `out`, or None. Small arrays are passed as they are, not
            broadcast; 16-bit floats are passed in float32.
        apart: that `out` is new memory. If not, inputs may overlap it; the result is the same.
        column: receives what the kernel returns, one value for each row: (..., 1), C-contiguous.

    Returns:
        `out`.
    """
    if not apart and any(x is not None and np.may_share_memory(x, out) for x in inputs):
        inputs = tuple(x.copy() if x is not None and not _same_memory(x, out) else x for x in inputs)
        kernel = _on_copies(kernel)
    largest = out.size
    for x in inputs:
        if x is not None and x.size > largest:
            largest = x.size
    if largest < _SMALL or out.dtype.kind == "O":
        _run_kernel(kernel, out, inputs, column)
        return out
    result, inputs = out, tuple(x if x is None else np.broadcast_to(x, (*out.shape[:-1], x.shape[-1])) for x in inputs)
    arrays = (out, *inputs)
    if out.ndim > 2 and all(x is None or x.flags.c_contiguous for x in arrays):
        rows = math.prod(out.shape[:-1])  # NumPy does not know how many there are of no width
        out, *inputs = (None if x is None else x.reshape(rows, x.shape[-1]) for x in arrays)  # type: ignore[assignment]
        column = None if column is None else column.reshape(-1, 1)
    blocks = list(_row_blocks_of(max((x for x in (out, *inputs) if x is not None), key=lambda x: x.shape[-1])))

    def run_block(i: int) -> None:
        column_block, *input_blocks = (None if x is None else x[blocks[i]] for x in (column, *inputs))
        _run_kernel(kernel, out[blocks[i]], input_blocks, column_block)

    parallel_for(run_block, len(blocks))
    return result


def map_elements(kernel: Kernel, out: Array, *inputs: Array, most: int | None = None) -> Array:
    """`map_rows` for an elementwise kernel: all of `inputs` have the shape of `out`, which is new memory.

    Args:
        kernel, out, inputs: see there.
        most: how many elements a block has at most, if not as many as fill `_BLOCK_BYTES`.

    Returns:
        `out`.
    """
    if out.size < (most or _SMALL) or out.dtype.kind == "O" or not all(x.flags.c_contiguous for x in (out, *inputs)):
        _run_kernel(kernel, out, inputs)
        return out
    flat_out, *flat = (x.reshape(-1) for x in (out, *inputs))
    blocks = _slices(out.size, most or _BLOCK_BYTES // out.itemsize)
    parallel_for(lambda i: _run_kernel(kernel, flat_out[blocks[i]], [x[blocks[i]] for x in flat]), len(blocks))
    return out


def thread_scratch(x: Array) -> Array:
    """Uninitialised array of the shape, dtype and layout of `x`; valid until the next call on this thread.

    Each thread keeps one buffer: page faults in freshly mapped memory cost as much as the kernel itself.
    """
    if x.flags.c_contiguous:
        return thread_buffer(x.shape, x.dtype)
    axes = sorted(range(x.ndim), key=lambda axis: -abs(x.strides[axis]))  # the outermost in memory first
    scratch = thread_buffer(tuple(x.shape[axis] for axis in axes), x.dtype)
    return scratch.transpose(sorted(range(x.ndim), key=axes.__getitem__))


def thread_buffer(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """`thread_scratch` of a shape and a dtype: valid until the next call of either on this thread."""
    size = math.prod(shape) * dtype.itemsize
    if dtype.kind == "O" or not _MMAP_BYTES < size <= _SCRATCH_BYTES:
        return np.empty(shape, dtype)
    if not hasattr(_thread_local, "scratch"):
        _thread_local.scratch = np.empty(_SCRATCH_BYTES, np.uint8)
    buffer: Array = _thread_local.scratch
    return buffer[:size].view(dtype).reshape(shape)


def thread_float64(place: int, shape: tuple[int, ...]) -> Array:
    """Uninitialised float64 array; valid until the next call for the same place on this thread.

    Kernels that need several at once number them. What is small or larger than a block is new memory.
    """
    size = math.prod(shape)
    if not _FEW < size <= BLOCK_OF_FLOAT64:
        return np.empty(shape)
    kept: dict[int, Array] = _thread_local.__dict__.setdefault("float64", {})
    if place not in kept:
        kept[place] = np.empty(BLOCK_OF_FLOAT64)
    return kept[place][:size].reshape(shape)


def score_tile(shape: tuple[int, ...], group: int, is_causal: bool, dtype: np.dtype[Any]) -> tuple[int, int] | None:
    """(rows, columns) of the tiles of a score matrix of that shape, `group` heads together; None: one tile for all."""
    if dtype.kind == "O" or math.prod(shape) < _SMALL_SCORES:
        return None
    fitting = _BLOCK_BYTES // (max(shape[-1], 1) * dtype.itemsize)
    rows = max(_TILE_ROWS, min(fitting, shape[-2]) // (2 if is_causal else 1)) // group  # low tiles skip more
    rows = max(1, rows)
    return rows, max(_TILE, _TILE_BYTES // (rows * group * dtype.itemsize))


def row_blocks(rows: int, width: int) -> list[slice]:
    """Blocks of rows of `width` float64 elements, for `parallel_for` and a task with many temporaries of that size."""
    return _slices(rows, max(1, _MMAP_BYTES // (8 * max(width, 1))))


def _slices(length: int, step: int) -> list[slice]:
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]


@quiet()  # as a decorator it takes half the time
def _run_kernel(kernel: Kernel, out: Array, inputs: Sequence[Array | None], column: Array | None = None) -> None:
    """Run the kernel on one block: upcast 16-bit inputs, transpose short rows, compute, write back."""
    blocks = [x if x is None or x.itemsize > 2 else working(x) for x in inputs]
    result = out if out.itemsize > 2 else np.empty(out.shape, np.float32)
    if out.ndim == 2 and 1 < out.shape[1] <= _SHORT_ROW < _ROWS_ACROSS <= len(out) and out.flags.c_contiguous:
        blocks = [None if x is None else np.ascontiguousarray(x.T).T for x in blocks]
        result = np.empty(out.shape[::-1], result.dtype).T
    of_rows = kernel(*blocks, result)
    if column is not None:
        column[...] = of_rows
    if result is not out:
        out[...] = result


def _on_copies(kernel: Kernel) -> Kernel:
    """The kernel, reading from copies, for inputs that overlap its output."""
    return lambda *blocks: kernel(*(x if x is None else x.copy() for x in blocks[:-1]), blocks[-1])


def _same_memory(x: Array, out: Array) -> bool:
    """Whether both are the same view, so that no row of one overlaps another row of the other."""
    return x.ctypes.data == out.ctypes.data and x.strides == out.strides and x.shape == out.shape


def _row_blocks_of(out: Array) -> Iterator[tuple[slice, ...]]:
    """Blocks of whole rows, of neighbours in memory."""
    rows = out.ndim - 1
    most = max(1, _BLOCK_BYTES // max(out.shape[-1] * max(out.itemsize, 4), 1))
    steps = list(out.shape[:-1])
    for axis in sorted(range(rows), key=lambda a: -abs(out.strides[a])):  # the outermost in memory first
        across = abs(out.strides[axis]) < abs(out.strides[-1])
        others = math.prod(step for a, step in enumerate(steps) if a != axis)
        steps[axis] = max(1, min(steps[axis], max(most // max(others, 1), _ROWS_ACROSS if across else 1)))
    return itertools.product(
        *([slice(i, i + step) for i in range(0, size, step)] for size, step in zip(out.shape, steps, strict=False))
    )
