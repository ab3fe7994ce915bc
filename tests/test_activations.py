"""Activations: coefficients, digits, and conventions of other people's."""

import math
from dataclasses import replace

import numpy as np
import pytest

import mathcore as mc
from mathcore.layers._activation import _LONG, _SHIFT, _SHORT
from mathcore.layers.activation_textbook import FORMULAS, KINDS, operation_of
from mathcore.verify import Conventions, Target, catalogue, detect, enclose
from mathcore.verify.run.results import PROFILES
from mathcore.verify.run.runner import run_claim
from tests.test_elementary_functions import errors_in_ulp

CLAIMS = {claim.id: claim for claim in catalogue()}


def interpolation(count):
    """The coefficients of g by powers of t, from its values in `count` Chebyshev points."""
    from flint import arb, arb_poly, ctx

    before, ctx.prec = ctx.prec, 300
    try:
        angles = [arb.pi() * (2 * j + 1) / (2 * count) for j in range(count)]
        heights = []
        for angle in angles:
            z = 4 * (1 + angle.cos()) / (1 - angle.cos())
            heights.append((z + _SHIFT) * (z * z / 2).exp() * (z / arb(2).sqrt()).erfc() / 2)
        total, powers = arb_poly([0]), [arb_poly([1]), arb_poly([0, 1])]
        for m in range(count):
            weight = sum((h * (m * a).cos() for h, a in zip(heights, angles, strict=True)), arb(0)) * 2 / count
            total += powers[m] * (weight if m else weight / 2)
            powers.append(arb_poly([0, 2]) * powers[-1] - powers[-2])
        return [float(total[m]) for m in range(count)]
    finally:
        ctx.prec = before


@pytest.mark.parametrize("coefficients", [_SHORT, _LONG], ids=["short", "long"])
def test_coefficients_are_those_of_the_interpolation(coefficients):
    assert interpolation(len(coefficients)) == list(coefficients)


def called(kind, x):
    name, options = operation_of(kind)
    return getattr(mc, name)(x, **options)


LAST = {"none": 38.4, "tanh": 21.0, "quick": 440.0}
"""Where the left tail ends in float64, if not at 750."""


@pytest.mark.parametrize(("dtype", "most"), [("float64", 2.0), ("float32", 0.53), ("float16", 0.501)])
@pytest.mark.parametrize("kind", KINDS)
def test_digits(kind, dtype, most):
    rng, last = np.random.default_rng(3), LAST.get(kind, 750.0)
    tiny = -(2.0 ** rng.uniform(-40, 5, 50))
    x = np.concatenate([rng.uniform(-last, 0, 150), rng.uniform(-8, 8, 150), tiny]).astype(dtype)
    assert errors_in_ulp(lambda x: called(kind, x), enclose(FORMULAS[kind], x), x).max() <= most


def test_the_tail_of_gelu_keeps_its_digits():
    assert mc.gelu(-10.0) == pytest.approx(-7.619853024160527e-23, rel=1e-15)
    assert -10 * (1 + math.erf(-10 / math.sqrt(2))) / 2 == 0


@pytest.mark.parametrize("name", ["sigmoid", "softplus", "silu", "gelu"])
def test_objects_are_refused(name):
    with pytest.raises(TypeError, match="`x` must be an array of floats, got dtype object"):
        getattr(mc, name)(np.array([1.0], object))


def test_an_approximation_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="`approximate` must be 'none', 'tanh' or 'quick', got 'erf'"):
        mc.gelu(1.0, approximate="erf")
    with pytest.raises(ValueError, match=r"must have the shape of x \(2,\), got \(3,\)"):
        mc.gelu_vjp(np.ones(3), np.ones(2))


# Conventions.


def by_tanh(x):
    wide = x.astype(np.float64)
    return (wide / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (wide + 0.044715 * wide**3)))).astype(x.dtype)


def quick(x):
    wide = x.astype(np.float64)
    with np.errstate(over="ignore"):
        return (wide / (1 + np.exp(-1.702 * wide))).astype(x.dtype)


def by_erf(x):
    wide = x.astype(np.float64)
    return (wide / 2 * (1 + np.vectorize(math.erf, otypes=[float])(wide / math.sqrt(2)))).astype(x.dtype)


def straight_beyond_20(x):
    return np.where(x > 20, x, mc.softplus(x))


NAN = {"activation_of_minus_infinity": "nan"}
OTHERS = [
    ({"gelu": by_tanh}, {"gelu": "tanh", **NAN}),
    ({"gelu": quick}, {"gelu": "quick", "activation_tails": "relative", **NAN}),
    ({"gelu": by_erf, "silu": mc.silu}, NAN),
    ({"softplus": straight_beyond_20}, {"softplus_threshold": 20.0, "activation_tails": "relative"}),
    ({"sigmoid": lambda x: ((1 + np.tanh(x.astype(np.float64) / 2)) / 2).astype(x.dtype)}, {}),
]


@pytest.mark.parametrize(("operations", "own"), OTHERS)
def test_conventions_are_detected_and_hold_if_declared(operations, own):
    target = Target.numpy("other", **operations, dtypes=("float64", "float32"), conventions=Conventions(errors="none"))
    found = replace(detect(target).conventions, errors="none")
    assert Conventions(errors="none").difference(found) == own
    claim = CLAIMS["activations.reflect" if "softplus" in operations else "activations.are_their_formulas"]
    few = replace(PROFILES["quick"], examples=4)
    assert run_claim(claim, target.following(found), None, few, 0).outcome == "holds"
    strict = {"gelu": "exact"} if "gelu" in own else {"activation_tails": "relative", "softplus_threshold": math.inf}
    undeclared = run_claim(claim, target.following(replace(found, **strict)), None, few, 0)
    assert undeclared.outcome in ("refuted", "not_offered")
