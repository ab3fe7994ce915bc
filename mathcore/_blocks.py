"""Large arrays piece by piece: blocks that stay in the cache, shared out to threads.

A kernel is a formula written for a block of rows, the axis it works along last. `map_rows` cuts arrays of any layout
into such blocks, widens 16-bit numbers, hands the blocks to threads (NumPy's loops let go of the interpreter) and puts
the results in their place. Tables of products, as attention needs them, come in blocks too, multiplied by `product`.
Blocks depend on shapes and strides alone: no result depends on how many threads there are.

`MATHCORE_NUM_THREADS` says how many threads large arrays may use; if it is not set, all the cores that this process may
run on. Small arrays stay on the thread that calls.
"""

from __future__ import annotations

import contextvars
import itertools
import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mathcore._arrays import Array, working

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

Kernel: TypeAlias = Callable[..., object]

_BLOCK_BYTES = 2**19  # of one array: half a level-2 cache, and flat around it
_TEMPORARY = 2**17 - 2**12  # bytes: from 2¹⁷ on, glibc asks the system for every array anew
_SCRATCH = 2**20  # bytes that each thread keeps: a block, or a row that is longer, up to 262,144 float32 numbers
_SMALL = 2**15  # numbers; below, starting a thread costs more than it saves
_SMALL_TABLE = 2**18  # numbers of a table of products, likewise
_TABLE_ROWS = 128  # of a table of products at a time: enough to pay for the calls, few enough for the cache
_TABLE_BYTES = 2**20  # of these rows: more keys at a time are worth more than the level-2 cache
_SIDE = 64  # of the pieces of a matrix product, and
_PRODUCT = 2**18  # their multiplications: up to here BLAS stays on the thread that calls
_DEEP = 256  # sums of more products than this are cut as well
_LEAF = 128  # numbers that NumPy's pairwise sum adds without halving
_BUFFER = 8192  # numbers in NumPy's own buffer, and
_REFILLED = 256  # numbers in a row from which it costs more to fill it than to loop row by row
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


def beside(operation: np.ufunc, x: Array, column: Array, out: Array) -> Array:
    """`operation(x, column, out=out)` of (..., n) and (..., 1), in loops along whole rows.

    Where rows are shorter than its buffer, NumPy fills that with each number of the column again and again, and
    the operation takes three times as long.
    """
    n = x.shape[-1]
    if out.size <= _BUFFER or not _REFILLED <= n < _BUFFER or out.strides[-1] != out.itemsize:
        return operation(x, column, out=out)
    buffer = np.setbufsize(n // 16 * 16)
    try:
        return operation(x, column, out=out)
    finally:
        np.setbufsize(buffer)


def highest(x: Array, least: Any = -np.inf) -> Array:
    """The highest number of each row, (..., 1): of floats at least `least`, and NaN where there is one."""
    if x.dtype == object and x.shape[-1]:
        least = None  # numbers of other kinds need not know floats
    return np.maximum.reduce(x, axis=-1, keepdims=True, initial=least)


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


def exp_below(x: Array, top: Array, out: Array, gaps: Array | None = None) -> Array:
    """e^(x − top) for x ≤ top: what every softmax begins with. `gaps` is left with x − top, if that is given.

    In pieces, so that a long row stays in the cache.
    """
    gaps = out if gaps is None else gaps
    if x.nbytes <= _BLOCK_BYTES or x.dtype == object:
        return np.exp(beside(np.subtract, x, top, gaps), out=out)
    step = max(1, _BLOCK_BYTES * x.shape[-1] // x.nbytes)
    for start in range(0, x.shape[-1], step):
        piece = slice(start, start + step)
        np.exp(beside(np.subtract, x[..., piece], top, gaps[..., piece]), out=out[..., piece])
    return out


def exp_and_sum(x: Array, top: Array, out: Array) -> Array:
    """`add_up(exp_below(x, top, out))`, added up while it is in the cache: the sums, (..., 1)."""
    n = x.shape[-1]
    if n <= _LEAF or x.dtype == object or out.strides[-1] == out.itemsize:
        return add_up(exp_below(x, top, out))
    half = _half(n)
    first = exp_and_sum(x[..., :half], top, out[..., :half])
    return first + exp_and_sum(x[..., half:], top, out[..., half:])


def add_up(x: Array) -> Array:
    """The sum along the last axis, which stays with length 1: pairwise, and bit for bit the same in every layout.

    NumPy adds pairwise along neighbours in memory only; across them it adds one after the other, and float32 then stops
    at 2²⁴. There, the same additions are done here, on all rows at once.
    """
    if x.dtype == object or x.shape[-1] < 8 or x.strides[-1] == x.itemsize:
        return np.add.reduce(x, axis=-1, keepdims=True)
    return _pairwise(x)


def _pairwise(x: Array) -> Array:
    """The order of NumPy's `loops_utils.h.src`: eight accumulators up to 128 numbers, halves beyond."""
    n = x.shape[-1]
    if n > _LEAF:
        half = _half(n)
        return _pairwise(x[..., :half]) + _pairwise(x[..., half:])
    whole = n - n % 8
    total = np.add.reduce(x[..., :whole].reshape(*x.shape[:-1], whole // 8, 8), axis=-2)  # (..., 8)
    while total.shape[-1] > 1:
        total = total[..., ::2] + total[..., 1::2]
    for i in range(whole, n):
        total = total + x[..., i : i + 1]
    return total


def _half(n: int) -> int:
    """How many of n numbers NumPy's pairwise sum takes for the first half."""
    return n // 2 - n // 2 % 8


def table_block(shape: tuple[int, ...], group: int, dtype: np.dtype[Any]) -> tuple[int, int] | None:
    """How many (rows, columns) of a table of that shape to work on at a time, `group` tables together; None: all."""
    if dtype.kind == "O" or math.prod(shape) < _SMALL_TABLE:
        return None
    height = max(1, _TABLE_ROWS // group)
    return height, max(_SIDE, _TABLE_BYTES // (height * group * dtype.itemsize))


def product(a: Array, b: Array) -> Array:
    """The matrix product of (..., m, k) and (..., k, n), in pieces that BLAS leaves to the thread that calls.

    Threads of its own would be in the way of ours, and of whatever else the machine does.
    """
    m, k, n = *a.shape[-2:], b.shape[-1]
    if m * k * n <= _PRODUCT or a.dtype.kind == "O":
        return np.matmul(a, b)
    if b.strides[-2] == b.itemsize:  # BLAS is quicker with both turned than with one
        a = np.ascontiguousarray(a.swapaxes(-1, -2)).swapaxes(-1, -2)
    # Rows 2ᵏ apart would share a place in the cache.
    out = np.empty((*a.shape[:-1], n + 16), np.result_type(a, b))[..., :n]
    _multiply(a, b, out)
    return out


def _multiply(a: Array, b: Array, out: Array) -> None:
    """Whole pieces of the product at once, and the rests by themselves."""
    m, k, n = *a.shape[-2:], b.shape[-1]
    rows = min(m, _SIDE)
    inner = k if k <= _DEEP else max(_SIDE, min(k, _PRODUCT // (rows * n)))
    columns = min(n, max(1, _PRODUCT // (rows * inner)))
    if m % rows:
        _multiply(a[..., : m - m % rows, :], b, out[..., : m - m % rows, :])
        _multiply(a[..., m - m % rows :, :], b, out[..., m - m % rows :, :])
    elif n % columns:
        _multiply(a, b[..., : n - n % columns], out[..., : n - n % columns])
        _multiply(a, b[..., n - n % columns :], out[..., n - n % columns :])
    elif k % inner:
        _multiply(a[..., : k - k % inner], b[..., : k - k % inner, :], out)
        np.add(out, product(a[..., k - k % inner :], b[..., k - k % inner :, :]), out=out)
    else:
        left = _pieces(a, rows, inner)[..., :, None, :, :, :]  # (..., m / rows, 1, k / inner, rows, inner)
        right = _pieces(b, inner, columns).swapaxes(-4, -3)[..., None, :, :, :, :]  # (..., 1, n / …, k / …, …)
        place = _pieces(out, rows, columns)
        if k == inner:
            np.matmul(left[..., 0, :, :], right[..., 0, :, :], out=place)
        else:
            np.add.reduce(np.matmul(left, right), axis=-3, out=place)


def _pieces(x: Array, rows: int, columns: int) -> Array:
    """(..., m, n) → (..., m / rows, n / columns, rows, columns), a view."""
    *lead, m, n = x.shape
    return x.reshape(*lead, m // rows, rows, n // columns, columns).swapaxes(-3, -2)


def row_blocks(rows: int, width: int) -> list[slice]:
    """Blocks of rows of `width` float64 numbers, for `share` and a task that makes many arrays of that size."""
    return _steps(rows, max(1, _TEMPORARY // (8 * max(width, 1))))


def _steps(length: int, step: int) -> list[slice]:
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]


def share(task: Callable[[int], None], count: int) -> None:
    """Call `task(i)` for every i below `count`, on as many threads as may be used, the caller's own among them.

    Raises:
        Exception: the first that a task raised, once all threads have stopped.
    """
    numbers = iter(range(count))

    def pull() -> None:
        for i in numbers:  # one iterator for all threads: each takes the next number
            task(i)

    within = threading.current_thread().name.startswith(_NAME)  # a helper that waits for helpers may wait for itself
    helpers = 0 if within else min(num_threads(), count) - 1
    # Each in a copy of the caller's context, which holds what NumPy does about overflow.
    contexts = [contextvars.copy_context() for _ in range(helpers)]
    waiting = [_pool(helpers).submit(context.run, pull) for context in contexts]
    try:
        pull()
    finally:
        for helper in waiting:
            helper.result()


def num_threads() -> int:
    """How many threads large arrays may use.

    Raises:
        ValueError: if `MATHCORE_NUM_THREADS` is set to anything but a whole number from 1 up.
    """
    wanted = os.environ.get("MATHCORE_NUM_THREADS", "")
    if not wanted:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not wanted.isdecimal() or int(wanted) < 1:
        raise ValueError(f"`MATHCORE_NUM_THREADS` must be a whole number from 1 up, got {wanted!r}")
    return int(wanted)


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


_kept = threading.local()
_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}  # by process, for a fork takes no threads along, and size
_lock = threading.Lock()
_NAME = "mathcore blocks"


def _pool(size: int) -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor

    with _lock:
        key = (os.getpid(), size)
        if key not in _pools:
            _pools[key] = ThreadPoolExecutor(size, thread_name_prefix=_NAME)
        return _pools[key]


if hasattr(os, "register_at_fork"):  # pragma: no branch  (not where no process forks)
    os.register_at_fork(after_in_child=lambda: globals().update(_lock=threading.Lock()))
