"""Work in blocks gives what work in one piece gives, and no number depends on how many threads there are."""

import decimal
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import mathcore as mc
from mathcore._compute import blocks, matmul, reduce, threads
from mathcore.verify import catalogue, mathcore_target
from mathcore.verify.run.results import PROFILES
from mathcore.verify.run.runner import run_claim


@pytest.fixture
def tiny_blocks(monkeypatch):
    """Blocks that even a small table falls into, none of which divides its sides."""
    sizes = {
        "_SMALL_SCORES": 1,
        "_TILE_ROWS": 6,
        "_BLOCK_BYTES": 1,
        "_TILE_BYTES": 500,
        "_TILE": 4,
        "_TILE_MULTIPLY_ADDS": 50,
        "_MAX_INNER": 5,
    }
    for name, size in sizes.items():
        for module in (blocks, matmul):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, size)


@pytest.mark.parametrize("m", [1, 4, 7])
@pytest.mark.parametrize("k", [1, 5, 11])
@pytest.mark.parametrize("n", [1, 8, 13])
@pytest.mark.usefixtures("tiny_blocks")
def test_a_product_in_pieces_is_the_product(m, k, n):
    rng = np.random.default_rng(m + k + n)
    a, b = (rng.integers(-9, 10, shape).astype(np.float32) for shape in ((2, m, k), (2, k, n)))
    turned = np.ascontiguousarray(b.swapaxes(-1, -2)).swapaxes(-1, -2)
    assert np.array_equal(matmul.matmul_tiled(a, b), a @ b)
    assert np.array_equal(matmul.matmul_tiled(a, turned), a @ b)


@pytest.mark.parametrize("name", ["attention.options_commute", "attention.mask_excludes", "attention.gradient",
                                  "attention.uniform_when_keys_equal", "attention.keeps_dtype"])  # fmt: skip
@pytest.mark.usefixtures("tiny_blocks")
def test_what_is_true_of_attention_is_true_of_it_in_blocks(name):
    claims = [c for c in catalogue() if c.id in (name, f"scaled_dot_product_{name}")]
    assert claims
    for claim in claims:
        result = run_claim(claim, mathcore_target(), None, PROFILES["quick"], seed=1)
        assert result.outcome == "holds", result.detail


def test_no_result_depends_on_the_number_of_threads(monkeypatch):
    rng = np.random.default_rng(2)
    x, q = rng.normal(size=(2000, 1000)).astype(np.float32), rng.normal(size=(1, 3, 400, 16)).astype(np.float32)

    def results(threads):
        monkeypatch.setenv("MATHCORE_NUM_THREADS", threads)
        sums = mc.logsumexp(x), mc.log_softmax(x), *mc.cross_entropy_and_grad(x, np.arange(2000) % 7)
        others = mc.relu_vjp(x, x[::-1].copy()), mc.scaled_dot_product_attention(q, q, q), mc.rope(q)
        return mc.softmax(x), mc.log_softmax(x, 0), *sums, *others

    for one, three in zip(results("1"), results("3"), strict=True):
        assert np.array_equal(one, three)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("shape", "axis"), [((3, 5), -1), ((300, 301), -1), ((4, 40, 301), 1), ((9000, 8), -1)])
def test_loss_and_gradient_together_are_bit_for_bit_what_they_are_alone(shape, axis, reduction):
    x = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    y = np.arange(x.size // x.shape[axis]).reshape(np.delete(shape, axis)) % x.shape[axis]
    how = {"axis": axis, "ignore_index": 2, "label_smoothing": 0.1 * (shape[0] == 4), "reduction": reduction}
    loss, slopes = mc.cross_entropy_and_grad(x, y, **how)
    assert np.array_equal(loss, mc.cross_entropy(x, y, **how))
    assert np.array_equal(slopes, mc.cross_entropy_vjp(np.ones_like(loss), x, y, **how))


def test_threads_do_what_the_caller_asked_numpy_to_do_about_overflow(monkeypatch):
    monkeypatch.setenv("MATHCORE_NUM_THREADS", "2")
    met = threading.Barrier(2)  # both threads take part
    large = np.array([1e300])

    def task(_):
        met.wait(timeout=30)
        np.multiply(large, large)

    with np.errstate(over="ignore"):
        threads.parallel_for(task, 2)
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        threads.parallel_for(task, 2)


FORKED = """
import os, signal
import numpy as np
import mathcore as mc
from mathcore._compute import threads

threads._lock.acquire()  # as another thread of the parent may have, at the time of the fork
child = os.fork()
if not child:
    signal.alarm(20)
    mc.softmax(np.ones((64, 4096)))
    os._exit(0)
print(os.waitpid(child, 0)[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process forks here")
def test_a_forked_child_does_not_wait_for_a_lock_of_its_parent():
    env = {**os.environ, "MATHCORE_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.strip() == "0"


def test_numpys_buffer_is_what_it_was_and_numbers_are_what_they_are_without():
    rng = np.random.default_rng(3)
    x, column = rng.normal(size=(100, 500)).astype(np.float32), rng.normal(size=(100, 1)).astype(np.float32)
    before, met = np.getbufsize(), []

    def watched(*inputs, out):
        met.append(np.getbufsize())
        return np.subtract(*inputs, out=out)

    assert np.array_equal(reduce.apply_columnwise(watched, x, column, np.empty_like(x)), x - column)
    assert met == [496]  # a row, in sixteens as NumPy wants it
    assert np.getbufsize() == before


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.uint64])
@pytest.mark.parametrize("layout", [np.asarray, np.asfortranarray, lambda x: np.repeat(x, 2, axis=-1)[..., ::2]])
@pytest.mark.parametrize("shape", [(7,), (1, 5), (6, 7), (2, 3, 4)])
def test_one_number_of_each_row_is_taken_and_put(shape, layout, dtype):
    rng = np.random.default_rng(4)
    x, k = rng.normal(size=shape), rng.integers(0, shape[-1], (*shape[:-1], 1)).astype(dtype)
    ours, expected = layout(x.copy()), x.copy()
    assert np.array_equal(reduce.take_each(ours, k), np.take_along_axis(x, k.astype(int), -1))
    for values in (0.0, rng.normal(size=k.shape)):
        reduce.put_each(ours, k, values)
        np.put_along_axis(expected, k.astype(int), values, -1)
        assert np.array_equal(ours, expected)


def test_numbers_that_refuse_floats_meet_none():
    with decimal.localcontext(traps=[decimal.FloatOperation]):
        one, two = decimal.Decimal(1), decimal.Decimal(2)
        p = mc.softmax(np.array([one, two], dtype=object))
        assert list(p) == [(-one).exp() / (1 + (-one).exp()), 1 / (1 + (-one).exp())]
