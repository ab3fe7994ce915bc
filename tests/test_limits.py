"""What a claim leaves untried is what it says that it leaves untried."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import strategies as st

from mathcore.verify import Claim, Limits, all_of, catalogue, equal, given_that, less, mathcore_target, raises
from mathcore.verify.domains import as_dtype, domain, draw_array, draw_integers, integers_as_floats
from mathcore.verify.limits import EVERYWHERE, Tried, undeclared, untrue
from mathcore.verify.run.attempt import ClaimError
from mathcore.verify.run.results import PROFILES, Profile
from mathcore.verify.run.runner import run_check, run_claim, tried_on

CLAIMS = catalogue()
MATHCORE = mathcore_target()
FORMATS = MATHCORE.dtypes


QUICK, DEFAULT = PROFILES["quick"], PROFILES["default"]
FEW, *LOOKS = [
    *((replace(QUICK, examples=8), 0), (replace(QUICK, examples=30), 0), (replace(QUICK, examples=60), 1)),
    *((replace(DEFAULT, examples=150), seed) for seed in (1, 2)),
]
"""What limits are measured on, and from which seed: each only if those before were too few."""


def declares_nothing(limits):
    """Whether no input can show that something is tried after all."""
    return not (limits.options or limits.formats or limits.rows or limits.width or limits.signs)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_what_is_left_out_is_declared(claim):
    tried = Tried()
    for look, seed in (FEW, *LOOKS) if declares_nothing(claim.limits) else LOOKS:
        tried.merge(tried_on(claim, MATHCORE, look, seed=seed))
        if not undeclared(claim.limits, tried.left_out(FORMATS)):  # else by chance, in few examples?
            break
    measured = tried.left_out(FORMATS)
    assert undeclared(claim.limits, measured) == []
    assert untrue(claim.limits, measured) == []


def a_claim(domain_of_x, limits=EVERYWHERE, **more):
    """A claim about `softmax` on rows that are drawn so."""
    claim = Claim("softmax.planted", "…", "…", needs=("softmax",), limits=limits, **more)
    claim.property(x=domain_of_x)(lambda ops, x: equal(ops.softmax(x), ops.softmax(x)))
    return claim


def left_out(claim):
    return undeclared(claim.limits, tried_on(claim, MATHCORE, PROFILES["quick"], seed=0).left_out(FORMATS))


@domain
def narrow(draw, target):
    return abs(draw_array(draw, (2, 3), "float64"))


@domain
def all_kinds(draw, target):
    return draw_array(draw, (9, 33), FORMATS[int(draw_integers(draw, (1,), 8)[0]) % 4])


def test_a_narrow_domain_is_seen():
    assert left_out(a_claim(narrow())) == [
        "option softmax.axis is never off its default",
        "option softmax.where is never off its default",
        "option softmax.dtype is never off its default",
        "softmax.float32 is not drawn",
        "softmax.float16 is not drawn",
        "softmax.bfloat16 is not drawn",
        "at most 2 rows",
        "widths up to 3",
        "softmax.x >= 0 always",
    ]


def test_declared_it_is_no_fault():
    said = Limits(("axis", "softmax.where", "dtype"), ("float32", "float16", "bfloat16"), 2, 3, ("softmax.x >= 0",))
    assert left_out(a_claim(narrow(), said)) == []
    assert untrue(said, tried_on(a_claim(narrow()), MATHCORE, PROFILES["quick"], 0).left_out(FORMATS)) == []


def test_a_wide_domain_leaves_options_alone():
    assert left_out(a_claim(all_kinds())) == [
        "option softmax.axis is never off its default",
        "option softmax.where is never off its default",
        "option softmax.dtype is never off its default",
    ]


def test_what_is_tried_after_all_may_not_be_declared():
    said = Limits(("axis", "keepdims"), ("float16",), 2, 3, ("softmax.x >= 0",))
    tried = tried_on(a_claim(all_kinds()), MATHCORE, PROFILES["quick"], seed=0)
    assert untrue(said, tried.left_out(FORMATS)) == [
        "option keepdims is tried, or none",
        "float16 is drawn",
        "more rows are tried",
        "wider rows are tried",
        "softmax.x >= 0 does not hold",
    ]


def test_refusals_have_no_domain():
    claim = Claim("softmax.planted", "…", "…", needs=("softmax",))
    claim.property(x=integers_as_floats(3))(lambda ops, x: raises(lambda: ops.softmax(x, axis=5), IndexError))
    assert left_out(claim) == []


def test_words():
    limits = Limits(("axis",), ("float16",), 2, 3, ("softmax.x >= 0",), ("the top is alone",), {"scale": "no overflow"})
    assert limits.words == [
        "at most 2 rows",
        "widths up to 3",
        "not in float16",
        "`axis` at the default",
        "`softmax.x ≥ 0`",
        "only where the top is alone",
        "no overflow",
    ]
    tried = Tried()
    tried.add("softmax", (np.array([[1.0, -np.inf]]),), {"axis": -1})
    assert tried.words == {"softmax: x": "float64; 1 row of width 2; from 1 to 1; -inf", "softmax: axis": "-1"}


# What is assumed is declared.


def assuming(limits):
    claim = Claim("softmax.planted", "…", "…", needs=("softmax",), limits=limits)

    @claim.property(x=narrow())
    def _(ops, x):
        given_that(x.max() > 1, "some score is above 1")
        return less(1.0, x.max())

    return claim


def test_an_assumption_that_is_declared_passes_inputs_over():
    claim = assuming(Limits(assumes=("some score is above 1",)))
    result = run_claim(claim, MATHCORE, None, PROFILES["default"], 0)
    assert result.outcome == "holds"
    assert result.tally.unmet["some score is above 1"] > 0


def test_an_assumption_that_is_not_declared_is_an_error():
    with pytest.raises(ClaimError, match="assumes that some score is above 1"):
        run_claim(assuming(Limits()), MATHCORE, None, PROFILES["default"], 0)


def test_a_claim_says_what_it_says_that_it_says():
    with pytest.raises(TypeError, match="Without smoothing"):
        a_claim(narrow(), Limits(said=("Without smoothing",)))


# Beyond what is drawn.


BEYOND = Profile("beyond", 40, 0.2, perturbed=4)


def universal_collapse(limits=EVERYWHERE):
    """`relu.breaks_the_collapse` as it once stood: false, for relu(x) − relu(−x) = x, and tried on positive weights."""
    claim = Claim(
        "relu.planted",
        "With a ReLU between two layers no single matrix, nor a matrix with a bias, gives the same.",
        r"\nexists\, W, b:\ \operatorname{relu}(xW_1 + b_1)W_2 + b_2 = xW + b \text{ for all } x",
        needs=("relu", "linear"),
        limits=limits,
    )

    @domain
    def nets_around_zero(draw, target):
        name, inputs, hidden = draw(st.sampled_from(target.dtypes)), draw(st.integers(1, 4)), draw(st.integers(1, 5))
        x, weight, after = (draw_integers(draw, s, 2) for s in ((1, inputs), (inputs, hidden), (hidden, 1)))
        x[0, 0], weight[0, 0], weight[1:, 0] = x[0, 0] or 1, weight[0, 0] or 1, 0
        return {"x": as_dtype(x, name), "weight": as_dtype(weight, name), "after": as_dtype(abs(after) + 1, name)}

    @claim.property(nets_around_zero())
    def _(ops, x, weight, after):
        ahead, behind, here = (ops.linear(ops.relu(ops.linear(v, weight)), after)[0] for v in (x, -x, 0 * x))
        bend = ahead.astype(np.float64) + behind.astype(np.float64) - 2 * here.astype(np.float64)
        hidden = x.astype(np.float64) @ weight.astype(np.float64)
        return all_of(equal(bend, abs(hidden)[0] @ after.astype(np.float64)), less(0.0, bend))

    return claim


@pytest.mark.parametrize(("profile", "outcome"), [(PROFILES["quick"], "holds"), (BEYOND, "refuted")])
def test_a_sentence_that_is_false_beyond_its_domain_is_refuted_there(profile, outcome):
    claim = universal_collapse()
    result = run_check(claim, claim.checks[0], MATHCORE, profile, seed=0)
    assert result.outcome == outcome
    assert result.detail.startswith("false beyond the domain that is drawn: ") == (outcome == "refuted")


def test_what_is_declared_fixed_is_not_bent():
    everything = dict.fromkeys(("signs", "zeros", "ties", "order", "scale"), "as drawn")
    claim = universal_collapse(Limits(fixed=everything))
    assert run_check(claim, claim.checks[0], MATHCORE, BEYOND, seed=0).outcome == "holds"


def test_a_bend_must_exist():
    with pytest.raises(ValueError, match="`fixed` knows signs, zeros"):
        Limits(fixed={"sings": "…"})
