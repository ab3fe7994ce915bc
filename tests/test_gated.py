"""Gates and the gated MLP: their textbook, memory, options that are refused, and layouts of other people's."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

import mathcore as mc
from mathcore.layers import gated_textbook as textbook
from mathcore.verify import Conventions, Target, catalogue, detect, enclose
from mathcore.verify.oracle.dual import derivative
from mathcore.verify.run.results import PROFILES
from mathcore.verify.run.runner import run_claim

CLAIMS = {claim.id: claim for claim in catalogue()}


@pytest.mark.parametrize("kind", ["silu", "none", "tanh", "quick"])
def test_slopes_of_the_textbook_are_derivatives(kind):
    x = np.linspace(-6, 6, 13)
    for alpha in (1.0, 1.702) if kind == "silu" else (1.0,):
        true = derivative(lambda x, a=alpha: textbook.opened(kind, x, a), (x,), (np.ones_like(x),))
        said = enclose(lambda x, a=alpha: textbook.slope(kind, x, a), x)
        assert abs(true.hi - said.hi).max() < 2.0**-50


def test_hidden_numbers_are_not_kept():
    rng = np.random.default_rng(0)
    x, g = rng.normal(size=(2, 60_000, 2)).astype(np.float32)
    gate, up = rng.normal(size=(2, 2, 256)).astype(np.float32)
    down = rng.normal(size=(256, 2)).astype(np.float32)
    whole = 60_000 * 256 * 4
    tracemalloc.start()
    mc.gated_mlp(x, gate, up, down)
    mc.gated_mlp_vjp(g, x, gate, up, down)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 1.2 * whole  # of the three arrays that would be 3 · whole, blocks of 2²⁴ bytes


def test_blocks_of_rows_add_up(monkeypatch):
    rng = np.random.default_rng(1)
    arrays = [rng.normal(size=shape) for shape in ((9, 2), (9, 3), (3, 5), (3, 5), (5, 2))]
    before = (*mc.gated_mlp_vjp(*arrays), mc.gated_mlp(*arrays[1:]))
    monkeypatch.setattr("mathcore.layers.gated_mlp._HIDDEN_BYTES", 100)
    after = (*mc.gated_mlp_vjp(*arrays), mc.gated_mlp(*arrays[1:]))
    for one, other in zip(before, after, strict=True):
        assert np.allclose(one, other, rtol=1e-13, atol=1e-13)


ONE, SQUARE = np.ones(2), np.ones((2, 2))
REFUSED = [
    (lambda: mc.swiglu(ONE, ONE, alpha=0.0), r"`alpha` must be a finite number in \[5.42101e-20, 1.84467e\+19\]"),
    (lambda: mc.swiglu(ONE, ONE, limit=-1.0), "`limit` must be a finite number from 0 up, got -1.0"),
    (lambda: mc.swiglu(ONE, np.ones(3)), r"the same shape, got \(2,\) and \(3,\)"),
    (lambda: mc.geglu_vjp(np.ones(3), ONE, ONE), r"must have the shape of `gate` and `up` \(2,\), got \(3,\)"),
    (lambda: mc.gated_mlp(ONE, SQUARE, SQUARE, SQUARE, activation="relu"), "'gelu_pytorch_tanh' or 'quick_gelu'"),
    (
        lambda: mc.gated_mlp(ONE, SQUARE, SQUARE, SQUARE, activation="gelu", limit=7.0),
        "belong to the activation",
    ),
    (lambda: mc.gated_mlp_vjp(np.ones(3), ONE, SQUARE, SQUARE, SQUARE), r"shape of the output \(2,\), got \(3,\)"),
]


@pytest.mark.parametrize(("call", "words"), REFUSED)
def test_what_does_not_fit_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# Layouts.


def split(both, layout):
    if layout == "interleaved":
        return both[..., ::2], both[..., 1::2]
    halves = np.split(both, 2, -1)
    return halves if layout == "gate-up" else halves[::-1]


def joined(gate, up, layout):
    if layout == "interleaved":
        return np.stack([gate, up], -1).reshape(*gate.shape[:-1], -1)
    return np.concatenate([gate, up] if layout == "gate-up" else [up, gate], -1)


@pytest.mark.parametrize("layout", ["gate-up", "up-gate", "interleaved", "apart"])
def test_a_layout_is_detected_and_holds_if_declared(layout):
    def swiglu(both, **how):
        return mc.swiglu(*split(both, layout), **how)

    def swiglu_vjp(g, both, **how):
        gate_bar, up_bar = mc.swiglu_vjp(g, *split(both, layout), **how)
        return joined(gate_bar, up_bar, layout)

    def gated_mlp(x, both, down, *, gate_bias=None, **how):
        gate_bias, up_bias = (None, None) if gate_bias is None else split(gate_bias, layout)
        return mc.gated_mlp(x, *split(both, layout), down, gate_bias=gate_bias, up_bias=up_bias, **how)

    def gated_mlp_vjp(g, x, both, down, *, gate_bias=None, **how):
        gate_bias, up_bias = (None, None) if gate_bias is None else split(gate_bias, layout)
        x, gate, up, down, *more = mc.gated_mlp_vjp(
            g, x, *split(both, layout), down, gate_bias=gate_bias, up_bias=up_bias, **how
        )
        if gate_bias is not None:
            more = [joined(more[0], more[1], layout), *more[2:]]
        return (x, joined(gate, up, layout), down, *more)

    fused = {"swiglu": swiglu, "swiglu_vjp": swiglu_vjp, "gated_mlp": gated_mlp, "gated_mlp_vjp": gated_mlp_vjp}
    operations = {name: getattr(mc, name) for name in fused} if layout == "apart" else fused
    target = Target.numpy("other", **operations, dtypes=("float64", "float32"), conventions=Conventions(errors="any"))
    assert detect(target).conventions.gate_up_layout == layout
    few = replace(PROFILES["quick"], examples=4)
    declared = target.following(Conventions(errors="any", gate_up_layout=layout))
    for name in ("gated.are_their_formulas", "gated.derivatives_are_exact", "gated_mlp.is_the_formula",
                 "gated_mlp.derivatives_are_exact"):  # fmt: skip
        assert run_claim(CLAIMS[name], declared, None, few, 0).outcome == "holds", name
    other = {"gate-up": "up-gate", "up-gate": "gate-up", "interleaved": "gate-up", "apart": "gate-up"}[layout]
    wrongly = target.following(Conventions(errors="any", gate_up_layout=other))
    assert run_claim(CLAIMS["gated.are_their_formulas"], wrongly, None, few, 0).outcome == "refuted"
