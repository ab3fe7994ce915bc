"""Caches and packed documents: memory, sharing, and refusals."""

import tracemalloc

import numpy as np
import pytest

import mathcore as mc

RNG = np.random.default_rng(0)


def rows(n, heads=()):
    return RNG.normal(size=(*heads, n, 4)), RNG.normal(size=(*heads, n, 2))


@pytest.mark.parametrize("cache", [mc.KeyValueCache(), mc.PagedKeyValueCache(), mc.RotatingKeyValueCache(3)])
def test_every_cache_is_one(cache):
    assert isinstance(cache, mc.AttentionCache)


@pytest.mark.parametrize("cache", [mc.PagedKeyValueCache(2), mc.RotatingKeyValueCache(9)])
def test_a_step_takes_any_cache(cache):
    params = {name: RNG.normal(size=(4, 4)) for name in ("query", "key", "value", "output")}
    plain = mc.KeyValueCache()
    for _ in range(3):
        x = RNG.normal(size=(2, 4))
        expected, plain = mc.multi_head_attention_step(x, params, plain, num_heads=2)
        found, cache = mc.multi_head_attention_step(x, params, cache, num_heads=2)
        np.testing.assert_array_equal(found, expected)


def test_a_rotating_cache_holds_little_more_than_its_window():
    cache = mc.RotatingKeyValueCache(window=5)
    for _ in range(60):
        cache = cache.append(*rows(2))
        assert len(cache._held) <= 2 * 5 + 2
    assert len(cache) == 120


def test_what_a_rotating_cache_has_dropped_is_gone():
    cache = mc.RotatingKeyValueCache(window=3).append(*rows(20)).append(*rows(1))
    assert len(cache.trim(20)) == 20
    with pytest.raises(ValueError, match=r"`length` must lie in \[19, 21\], got 18"):
        cache.trim(18)
    with pytest.raises(ValueError, match="what has been dropped"):
        cache.attend(np.zeros((4, 4)))
    with pytest.raises(ValueError, match="`mask` must have 1 or 21 columns"):
        cache.attend(np.zeros((1, 4)), mask=np.ones((1, 3), bool))


def test_caches_with_one_beginning_share_its_full_pages():
    prompt = mc.PagedKeyValueCache(page_size=4).append(*rows(10))
    one, other = (prompt.append(*rows(3)) for _ in range(2))
    assert [a is b for a, b in zip(one._keys, other._keys, strict=True)] == [True, True, False, False]


def test_a_trimmed_cache_may_be_empty():
    for cache in (mc.KeyValueCache(), mc.PagedKeyValueCache(2), mc.RotatingKeyValueCache(4)):
        empty = cache.append(*rows(3)).trim(0)
        assert len(empty) == 0
        narrow = np.zeros((1, 1), np.float32)
        assert empty.append(narrow, narrow).attend(narrow).dtype == np.float32


def peak(total):
    q, k, v = RNG.normal(size=(3, total, 2))
    bounds = np.arange(0, total + 1, 64)
    tracemalloc.start()
    mc.packed_attention(q, k, v, bounds)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_memory_of_packed_documents_does_not_grow_with_the_square():
    peak(64)
    assert peak(8192) < 8 * peak(1024) + 2**18  # a mask alone would be 64 times as large


PAGES = np.zeros((3, 1, 2, 4)), np.zeros((3, 1, 2, 2))


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: mc.document_ids([1, 3]), ValueError, r"`cu_seqlens` must be one row .* got \[1, 3\]"),
        (lambda: mc.document_ids([0, 3, 2]), ValueError, "never falls"),
        (lambda: mc.document_ids([[0]]), ValueError, "got an array of shape"),
        (lambda: mc.packed_attention(*[np.zeros((3, 1))] * 3, [0, 2]), ValueError, "length of the row 3, got 2"),
        (lambda: mc.prefix_mask(2, prefix=-1), ValueError, "`prefix` must not be negative, got -1"),
        (lambda: mc.PagedKeyValueCache(0), ValueError, r"`page_size` must lie in \[1, 1048576\], got 0"),
        (lambda: mc.PagedKeyValueCache().attend([[1.0]]), ValueError, "the cache must hold at least one word"),
        (lambda: mc.KeyValueCache().append(*rows(2)).trim(3), ValueError, r"`length` must lie in \[0, 2\], got 3"),
        (lambda: mc.PagedKeyValueCache().append(*rows(2)).append(*rows(1, (2,))), ValueError, "`key` must continue"),
        (lambda: mc.paged_attention(np.zeros((1, 1, 1, 4)), *PAGES, [[3]], [1]), IndexError, "`block_table` must lie"),
        (lambda: mc.paged_attention(np.zeros((1, 1, 1, 4)), *PAGES, [[0]], [3]), ValueError, r"\[0, 2\], got 3 to 3"),
        (lambda: mc.paged_attention(np.zeros((1, 1, 1, 4)), *PAGES, [0], [1]), ValueError, "`block_table` must have"),
        (lambda: mc.paged_attention(np.zeros((1, 4)), *PAGES, [[0]], [1]), ValueError, "`query` must have shape"),
    ],
)
def test_what_makes_no_sense_is_refused(call, error, says):
    with pytest.raises(error, match=says):
        call()
