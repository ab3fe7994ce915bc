"""Whatever arrives: each public function × each kind of argument, error state, interrupt and missing thread."""

import dataclasses
import inspect
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from fractions import Fraction
from functools import partial

import ml_dtypes
import numpy as np
import pytest

import mathcore as mc
from mathcore._arrays import destination
from mathcore._compute import threads
from mathcore.verify.arguments.calls import APART, Call, calls
from mathcore.verify.arguments.cells import matrix, same_answer, tried
from mathcore.verify.arguments.meanings import DECLARED
from mathcore.verify.arguments.places import places

CALLS = list(calls())
WITHOUT_ARGUMENTS = {"KeyValueCache", "course.default_text", "course.load_digits", "course.tiny_model"}
WITHOUT_ARGUMENTS |= {"AttentionCache", "course.tiny_text"}


@pytest.fixture(scope="module")
def cells():
    return list(matrix(CALLS))


def test_every_public_function_is_in_the_matrix():
    known = {call.name for call in CALLS} | WITHOUT_ARGUMENTS
    public = {
        prefix + name
        for prefix, module in (("", mc), ("course.", mc.course))
        for name in module.__all__
        if callable(getattr(module, name)) and not is_apart(getattr(module, name))
    }
    assert public - known == set()


def is_apart(what):
    place = f"{what.__module__}.{what.__name__}"
    return place.startswith(APART) or (inspect.isclass(what) and issubclass(what, Exception))


def of(cells, outcome):
    return [f"{c.function} {c.parameter}={c.kind}: {c.text}" for c in cells if c.outcome == outcome]


def test_no_argument_gets_an_error_of_somebody_else(cells):
    assert of(cells, "raw") == []


def test_no_argument_is_accepted_without_a_meaning(cells):
    assert of(cells, "meaningless") == []


def test_every_meaning_that_is_declared_is_of_use(cells):
    used = {(c.parameter.partition("[")[0], c.kind) for c in cells if c.outcome == "accepted"}
    assert set(DECLARED) - used == set()


def exp(x, scale):
    """Not careful at all.

    Args:
        x: floats.
        scale: a number.
    """
    return np.exp(x) * (float(scale) or 1)


def test_a_careless_function_is_seen():
    careless = Call("exp", exp, {"x": np.ones(2), "scale": 1.0}, {"x": "npt.ArrayLike", "scale": "float"}, exp.__doc__)
    found = {(c.parameter, c.kind): c.outcome for c in matrix([careless])}
    assert found["x", "a string"] == found["scale", "a list with None"] == "raw"
    for place in (("x", "a masked array"), ("x", "dtype int8"), ("scale", "a bool"), ("scale", "NaN")):
        assert found[place] == "meaningless", place
    assert found["x", "a nested list"] == found["scale", "a fraction"] == "accepted"


@pytest.mark.parametrize("other", [1.0, np.float64(1), None])
def test_nan_is_the_same_as_nan_alone(other):
    assert same_answer(float("nan"), float("nan"))
    assert not same_answer(float("nan"), other)
    assert not same_answer((np.float64("nan"),), (np.float64(1),))


# Error state: nothing that a caller set makes a function fail, and no function leaves it changed.

SCALES = {"float64": (1e-300, 1e-160, 1e300), "float32": (1e-38, 1e-22, 1e38), "float16": (6e-8, 1e-4, 6e4)}


def extreme(argument, dtype, scale):
    """The floats in an argument at the edge of the range, one of them left as it is."""
    if isinstance(argument, dict):
        return {name: extreme(value, dtype, scale) for name, value in argument.items()}
    if isinstance(argument, tuple):
        return tuple(extreme(value, dtype, scale) for value in argument)
    if not isinstance(argument, (np.ndarray, list)) or np.asarray(argument).dtype.kind != "f":
        return argument
    array = np.array(argument)
    array.flat[1:] *= scale
    return array.astype(dtype)


@pytest.mark.parametrize("dtype", SCALES)
def test_every_function_works_in_any_error_state(dtype):
    failed = [
        f"{call.name} × {scale}" for call in CALLS for scale in SCALES[dtype] if not indifferent(call, dtype, scale)
    ]
    assert failed == []


def indifferent(call, dtype, scale):
    with np.errstate(all="ignore"):
        given = {name: extreme(value, dtype, scale) for name, value in call.arguments.items()}
        expected = outcome(call, given)
    before = np.seterrcall(lambda *_: None)
    try:
        with warnings.catch_warnings(), np.errstate(all="raise"):
            warnings.simplefilter("error")
            state = np.geterr(), np.geterrcall(), np.getbufsize()
            found = outcome(call, given)
            return (np.geterr(), np.geterrcall(), np.getbufsize()) == state and same_answer(found, expected)
    finally:
        np.seterrcall(before)


def outcome(call, given):
    """The answer, or the kind of error: some functions refuse what is not finite."""
    try:
        return tried(call, given)
    except Exception as error:
        return type(error).__name__


def test_a_function_that_minds_the_error_state_is_seen():
    careless = Call("exp", exp, {"x": np.ones(2), "scale": 1.0}, {}, "")
    assert not indifferent(dataclasses.replace(careless, arguments={"x": -np.ones(2), "scale": 1.0}), "float64", 1e300)


# What carries more than an array, as the libraries themselves make it.


def every_array(convert):
    """What each place for an array of floats says of the array as somebody else has it."""
    for call in CALLS:
        for place in places(call):
            base = np.asarray(place.base) if place.role == "array" else np.empty(0)
            if base.dtype.kind == "f" and base.size and call.arguments[place.parameter] is not None:
                try:
                    tried(call, {**call.arguments, **place.put(call.arguments, convert(base))})
                except TypeError as error:
                    yield f"{call.name} {place.name}", str(error)
                else:
                    yield f"{call.name} {place.name}", "accepted"


def test_a_tensor_that_requires_a_gradient_is_refused():
    torch = pytest.importorskip("torch")
    said = dict(every_array(lambda x: torch.tensor(x, requires_grad=True)))
    assert len(said) > 80
    assert {name: text for name, text in said.items() if "requires a gradient" not in text} == {}
    assert {text for _, text in every_array(torch.tensor)} == {"accepted"}


def test_what_scipy_and_pandas_have_is_refused_by_name():
    sparse = pytest.importorskip("scipy.sparse")
    said = dict(every_array(lambda x: sparse.csr_array(x.reshape(-1, x.shape[-1] if x.ndim else 1))))
    assert {name: text for name, text in said.items() if ".toarray()" not in text} == {}
    pandas = pytest.importorskip("pandas")
    said = dict(every_array(lambda x: pandas.Series(x.ravel())))
    assert {name: text for name, text in said.items() if ".to_numpy()" not in text} == {}


def test_a_mask_excludes_scores_and_is_joined_with_where():
    masked = np.ma.masked_array([4.0, 1e6, 1.0], mask=[False, True, False])
    kept = [True, False, True]
    for f in (mc.softmax, mc.log_softmax, mc.logsumexp):
        np.testing.assert_array_equal(f(masked), f(masked.data, where=kept))
        np.testing.assert_array_equal(f(masked, where=[False, True, True]), f(masked.data, where=[False, False, True]))
    np.testing.assert_array_equal(
        mc.softmax_vjp(kept * np.ones(3), masked), mc.softmax_vjp(kept * np.ones(3), masked.data, where=kept)
    )


# What shows only beside another argument than that of the example, and so in no cell of the matrix.


@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e5m2", "int4"])
def test_what_is_refused_by_name_is_refused_beside_a_dtype_and_as_one(name):
    x = np.ones(3).astype(np.dtype(getattr(ml_dtypes, name)))
    for f in (mc.softmax, mc.log_softmax, mc.logsumexp):
        with pytest.raises(TypeError, match=name):
            f(x, dtype=np.float32)
        with pytest.raises(TypeError, match=name):
            f(np.ones(3), dtype=x.dtype)


def losses(x, targets, **options):
    """What each of the losses says of these arguments."""
    for f in (mc.cross_entropy, mc.cross_entropy_and_grad, mc.nll_loss):
        yield partial(f, x, targets, **options)
    for vjp in (mc.cross_entropy_vjp, mc.nll_loss_vjp):
        yield partial(vjp, 1.0, x, targets, **options)


def test_rows_without_classes_have_no_loss():
    x, ignored = np.ones((2, 0)), [5, 5]
    weight = np.ones(0)
    for call in (*losses(x, ignored, ignore_index=5), *losses(x, ignored, ignore_index=5, weight=weight)):
        with pytest.raises(ValueError, match="at least one class"):
            call()
    for f in (mc.cross_entropy, mc.cross_entropy_and_grad):
        with pytest.raises(ValueError, match="at least one class"):
            f(x, x)
    for call in losses(np.ones((0, 3)), np.zeros(0, int)):
        call()  # without rows there is nothing to lack a class


def test_ragged_logits_are_refused_beside_probabilities():
    with pytest.raises(ValueError, match="`logits` must be an array"):
        mc.cross_entropy([[1.0], [1.0, 2.0]], [[0.5, 0.5]])


def test_the_likelihood_of_fractions_is_exact_and_has_no_weights():
    t = np.array([[Fraction(1, 3), 2], [5, Fraction(1, 7)]], object)
    assert mc.nll_loss(t, [0, 1]).item() == -Fraction(5, 21)
    assert mc.nll_loss_vjp(Fraction(1), t, [0, 9], ignore_index=9).tolist() == [[-1, 0], [0, 0]]
    with pytest.raises(TypeError, match="if there are weights"):
        mc.nll_loss(t, [0, 1], weight=[2.0, 1.0])


# The faults that were found one by one.


@pytest.mark.parametrize("step", ["sgd", "adam"])
def test_integers_are_no_parameters(step):
    params, grads = {"w": np.array([1, 2])}, {"w": np.array([0.5, 0.5])}
    state = mc.adam_init({"w": np.ones(2)})
    with pytest.raises(TypeError, match=r"params\['w'\].*int64"):
        mc.sgd_step(params, grads, rate=0.5) if step == "sgd" else mc.adam_step(params, grads, state, rate=0.5)
    left = mc.sgd_step({**params, "v": np.ones(2)}, {"v": np.ones(2)}, rate=0.5)
    assert left["w"] is params["w"]  # without a gradient, as it was


def test_the_rate_stays_down_after_the_end():
    rates = [mc.warmup_cosine(t, 8, peak=1.0, warmup=2) for t in range(7, 40)]
    assert rates[0] > 0
    assert set(rates[1:]) == {0.0}


def test_out_may_not_overlap_itself():
    memory = np.zeros(40)
    overlapping = np.lib.stride_tricks.as_strided(memory, (5, 3), (8, 8))
    with pytest.raises(ValueError, match="share memory"):
        mc.softmax(np.ones((5, 3)), out=overlapping)
    interlocked = np.lib.stride_tricks.as_strided(memory, (2, 3), (8, 16))  # 0 2 4 and 1 3 5
    assert mc.softmax(np.ones((2, 3)), out=interlocked) is interlocked
    assert destination(memory[::-2], memory[::2]) is not None


@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_no_token_is_chosen_from_scores_without_a_highest(score, temperature):
    from mathcore.models._writing import _choose

    with pytest.raises(ValueError, match=r"no token.*(nan|inf)"):
        _choose(np.full(3, score), temperature, np.random.default_rng(0))


def test_a_draw_at_the_very_end_is_a_token():
    from mathcore.models._writing import _choose

    class Last:
        def random(self):
            return 1.0  # as the product with the sum may round to

    assert _choose(np.array([0.0, 1.0, -np.inf]), 1.0, Last()) == 1


def test_no_queries_have_no_weights():
    assert mc.attention_weights(np.ones((2, 0, 4)), np.ones((2, 3, 4))).shape == (2, 0, 3)


@pytest.mark.parametrize(
    "wrong", [{"num_heads": 0}, {"width": -4}, {"batch": 6}, {"width": 4}, {"steps": 1.5}, {"beta2": 1.0}, {"seed": -1}]
)
def test_plans_that_cannot_be_are_refused(wrong):
    with pytest.raises((ValueError, TypeError), match=next(iter(wrong))):
        mc.Plan(**wrong)


# Interrupts, and threads that cannot be had.

LONG = """
import threading, sys, time, numpy as np
import mathcore as mc
from mathcore._compute import threads
x, out = np.zeros((4000, 4000)), np.empty((4000, 4000))
mc.softmax(x, out=out)
print("ready", flush=True)
try:
    while True:
        mc.softmax(x, out=out)
except KeyboardInterrupt:
    stopped = time.time()
before = out.copy()
out[...] = 7
time.sleep(0.1)
print(stopped, bool((out == 7).all()))
"""


@pytest.mark.skipif(os.name == "nt", reason="signals are sent otherwise there")
def test_an_interrupt_ends_a_computation_at_once_and_nothing_is_written_after_it():
    child = subprocess.Popen(
        [sys.executable, "-c", LONG],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "MATHCORE_NUM_THREADS": "4"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert child.stdout.readline() == "ready\n"
    time.sleep(0.2)
    asked = time.time()
    child.send_signal(signal.SIGINT)
    stopped, untouched = child.communicate(timeout=30)[0].split()
    assert untouched == "True"
    assert float(stopped) - asked < 0.2 if idle() else True


def idle():
    """Whether time can be measured here: a core is free."""
    return os.getloadavg()[0] < (os.cpu_count() or 1)


def test_an_error_ends_a_loop_and_leaves_no_thread_in_a_task(monkeypatch):
    monkeypatch.setenv("MATHCORE_NUM_THREADS", "4")
    running, begun = Counter(), []

    def task(i):
        running["now"] += 1
        begun.append(i)
        try:
            if threading.current_thread() is threading.main_thread():
                raise KeyboardInterrupt
            time.sleep(0.02)
        finally:
            running["now"] -= 1

    with pytest.raises(KeyboardInterrupt):
        threads.parallel_for(task, 1000)
    assert running["now"] == 0
    assert len(begun) < 20
    count = len(begun)
    time.sleep(0.05)
    assert len(begun) == count


@pytest.mark.parametrize("startable", [0, 1, 2])
def test_threads_that_cannot_start_are_done_without(monkeypatch, startable):
    monkeypatch.setenv("MATHCORE_NUM_THREADS", "4")
    monkeypatch.setattr(threads, "_pools", {})
    start, started, done = threading.Thread.start, [], []

    def fails(thread):
        if len(started) >= startable:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", fails)
    for _ in range(3):  # what the pool still holds of the first does nothing in the others
        done.clear()
        threads.parallel_for(done.append, 100)
        assert sorted(done) == list(range(100))
    x = np.random.default_rng(0).normal(size=(400, 400))
    np.testing.assert_allclose(mc.softmax(x).sum(-1), 1)
