"""Claims on executors: the same results wherever they run, and never a lost claim."""

import os
import signal
import threading
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, cast

import numpy as np
import pytest

from mathcore.verify import Target, catalogue, verify
from mathcore.verify.run import executor as executors
from mathcore.verify.run.code import differences, versions
from mathcore.verify.run.executor import Lost, connected, scattered
from mathcore.verify.run.results import Profile

FEW = Profile("few", 3, 0.1)
IDS = ("relu.algebra", "relu.rows_are_independent", "softmax.sums_to_one", "softmax.shift_invariant")

KERNELS = """
import os
from mathcore.verify import Target

import mathcore

def softmax(x, axis=-1):
    return mathcore.softmax(x, axis=axis)

def relu(x):
    return mathcore.relu(x)

def deadly(x):
    os._exit(3)

RIGHT = Target.numpy("right", relu=relu, softmax=softmax)
DEADLY = Target.numpy("deadly", relu=deadly, softmax=softmax)
"""


@pytest.fixture
def kernels(tmp_path, monkeypatch):
    (tmp_path / "kernels_far_away.py").write_text(KERNELS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]))
    return "kernels_far_away"


def without_times(report):
    claims = report.to_json()["claims"]
    return [{k: v for k, v in claim.items() if k != "seconds"} for claim in claims]


def processes(count):
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"))


def alone(target, *ids, seed):
    """A report by one fresh process: what Hypothesis draws depends on which modules other tests have imported."""
    with processes(1) as pool:
        return verify(target, *ids, profile=FEW, seed=seed, executor=pool)


class Losing(Executor):
    """Runs everything at once, but loses the workers of some tasks, each as often as it is told."""

    def __init__(self, **times):
        self.times, self.submitted = times, []

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        self.submitted.append(args)
        if self.times.get(args[0].partition(".")[2], 0) > 0:
            self.times[args[0].partition(".")[2]] -= 1
            future.set_exception(BrokenProcessPool("a worker is gone"))
        else:
            future.set_result(fn(*args, **kwargs))
        return future


def test_the_results_are_those_of_one_process(kernels):
    right = f"{kernels}:RIGHT"
    here = alone(right, *IDS, seed=3)
    with processes(2) as pool:
        there = verify(right, *IDS, profile=FEW, seed=3, executor=pool)
    assert without_times(there) == without_times(here)
    assert there.passed


def test_threads_take_a_target_that_cannot_be_pickled():
    target = Target.numpy("mine", softmax=lambda x, axis=-1: np.exp(x))
    with ThreadPoolExecutor(4) as pool:
        report = verify(target, *IDS[2:], profile=FEW, seed=0, executor=pool)
    assert without_times(report) == without_times(verify(target, *IDS[2:], profile=FEW, seed=0))


def test_claims_in_threads_of_one_process_take_turns():
    # Warnings are a setting of the process: a claim that turns them into errors must not do so for its neighbour.
    at_once, most = [], []

    def work(claim, seed):
        at_once.append(claim)
        most.append(len(at_once))
        time.sleep(0.01)
        at_once.remove(claim)
        return seed

    def attempt(claim, number):
        return executors._attempt(lambda: work, claim, 0, number)

    with ThreadPoolExecutor(4) as pool:
        assert [answer for _, answer in scattered(pool, attempt, iter([(c,) for c in "abcd"]))] == [0] * 4
    assert max(most) == 1


def test_a_target_that_cannot_be_sent_is_refused_in_words():
    with processes(1) as pool, pytest.raises(TypeError, match="MODULE:NAME"):
        verify(Target.numpy("mine", relu=abs), "relu.algebra", executor=pool)


def test_an_executor_replaces_isolation():
    with ThreadPoolExecutor(1) as pool, pytest.raises(ValueError, match="leave out `executor`"):
        verify(None, "relu.algebra", executor=pool, isolate=True)


@pytest.mark.parametrize(("times", "outcome"), [(1, "holds"), (2, "inconclusive")])
def test_a_lost_worker_is_tried_again_once_and_never_a_lost_claim(kernels, times, outcome):
    pool = Losing(algebra=times)
    report = verify(f"{kernels}:RIGHT", *IDS, profile=FEW, seed=3, executor=pool)
    outcomes = {claim.id: result.outcome for claim, result in report.results}
    assert outcomes == {**dict.fromkeys(IDS, "holds"), "relu.algebra": outcome}
    assert [args[-1] for args in pool.submitted if args[0] == "relu.algebra"] == [1, 2]
    details = [result.detail for _, result in report.results if result.outcome == "inconclusive"]
    assert all("its worker was lost 2 times (BrokenProcessPool: a worker is gone)" in d for d in details)
    assert report.passed is (outcome == "holds")


def test_every_task_is_answered_though_the_pool_is_broken(kernels):
    with processes(2) as pool:
        report = verify(f"{kernels}:DEADLY", "relu.algebra", *IDS[2:], profile=FEW, seed=0, executor=pool)
    assert report.counts["claims"] == 3
    by_id = {claim.id: result for claim, result in report.results}
    assert by_id["relu.algebra"].outcome == "inconclusive"
    assert not report.passed


def test_other_versions_on_a_worker_are_refused_by_name(monkeypatch):
    found = {**versions(), "numpy": "1.0"}
    monkeypatch.setattr(executors, "differences", lambda expected, _: differences(expected, found))
    with pytest.raises(LookupError, match=r"a worker has numpy 1\.0 instead of"):
        verify(None, "relu.algebra", profile=FEW, executor=Losing())


def test_a_target_that_the_worker_does_not_find_is_named(kernels, monkeypatch):
    def lose(path):
        raise LookupError(f"cannot load {path!r}: No module named 'kernels_far_away'")

    executors._prepared.cache_clear()
    found = verify  # the caller finds the target, the worker does not
    monkeypatch.setattr("mathcore.verify.run.session.find", _first_time_only(lose))
    with pytest.raises(LookupError, match="on a worker: cannot load"):
        found(f"{kernels}:DEADLY", "softmax.sums_to_one", executor=Losing())


def _first_time_only(then):
    from mathcore.verify.run.session import find

    calls = []

    def once(path):
        calls.append(path)
        return find(path) if len(calls) == 1 else then(path)

    return once


def test_a_budget_hands_over_few_tasks_ahead():
    class Waiting(Executor):
        pending = 0

        def submit(self, fn, /, *args, **kwargs):
            self.pending += 1
            future = Future()
            if self.pending == 5:
                threading.Timer(0.05, lambda: [f.set_result(0) for f in futures]).start()
            futures.append(future)
            return future

    futures = []
    found = scattered(Waiting(), print, iter([(i,) for i in range(100)]), ahead=5)
    assert next(found)[1] == 0
    assert len(futures) == 5
    found.close()


def test_what_is_left_is_cancelled():
    pool = ThreadPoolExecutor(1)
    found = scattered(pool, lambda seconds, _attempt: time.sleep(seconds), iter([(0,), (0.2,), (60,)]))
    next(found)
    found.close()
    pool.shutdown(wait=True)  # at once: the last task never begins


def test_a_task_that_no_executor_takes_is_lost_in_words():
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    ((_, answer),) = scattered(pool, print, iter([(1,)]))
    assert answer == Lost("RuntimeError: cannot schedule new futures after shutdown")


@pytest.mark.parametrize(
    ("address", "words"),
    [("dask://", "dask://HOST:PORT"), ("ray://a:1", "dask://HOST:PORT"), ("dask://127.0.0.1:9", "no Dask scheduler")],
)
def test_an_address_that_leads_nowhere_is_said_so(address, words, monkeypatch):
    if "9" in address:
        distributed = pytest.importorskip("distributed")
        client = distributed.Client
        monkeypatch.setattr(distributed, "Client", lambda place, **how: client(place, **{**how, "timeout": 1}))
    with pytest.raises(LookupError, match=words), connected(address):
        pass


def test_dask_loses_a_worker_in_the_middle_and_no_claim(kernels):
    distributed = pytest.importorskip("distributed")
    ids = [c.id for c in catalogue() if c.id.startswith("softmax.")][:6]
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as cluster,
        connected(cluster.scheduler_address.replace("tcp://", "dask://")) as pool,
    ):
        first, *_ = cast(Any, pool)._client.run(os.getpid).values()
        killed = []

        def kill_once(_result):
            if not killed:
                killed.append(first)
                os.kill(first, signal.SIGKILL)

        report = verify(f"{kernels}:RIGHT", *ids, profile=FEW, seed=0, executor=pool, progress=kill_once)
    assert killed
    assert report.counts["claims"] == len(ids)
    here = alone(f"{kernels}:RIGHT", *ids, seed=0)
    assert without_times(report) == without_times(here)
