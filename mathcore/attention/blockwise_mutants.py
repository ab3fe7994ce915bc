"""Wrong blocks, merges and caches, on purpose."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.attention.dot_product_mutants import _with_mask
from mathcore.verify.claims import Mutant, mutant
from mathcore.verify.common_mutants import Operation


# Joining, blocks, caches.
@mutant("merge_attention", wraps=True)
def weights_exchanged(correct: Operation) -> Operation:
    """Gives each side the other's weight."""
    return lambda a, lse_a, b, lse_b: correct(a, lse_b, b, lse_a)


@mutant("merge_attention", wraps=True)
def plain_average(correct: Operation) -> Operation:
    """Takes the mean of the two."""
    return lambda a, lse_a, b, lse_b: (((a + b) / 2).astype(a.dtype), correct(a, lse_a, b, lse_b)[1])


@mutant("merge_attention", wraps=True)
def larger_log_kept(correct: Operation) -> Operation:
    """Returns the larger log-sum-exp for that of both."""
    return lambda a, lse_a, b, lse_b: (correct(a, lse_a, b, lse_b)[0], np.maximum(lse_a, lse_b))


@mutant("merge_attention")
def merged_without_shift(a: Any, lse_a: Any, b: Any, lse_b: Any) -> Any:
    """Raises both logarithms as they are: overflow, and 0/0 where nothing was seen."""
    with np.errstate(all="ignore"):
        x, y = np.exp(lse_a)[..., None], np.exp(lse_b)[..., None]
        return ((x * a + y * b) / (x + y)).astype(a.dtype), np.log(x + y)[..., 0].astype(lse_a.dtype)


@mutant("merge_attention")
def merged_before_it_divides(a: Any, lse_a: Any, b: Any, lse_b: Any) -> Any:
    """Divides the sum of the two: it overflows where neither does."""
    top = np.maximum(lse_a, lse_b)
    shift, work = np.where(np.isneginf(top), 0, top), np.result_type(lse_a, a if a.dtype.itemsize > 2 else np.float32)
    with np.errstate(all="ignore"):
        x, y = (np.exp(lse - shift)[..., None].astype(work) for lse in (lse_a, lse_b))
        sides = (np.where(s > 0, s * o.astype(work), 0) for s, o in ((x, a), (y, b)))
        mix = sum(sides) / np.maximum(x + y, work.type(1e-30))
        return mix.astype(a.dtype), (shift + np.log(x + y)[..., 0]).astype(lse_a.dtype)


@mutant("merge_attention", wraps=True)
def nothing_times_nan(correct: Operation) -> Operation:
    """Multiplies by 0 what a side holds that saw nothing: its NaN comes through."""

    def merge(a: Any, lse_a: Any, b: Any, lse_b: Any) -> Any:
        mix, lse = correct(a, lse_a, b, lse_b)
        sides = ((a, lse_a), (b, lse_b))
        wild = np.any([np.isneginf(lse)[..., None] & ~np.isfinite(x.astype(np.float64)) for x, lse in sides], 0)
        return np.where(wild, mix.dtype.type(np.nan), mix), lse

    return merge


@mutant("blockwise_attention", wraps=True)
def table_of_the_mask(correct: Operation) -> Operation:
    """Writes the causal mask down whole: its memory grows with the square of the length."""

    def attention(query: Any, key: Any, value: Any, **options: Any) -> Any:
        if options.get("is_causal"):
            table = np.ones((query.shape[-2], key.shape[-2]))
            del table
        return correct(query, key, value, **options)

    return attention


@mutant("blockwise_attention", wraps=True)
def whole_matrix(correct: Operation) -> Operation:
    """Works in a single block: its memory grows with the square of the length."""
    return lambda *arrays, **options: correct(*arrays, **{**options, "block_size": 1 << 30})


@mutant("blockwise_attention", wraps=True)
def last_block_alone(correct: Operation) -> Operation:
    """Forgets earlier blocks of keys when a new one comes."""

    def attention(query: Any, key: Any, value: Any, *, block_size: int = 512, **options: Any) -> Any:
        keys = key.shape[-2]
        seen = (np.arange(keys) >= max(keys - 1, 0) // block_size * block_size)[None]
        return correct(query, key, value, **_with_mask(options, seen), block_size=block_size)

    return attention


@mutant("blockwise_attention", wraps=True)
def blocks_not_rescaled(correct: Operation) -> Operation:
    """Averages what the blocks of keys give, as if each had the same weight."""

    def attention(query: Any, key: Any, value: Any, *, block_size: int = 512, **options: Any) -> Any:
        keys = np.arange(key.shape[-2])
        inside = (((keys >= start) & (keys < start + block_size))[None] for start in range(0, len(keys), block_size))
        parts = [correct(query, key, value, **_with_mask(options, seen)) for seen in inside]
        if not isinstance(parts[0], tuple):
            return np.mean(parts, 0).astype(parts[0].dtype)
        return np.mean([out for out, _ in parts], 0).astype(parts[0][0].dtype), parts[0][1]

    return attention


class _Cache:
    """A cache with something wrong with it."""

    def __init__(self, inner: Any, before: _Cache | None = None) -> None:
        self.inner, self.before = inner, before

    def __len__(self) -> int:
        return len(self.inner)

    @property
    def key(self) -> Any:
        return self.inner.key

    @property
    def value(self) -> Any:
        return self.inner.value

    def append(self, key: Any, value: Any) -> _Cache:
        return type(self)(self.inner.append(key, value), self)

    def attend(self, query: Any, **options: Any) -> Any:
        return self.inner.attend(query, **options)


def _cached(wrong: type[_Cache]) -> Mutant:
    def build(correct: Any) -> Any:
        return lambda: wrong(correct())

    build.__doc__, build.__name__ = wrong.__doc__, wrong.__name__.lstrip("_")
    return mutant("KeyValueCache", wraps=True)(build)


class _WordMissing(_Cache):
    """Asks only the words before the last piece, if there are any."""

    def attend(self, query: Any, **options: Any) -> Any:
        inner = self.before.inner if self.before is not None and len(self.before.inner) else self.inner
        seen = {k: v if v is None else v[..., : len(inner)] for k, v in options.items() if k in ("mask", "bias")}
        return inner.attend(query, **{**options, **seen})


class _OneWordKept(_Cache):
    """Keeps the last of several new words alone."""

    def append(self, key: Any, value: Any) -> _Cache:
        return type(self)(self.inner.append(key[..., -1:, :], value[..., -1:, :]), self)


class _AnchoredAtFirst(_Cache):
    """Counts new queries from the first word, so that the first of them sees one word."""

    def attend(self, query: Any, *, is_causal: bool = True, **options: Any) -> Any:
        if is_causal:
            options = _with_mask(options, np.tri(query.shape[-2], len(self.inner), dtype=bool))
        return self.inner.attend(query, is_causal=False, **options)


class _FirstOverwritten(_Cache):
    """Writes new words over the first one."""

    def attend(self, query: Any, **options: Any) -> Any:
        if len(self.inner) > query.shape[-2]:
            options = _with_mask(options, (np.arange(len(self.inner)) > 0)[None])
        return self.inner.attend(query, **options)


class _Shared(_Cache):
    """Changes when a longer one is made from it."""

    def append(self, key: Any, value: Any) -> _Cache:
        self.inner = self.inner.append(key, value)
        return self


class _WithoutBias(_Cache):
    """Forgets the bias."""

    def attend(self, query: Any, *, bias: Any = None, **options: Any) -> Any:  # noqa: ARG002
        return self.inner.attend(query, **options)


class _AlwaysCausal(_Cache):
    """Is causal whether asked for or not."""

    def attend(self, query: Any, *, is_causal: bool = True, **options: Any) -> Any:  # noqa: ARG002
        return self.inner.attend(query, **options)


class _AnchoredAtLastPiece(_Cache):
    """Takes the queries for those of the last piece, however many they are."""

    def attend(self, query: Any, *, is_causal: bool = True, **options: Any) -> Any:
        before = 0 if self.before is None else len(self.before)
        if is_causal:
            seen = np.arange(len(self)) <= before + np.arange(query.shape[-2])[:, None]
            options = _with_mask(options, seen)
        return self.inner.attend(query, is_causal=False, **options)


class _Branchless(_Cache):
    """Writes a second continuation over the first."""

    def append(self, key: Any, value: Any) -> _Cache:
        grown = type(self)(self.inner.append(key, value), self)
        first = self.__dict__.setdefault("grown", grown)
        if len(first.inner) == len(grown.inner):
            first.inner = grown.inner
        return grown


CACHES = tuple(
    map(
        _cached,
        (
            _WordMissing,
            _OneWordKept,
            _AnchoredAtFirst,
            _FirstOverwritten,
            _Shared,
            _WithoutBias,
            _AlwaysCausal,
            _AnchoredAtLastPiece,
            _Branchless,
        ),
    )
)
