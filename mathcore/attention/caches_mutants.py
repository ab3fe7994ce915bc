"""Wrong caches, and wrong attention to pages, on purpose."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.attention.dot_product_mutants import _with_mask
from mathcore.verify.claims import Mutant, mutant

CACHES = ("KeyValueCache", "PagedKeyValueCache", "RotatingKeyValueCache")


class _Cache:
    """A cache with something wrong with it, around a right one; `size` is what that was made with."""

    def __init__(self, inner: Any, size: int = 0) -> None:
        self.inner, self.size = inner, size

    def __len__(self) -> int:
        return len(self.inner)

    def append(self, key: Any, value: Any) -> _Cache:
        return type(self)(self.inner.append(key, value), self.size)

    def trim(self, length: int) -> _Cache:
        return type(self)(self.inner.trim(length), self.size)

    def attend(self, query: Any, **options: Any) -> Any:
        return self.inner.attend(query, **options)


def _cached(wrong: type[_Cache], operation: str) -> Mutant:
    def build(correct: Any) -> Any:
        return lambda *size: wrong(correct(*size), *size)

    name = "".join(f"_{c.lower()}" if c.isupper() else c for c in wrong.__name__).lstrip("_")
    build.__doc__ = wrong.__doc__
    build.__name__ = f"{name}_{operation.removesuffix('KeyValueCache').lower()}".rstrip("_")
    return mutant(operation, wraps=True)(build)


class _LastPageUnread(_Cache):
    """Reads full pages alone, if there is one."""

    def attend(self, query: Any, **options: Any) -> Any:
        full = len(self) // self.size * self.size
        return self.inner.attend(query, **_with_mask(options, (np.arange(len(self)) < (full or len(self)))[None]))


class _PagesReversed(_Cache):
    """Reads the pages in reverse, if the last one is full."""

    def attend(self, query: Any, **options: Any) -> Any:
        n = len(self)
        if n % self.size or options.get("mask") is None:
            return self.inner.attend(query, **options)
        order = np.arange(n).reshape(-1, self.size)[::-1].ravel()
        mask = np.broadcast_to(options["mask"], (*options["mask"].shape[:-1], n))[..., order]
        return self.inner.attend(query, **{**options, "mask": mask})


class _FirstOfThePageLost(_Cache):
    """Loses the token that begins a page, but for the first."""

    def attend(self, query: Any, **options: Any) -> Any:
        places = np.arange(len(self))
        return self.inner.attend(query, **_with_mask(options, ((places == 0) | (places % self.size > 0))[None]))


class _WindowOfTheLast(_Cache):
    """Has one window for all queries, that of the last."""

    def attend(self, query: Any, **options: Any) -> Any:
        places = np.arange(len(self))
        return self.inner.attend(query, **_with_mask(options, (places >= len(self) - self.size)[None]))


class _TrimIgnored(_Cache):
    """Keeps what was rejected."""

    def trim(self, length: int) -> _Cache:
        del length
        return self


class _OneTokenTooMany(_Cache):
    """Keeps one token more."""

    def trim(self, length: int) -> _Cache:
        return type(self)(self.inner.trim(min(length + 1, len(self))), self.size)


class _ShortenedItself(_Cache):
    """Cuts the cache that was asked as well."""

    def trim(self, length: int) -> _Cache:
        self.inner = self.inner.trim(length)
        return type(self)(self.inner, self.size)


PAGED = tuple(_cached(wrong, "PagedKeyValueCache") for wrong in (_LastPageUnread, _PagesReversed, _FirstOfThePageLost))
TRIMMED = tuple(
    _cached(wrong, operation) for wrong in (_TrimIgnored, _OneTokenTooMany, _ShortenedItself) for operation in CACHES
)
WINDOW_OF_THE_LAST = _cached(_WindowOfTheLast, "RotatingKeyValueCache")


@mutant("RotatingKeyValueCache", wraps=True)
def window_one_wider(correct: Any) -> Any:
    """Shows one token more."""
    return lambda window: correct(window + 1)


@mutant("RotatingKeyValueCache", wraps=True)
def window_one_narrower(correct: Any) -> Any:
    """Counts the window without the query's own token."""
    return lambda window: correct(max(window - 1, 1))


@mutant("RotatingKeyValueCache", wraps=True)
def nothing_forgotten(correct: Any) -> Any:
    """Shows all tokens."""
    return lambda window: correct(window + 2**20)


# Attention to pages of a pool.


@mutant("paged_attention", wraps=True)
def table_ignored(correct: Any) -> Any:
    """Reads the pages as they lie, one text after the other."""

    def paged(q: Any, k: Any, v: Any, table: Any, lengths: Any, **options: Any) -> Any:
        return correct(q, k, v, np.arange(table.size).reshape(table.shape), lengths, **options)

    return paged


@mutant("paged_attention", wraps=True)
def one_table_for_all(correct: Any) -> Any:
    """Reads the table of the first text for every text."""

    def paged(q: Any, k: Any, v: Any, table: Any, lengths: Any, **options: Any) -> Any:
        return correct(q, k, v, np.broadcast_to(table[:1], table.shape), lengths, **options)

    return paged


@mutant("paged_attention", wraps=True)
def whole_pages_read(correct: Any) -> Any:
    """Reads the last page to its end, as far as it is causal to do so."""

    def paged(q: Any, k: Any, v: Any, table: Any, lengths: Any, **options: Any) -> Any:
        return correct(q, k, v, table, -(-np.asarray(lengths) // k.shape[-2]) * k.shape[-2], **options)

    return paged


@mutant("paged_attention", wraps=True)
def last_token_lost(correct: Any) -> Any:
    """Counts the tokens without the newest."""

    def paged(q: Any, k: Any, v: Any, table: Any, lengths: Any, **options: Any) -> Any:
        return correct(q, k, v, table, np.maximum(np.asarray(lengths) - 1, 1), **options)

    return paged


@mutant("paged_attention", wraps=True)
def last_page_lost(correct: Any) -> Any:
    """Reads full pages alone, if there is one."""

    def paged(q: Any, k: Any, v: Any, table: Any, lengths: Any, **options: Any) -> Any:
        size, n = k.shape[-2], np.asarray(lengths)
        return correct(q, k, v, table, np.where(n >= size, n // size * size, n), **options)

    return paged


@mutant("paged_attention", wraps=True)
def poisoned(correct: Any) -> Any:
    """Multiplies what it does not read by 0, and NaN by 0 is NaN."""

    def paged(q: Any, k: Any, v: Any, *more: Any, **options: Any) -> Any:
        answer = correct(q, k, v, *more, **options)
        spoilt = 0 * v.astype(np.float32).sum()
        mix = answer[0] if isinstance(answer, tuple) else answer
        mix = (mix + spoilt).astype(mix.dtype)
        return (mix, *answer[1:]) if isinstance(answer, tuple) else mix

    return paged


@mutant("paged_attention", wraps=True)
def never_causal(correct: Any) -> Any:
    """Lets every query see the last token."""
    return lambda *arrays, is_causal=True, **options: correct(*arrays, is_causal=False, **options)
