"""Work in blocks gives what work in one piece gives, and no number depends on how many threads there are."""

import threading

import numpy as np
import pytest

import mathcore as mc
from mathcore import _blocks


@pytest.fixture
def tiny_blocks(monkeypatch):
    """Blocks that even a small table falls into, none of which divides its sides."""
    for name, size in (("_SMALL_TABLE", 1), ("_TABLE_ROWS", 6), ("_TABLE_BYTES", 500), ("_SIDE", 4), ("_PRODUCT", 50),
                       ("_DEEP", 5)):  # fmt: skip
        monkeypatch.setattr(_blocks, name, size)


@pytest.mark.parametrize("m", [1, 4, 7])
@pytest.mark.parametrize("k", [1, 5, 11])
@pytest.mark.parametrize("n", [1, 8, 13])
@pytest.mark.usefixtures("tiny_blocks")
def test_a_product_in_pieces_is_the_product(m, k, n):
    rng = np.random.default_rng(m + k + n)
    a, b = (rng.integers(-9, 10, shape).astype(np.float32) for shape in ((2, m, k), (2, k, n)))
    turned = np.ascontiguousarray(b.swapaxes(-1, -2)).swapaxes(-1, -2)
    assert np.array_equal(_blocks.product(a, b), a @ b)
    assert np.array_equal(_blocks.product(a, turned), a @ b)


def _problems():
    rng = np.random.default_rng(0)
    q, k, v = (rng.normal(size=(2, heads, time, width)) for heads, time, width in ((6, 19, 5), (3, 23, 5), (3, 23, 7)))
    mask, bias = rng.random((2, 6, 19, 23)) < 0.5, rng.normal(size=(6, 1, 23))
    mask[0, 1, 3], mask[1, 2, 4, 1:] = False, False
    special = v.copy()
    special[0, 0, 2, 0], special[1, 1, 3], special[0, 2, 5, 1] = np.nan, -np.inf, -0.0
    yield (q, k, v), {}
    yield (q[0, 0], k[0, 0], v[0, 0]), {"is_causal": True}
    yield (q, k, v), {"mask": mask, "bias": bias}
    yield (q, k, v), {"is_causal": True, "query_offset": -3, "mask": mask[0, 0]}
    yield (q, k, special), {"mask": mask, "is_causal": True, "query_offset": 4}
    yield tuple(x.astype(np.float16) for x in (q, k, v)), {"is_causal": True}


@pytest.mark.parametrize(("arrays", "options"), list(_problems()))
def test_attention_in_blocks_is_attention(arrays, options, tiny_blocks, monkeypatch):
    in_blocks = mc.scaled_dot_product_attention(*arrays, **options, return_lse=True)
    weights, pulled = mc.attention_weights(*arrays[:2], **options), None
    if np.isfinite(arrays[2]).all():
        pulled = mc.scaled_dot_product_attention_vjp(in_blocks[0], *arrays, **options)
    monkeypatch.undo()
    close = {"rtol": 1e-12, "atol": 1e-14} if arrays[0].dtype == np.float64 else {"rtol": 2e-3, "atol": 1e-3}
    at_once = mc.scaled_dot_product_attention(*arrays, **options, return_lse=True)
    for got, expected in zip(in_blocks, at_once, strict=True):
        np.testing.assert_allclose(got, expected, **close)
        assert got.dtype == expected.dtype
    alone = (mc.attention_weights(*arrays[:2], **options) == 1).any(axis=-1)  # a single key: bit for bit
    assert np.array_equal(in_blocks[0][alone], at_once[0][alone], equal_nan=True)
    np.testing.assert_allclose(weights, mc.attention_weights(*arrays[:2], **options), **close)
    if pulled is not None:
        expected = mc.scaled_dot_product_attention_vjp(in_blocks[0], *arrays, **options)
        for got, bar in zip(pulled, expected, strict=True):
            np.testing.assert_allclose(got, bar, **close)


def test_a_large_table_comes_in_blocks_of_which_none_is_seen():
    rng = np.random.default_rng(1)
    q, k, v = (rng.normal(size=(1, 2, 700, 24)).astype(np.float32) for _ in range(3))
    table = q.astype(np.float64) @ k.astype(np.float64).swapaxes(-1, -2) / np.sqrt(24)
    expected = mc.softmax(table, where=np.tri(700, dtype=bool)) @ v.astype(np.float64)
    got = mc.scaled_dot_product_attention(q, k, v, is_causal=True)
    np.testing.assert_allclose(got, expected, rtol=0, atol=3e-6)
    assert np.array_equal(got[..., 0, :], v[..., 0, :])


def test_no_result_depends_on_the_number_of_threads(monkeypatch):
    rng = np.random.default_rng(2)
    x, q = rng.normal(size=(300, 1000)).astype(np.float32), rng.normal(size=(1, 3, 400, 16)).astype(np.float32)

    def results(threads):
        monkeypatch.setenv("MATHCORE_NUM_THREADS", threads)
        return mc.softmax(x), mc.log_softmax(x, 0), mc.scaled_dot_product_attention(q, q, q), mc.rope(q)

    for one, three in zip(results("1"), results("3"), strict=True):
        assert np.array_equal(one, three)


def test_threads_do_what_the_caller_asked_numpy_to_do_about_overflow(monkeypatch):
    monkeypatch.setenv("MATHCORE_NUM_THREADS", "2")
    met = threading.Barrier(2)  # both threads take part
    large = np.array([1e300])

    def task(_):
        met.wait(timeout=30)
        np.multiply(large, large)

    with np.errstate(over="ignore"):
        _blocks.share(task, 2)
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        _blocks.share(task, 2)


@pytest.mark.parametrize("operation", [mc.softmax, mc.log_softmax])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(("shape", "axis"), [((40, 9), -1), ((9, 40), 0), ((7, 400, 30), 1), ((5000, 8), -1)])
def test_a_result_goes_where_it_is_told(operation, dtype, shape, axis):
    x = np.random.default_rng(3).normal(size=shape).astype(dtype)
    x[0] = -np.inf
    expected = operation(x, axis)
    elsewhere = np.empty(x.T.shape, dtype).T  # in another layout
    assert operation(x, axis, out=elsewhere) is elsewhere
    assert np.array_equal(elsewhere, expected)
    memory = np.empty(x.size + 3, dtype)
    shifted, over = memory[: x.size].reshape(shape), memory[3:].reshape(shape)
    shifted[...] = x
    operation(shifted, axis, out=over)
    assert np.array_equal(over, expected)
    backwards = x.copy()
    operation(backwards, axis, out=backwards[::-1])
    assert np.array_equal(backwards[::-1], expected)
    assert operation(x, axis, out=x) is x
    assert np.array_equal(x, expected)


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (np.empty((2, 3), np.float32), TypeError, "`out` must be an array of dtype float64, got dtype float32"),
        ([[0.0] * 3] * 2, TypeError, "`out` must be an array of dtype float64, got list"),
        (np.empty((3, 2)), ValueError, r"`out` must have shape \(2, 3\), got \(3, 2\)"),
        (np.broadcast_to(0.0, (2, 3)), ValueError, "`out` must be writeable, it is read-only"),
    ],
)
def test_a_result_does_not_go_where_it_does_not_fit(out, error, message):
    for operation in (mc.softmax, mc.log_softmax):
        with pytest.raises(error, match=message):
            operation(np.zeros((2, 3)), out=out)
