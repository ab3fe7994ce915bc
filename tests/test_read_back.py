"""Arguments are read back after a call, whatever claims pass, in every framework; and what it is that claims pass."""

import os
import pathlib
from collections import defaultdict
from dataclasses import replace
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

import mathcore as mc
from mathcore.verify import Restrictions, Target, catalogue, mathcore_target, verify
from mathcore.verify.errors import ContractError
from mathcore.verify.oracle.residue import Residue
from mathcore.verify.run.results import Profile
from mathcore.verify.run.runner import run_check
from mathcore.verify.targets import caller
from mathcore.verify.targets.caller import Caller
from mathcore.verify.targets.values import copy_with_strides

KINDS = {
    **{name: np.ones((2, 3), name) for name in ("float64", "float32", "float16", "bool")},
    **{name: np.ones(3, name) for name in ("int64", "int32", "int16", "int8", "uint8", "uint32", "uint64")},
    "bfloat16": np.ones(3, ml_dtypes.bfloat16),
    "no axes": np.array(2.5),
    "empty": np.zeros((0, 3)),
    "view": np.ones((4, 6))[::2, ::-1],
    "broadcast": np.broadcast_to(np.ones(3), (2, 3)),
    **{f"scalar {x.dtype}": x for x in (np.float64(0.5), np.float32(0.5), np.int64(3), np.bool_(True), np.uint8(2))},
    **{f"plain {type(x).__name__}": x for x in (None, True, 3, 0.5, "text", b"text", Fraction(1, 3), float)},
    "dtype": np.dtype("float32"),
    "path": pathlib.Path("folder") / "file",
    "generator": np.random.default_rng(0),
    "function": len,
    "closure": lambda: 0,
    "object": mc.Plan(),
    "cache": mc.KeyValueCache(),
    "dict": {"w": np.ones(3), "t": np.array(0), "n": np.int64(2)},
    "nested": ((np.ones((2, 2)), None), [np.int64(1), pathlib.Path("x")]),
    "empty list": [],
}
"""Every kind of argument that was seen in a run of all claims."""


def targets():
    yield "numpy", Target.numpy
    yield "torch", Target.torch
    yield "jax", Target.jax


@pytest.fixture(params=list(targets()), ids=lambda pair: pair[0])
def make(request):
    name, make = request.param
    pytest.importorskip(name)
    return make


@pytest.mark.parametrize("kind", KINDS)
def test_arguments_of_every_kind_come_back(make, kind):
    seen = []
    ask = Caller(make("mine", takes=lambda *args, **options: seen.append((args, options))))
    ask("takes", (KINDS[kind],), {"option": KINDS[kind]})
    assert seen


@pytest.mark.parametrize("answer", [0.5, np.float64(0.5), np.array(0.5)], ids=lambda x: type(x).__name__)
def test_a_plain_number_stays_one(answer):
    ask = Caller(Target.numpy("mine", warmup_cosine=lambda *_, **__: answer))
    rate = ask("warmup_cosine", (0, 9), {"peak": 1.0, "warmup": 0})
    assert (rate, type(rate)) == (0.5, float)
    assert (np.ones(2, np.float32) * rate).dtype == np.float32


def test_a_call_is_repeated_with_arguments_that_lie_as_they_did():
    # BLAS multiplies a matrix with its own transpose in another way than with an equal matrix elsewhere.
    ask, x = (
        Caller(Target.numpy("mine", linear=lambda x, weight: x @ weight, restrictions=Restrictions(empty=True))),
        np.random.default_rng(0).normal(size=130),
    )
    for rows in (np.stack([x, x[::-1]]), np.zeros((0, 4))[:, ::2]):
        ask("linear", (rows, rows.T), {})
    ask.check_repeatable()
    assert copy_with_strides(x[1:]).ctypes.data % 64 == x[1:].ctypes.data % 64


@pytest.mark.parametrize("kind", ["float64", "bfloat16", "view", "dict", "nested"])
def test_changes_are_seen_in_every_framework(kind):
    for framework in ("numpy", "torch"):
        pytest.importorskip(framework)

    def first(value):
        while isinstance(value, (tuple, list, dict)):
            value = next(iter(value.values() if isinstance(value, dict) else value))
        return value

    def writes(value):
        first(value)[...] = 9

    for make in (Target.numpy, Target.torch):
        with pytest.raises(ContractError, match="input"):
            Caller(make("mine", takes=writes))("takes", (KINDS[kind],), {})


def test_an_attention_with_an_offset_of_numpy_holds_in_torch():
    torch = pytest.importorskip("torch")

    def attention(query, key, value, *, mask=None, is_causal=False, query_offset=0):
        if query.ndim > 2:
            key, value = (x.repeat_interleave(query.shape[-3] // x.shape[-3], dim=-3) for x in (key, value))
        scores = query.double() @ key.double().transpose(-1, -2) / max(query.shape[-1], 1) ** 0.5
        keep = torch.ones(scores.shape, dtype=torch.bool) if mask is None else mask.expand(scores.shape)
        if is_causal:
            last = torch.arange(scores.shape[-2])[:, None] + int(query_offset)
            keep = keep & (torch.arange(scores.shape[-1]) <= last)
        weights = torch.softmax(scores.masked_fill(~keep, -torch.inf), -1).nan_to_num(0.0)
        return (weights @ value.double()).to(query.dtype)

    target = Target.torch(
        "mine", scaled_dot_product_attention=attention, dtypes=("float32",), restrictions=Restrictions(finite=True)
    )
    report = verify(target, "attention.causal_sees_no_future", "attention.last_rows", profile="quick", seed=0)
    assert {r.outcome for _, r in report.results} == {"holds"}, [(r.detail, r.advice) for _, r in report.results]


# What claims pass to a target that did not say `exact`: every check is asked twice, and the types are kept.

EXACT = (Fraction, Residue)
EXACT_BY_NATURE = {"check_separation", "separation"}
"""Certificates are Fractions, whoever checks them."""

REFUSED = {"best_score_table", "Checkpoint"}
"""Object arrays are among what must be refused there, at once or when it is saved."""


def kinds_of(value):
    """The types in a value."""
    if isinstance(value, np.ndarray):
        yield value.dtype.name
        yield from {type(v) for v in value.ravel().tolist()} if value.dtype == object else ()
    elif type(value) in (tuple, list, dict):
        yield type(value)
        for part in value.values() if isinstance(value, dict) else value:
            yield from kinds_of(part)
    else:
        yield type(value)


FORMAT = ("bfloat16", "float16", "float32", "float64")[int(os.environ.get("MATHCORE_SEED", "0")) % 4]
KNOWN = {"large_arrays.go_where_they_are_told", "large_arrays.threads_are_as_said"}
"""Claims of which the copy cannot be asked: answers are written where the caller says, and threads are counted."""

FAR_AWAY = "agrees_far_away"
"""Tens of thousands of rows that repeat 23: what a copy makes of the few, the other checks of the claim ask."""


@pytest.fixture(scope="module")
def asked():
    """What every check makes of a guarded copy of mathcore with one format, and what it passed to it.

    Type → the operations that it was passed to, with the claim; and the results that are no pass.
    """
    seen, now, failed = defaultdict(set), "", []
    target = replace(mathcore_target(), name="a copy", guarded=True, exact=False, silent=False, dtypes=(FORMAT,))
    few = Profile("few", 2, 0.05)

    def note(operation, args, options):
        for kind in kinds_of({**dict(enumerate(args)), **options}) if operation else ():
            seen[kind].add((operation, now))

    before, caller.on_call = caller.on_call, note
    try:
        for claim in catalogue():
            for check in claim.checks:
                if check.inputs and not check.counterexample and check.body.__name__ != FAR_AWAY:
                    now = claim.id
                    result = run_check(claim, check, target, replace(few, examples=2 / check.effort), 0, shrink=False)
                    if result.outcome in ("refuted", "error") and claim.id not in KNOWN:
                        failed.append((claim.id, check.body.__name__, result.detail))
    finally:
        caller.on_call = before
    return seen, failed


def test_no_claim_refutes_a_copy_of_mathcore_with_one_format(asked):
    assert asked[1] == []


def test_only_exact_targets_are_passed_exact_numbers(asked):
    passed, _ = asked
    found = {pair for kind in (*EXACT, "object") for pair in passed.get(kind, ())}
    assert {pair for pair in found if pair[0] not in EXACT_BY_NATURE | REFUSED} == set()
    assert found, "nothing was passed at all"


def is_like_one_that_is_known(kind):
    """Whether it is a dtype, an object of mathcore's or an array of strings of some length."""
    if isinstance(kind, type):
        return issubclass(kind, np.dtype) or kind.__module__.startswith("mathcore")
    return kind.startswith("str")


def test_every_kind_that_is_passed_is_known_to_come_back(asked):
    passed, _ = asked
    known = {kind for value in KINDS.values() for kind in kinds_of(value)}
    assert {FORMAT, "int64", "bool", type(None), dict} <= passed.keys()
    assert {kind for kind in passed.keys() - known if not is_like_one_that_is_known(kind)} <= {"object"}
