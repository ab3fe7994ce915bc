"""What must be true of a training: it may stop and go on, and refuses what does not fit."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.training import checkpoint_mutants, learning_mutants, optimisers_mutants
from mathcore.training import loop_mutants as wrong
from mathcore.training.checkpoint_claims import parts_of
from mathcore.training.inputs import predictors
from mathcore.verify import Claim, Limits, Operations, all_of, differs, equal, identical, raises

resume_is_uninterrupted = Claim(
    "training.resuming_changes_nothing",
    statement="A training that was stopped, written to a file, read again and continued ends bit for bit where it ends "
    "without the stop, if its loss, its batches and its rate depend on nothing but the checkpoint.",
    formula=r"\theta_n \text{ through a file after } k \text{ steps} = \theta_n",
    needs=("Checkpoint", "train", "SGD", "Adam", "warmup_cosine", "save_checkpoint", "load_checkpoint"),
    limits=Limits(
        formats=("float16", "bfloat16"),
        rows=1,
        width=5,
        signs=("Checkpoint.argument 2 >= 0",),
    ),
    refuted_by=(
        checkpoint_mutants.state_lost,
        checkpoint_mutants.random_numbers_restart,
        checkpoint_mutants.stored_in_single,
        checkpoint_mutants.counts_from_zero,
        wrong.one_step_more,
        wrong.draws_anew,
    ),
)


@resume_is_uninterrupted.property(
    seed=st.integers(0, 99),
    steps=st.integers(3, 9),
    stop=st.integers(1, 8),
    dtype=st.sampled_from([np.float32, float]),
    adam=st.sampled_from([True, True, False]),
    effort=0.5,
)
def resumed_training_ends_the_same(ops: Operations, seed: int, steps: int, stop: int, dtype: Any, adam: bool) -> Any:
    stop, optimiser = min(stop, steps - 1), ops.Adam(0.1) if adam else ops.SGD(0.1)
    params = {"x": np.linspace(-1, 2, 5).astype(dtype)}

    def loss_and_gradient(p: Any, goal: Any) -> Any:
        gap = p["x"] - goal
        return (gap * gap).sum(), {"x": (2 * gap).astype(dtype)}

    def go(start: Any, until: int | None = None) -> Any:
        return ops.train(
            loss_and_gradient, lambda rng: (rng.normal(size=5),), optimiser, start, steps=steps,
            rate=lambda t: ops.warmup_cosine(t, steps, peak=0.1, warmup=2),
            progress=lambda now, _loss: now.step == until,
        )  # fmt: skip

    state = np.random.default_rng(seed).bit_generator.state
    start = ops.Checkpoint(params, optimiser.init(params), state, 0, {"plan": [1, 2]})
    whole = go(start)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.ckpt"
        ops.save_checkpoint(path, go(start, until=stop))
        resumed = go(ops.load_checkpoint(path))
    return all_of(
        identical(resumed.params["x"], whole.params["x"]),
        *(identical(resumed.state[n], s) for n, s in whole.state.items()),
        equal(parts_of(resumed) == parts_of(whole), True),
        equal(whole.step, steps),
        differs(whole.params["x"], params["x"]),
    )


what_does_not_fit = Claim(
    "training.refuses_what_does_not_fit",
    statement="A word that is not in the table, a name that is no parameter, a gradient of another shape, a batch "
    "without random numbers: each is an error that says so.",
    formula=r"w \notin \{0, \dots, V - 1\} \Rightarrow \text{an error}",
    needs=("neighbour_scores", "neighbour_loss", "neighbour_gradient", "neighbour_pairs", "train_neighbours",
           "sgd_step", "adam_step", "adam_init", "train", "Checkpoint", "SGD"),
    refuted_by=(optimisers_mutants.strangers_ignored, learning_mutants.nothing_frozen, wrong.not_a_number_goes_on),
)  # fmt: skip


@what_does_not_fit.exact(predictors(), far=st.sampled_from([-1, 1]), window=st.integers(-2, 0), effort=0.25)
def misfits_are_refused(ops: Operations, params: Any, words: Any, neighbours: Any, far: int, window: int) -> Any:
    outside = -1 if far < 0 else len(params["embedding"])
    grads = {name: p[:-1] for name, p in params.items()}
    state, zero = ops.adam_init(params), np.array([0])

    def train(**options: Any) -> Any:
        return ops.train_neighbours(params, words, neighbours, rate=1.0, steps=1, **options)

    return all_of(
        raises(lambda: ops.neighbour_scores(params, np.array([outside])), IndexError, saying=(str(outside),)),
        raises(lambda: ops.neighbour_loss(params, np.array([outside]), zero), IndexError, saying=(str(outside),)),
        raises(lambda: ops.neighbour_loss(params, zero, np.array([outside])), IndexError, saying=(str(outside),)),
        raises(lambda: ops.neighbour_gradient(params, np.array([outside]), zero), IndexError, saying=(str(outside),)),
        raises(lambda: ops.neighbour_gradient(params, zero, np.array([outside])), IndexError, saying=(str(outside),)),
        raises(lambda: ops.neighbour_pairs(words, window=window), ValueError, saying=("window", str(window))),
        raises(lambda: ops.neighbour_pairs(words[None]), ValueError, saying=("ids",)),
        raises(lambda: train(frozen=("vectors",)), ValueError, saying=("vectors", "embedding")),
        raises(lambda: train(batch=1), ValueError, saying=("rng",)),
        raises(lambda: ops.sgd_step(params, {"other": words}, rate=1.0), ValueError, saying=("other", "embedding")),
        raises(lambda: ops.sgd_step(params, grads, rate=1.0), ValueError, saying=("embedding", "shape")),
        raises(lambda: ops.adam_step(params, grads, state, rate=1.0), ValueError, saying=("embedding", "shape")),
    )


@what_does_not_fit.exact(loss=st.sampled_from([math.nan, math.inf, -math.inf]), steps=st.integers(1, 5), effort=0.25)
def training_stops_at_a_loss_that_is_not_finite(ops: Operations, loss: float, steps: int) -> Any:
    # A training whose loss is no longer finite stops there, and a generator that cannot be restored is refused.
    params, optimiser = {"x": np.zeros(1)}, ops.SGD(0.1)
    start = ops.Checkpoint(params, {}, np.random.default_rng(0).bit_generator.state, 0, {})
    losses = iter([1.0] * (steps - 1) + [loss])
    odd = np.random.Generator(np.random.MT19937(0))

    def loss_and_gradient(params: Any) -> Any:
        return next(losses), params

    def nothing(rng: Any) -> Any:
        return ()

    return all_of(
        raises(
            lambda: ops.train(loss_and_gradient, nothing, optimiser, start, steps=steps),
            FloatingPointError,
            saying=(str(loss), str(steps - 1)),
        ),
        raises(lambda: start.start(params, optimiser, odd), TypeError),
    )
