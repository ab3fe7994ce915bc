"""What is not asked of other implementations: where terms leave the range, or meet a 0; and copies for them."""

import numpy as np
import pytest

from mathcore.verify import Conventions, Target, catalogue
from mathcore.verify.run.diagnosis import check_and_diagnose
from mathcore.verify.run.results import PROFILES
from mathcore.verify.targets.exclusions import excluded
from mathcore.verify.targets.ranges import leaves_range
from mathcore.verify.targets.restrictions import NONE
from mathcore.verify.targets.values import copy_with_strides

CLAIMS = {claim.id: claim for claim in catalogue()}
HIDING = Conventions(hidden_values="finite", intermediates="in-range")


def judged(claim, **more):
    return check_and_diagnose(CLAIMS[claim], Target.numpy("mine", **more), PROFILES["quick"], 0).outcome


def divided_first(x, temperature, axis=-1):
    z = x / x.dtype.type(temperature)
    e = np.exp(z - z.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def multiplied(x, temperature, axis=-1):
    return divided_first(x, 1 / temperature, axis)


@pytest.mark.parametrize(
    ("function", "promised", "outcome"),
    [
        (divided_first, {}, "holds"),
        (divided_first, {"temperature": "shifted", "intermediates": "in-range"}, "refuted"),
        (multiplied, {}, "refuted"),
    ],
)
def test_a_temperature_that_divides_first_is_right_and_promises_no_more(function, promised, outcome):
    more = {"dtypes": ("float64", "float32"), "conventions": Conventions(errors="none", **promised)}
    assert judged("softmax.temperature", temperature_softmax=function, **more) == outcome


FAR, NEAR = np.full((1, 3), 1e13, np.float32), np.ones((1, 3), np.float32)


@pytest.mark.parametrize(
    ("operation", "given", "words"),
    [
        ("temperature_softmax", {"x": NEAR, "temperature": 1e-300}, "temperatures beyond"),
        ("temperature_softmax", {"x": NEAR, "temperature": np.inf}, "temperatures beyond"),
        ("temperature_softmax", {"x": 1e20 * FAR, "temperature": 1e-6}, "overflow"),
        ("temperature_softmax", {"x": NEAR, "temperature": 1e-6}, ""),
        ("temperature_softmax", {"x": NEAR, "temperature": -1.0}, ""),  # which is refused
        ("rms_norm_vjp", {"x": FAR, "epsilon": 1e-6}, "cube"),
        ("rms_norm_vjp", {"x": FAR.astype(np.float64), "epsilon": 1e-6}, ""),
        ("rms_norm_vjp", {"x": 0 * NEAR, "epsilon": 0.0}, "cube"),
        ("rms_norm_vjp", {"x": np.full((1, 3), np.nan), "epsilon": 1e-6}, ""),
        ("scaled_dot_product_attention", {"value": np.full((3, 1), 1e308)}, "sum overflows"),
        ("scaled_dot_product_attention", {"value": np.full((3, 1), 6e4, np.float16)}, ""),  # added in float32
        ("scaled_dot_product_attention", {"value": np.full((3, 1), np.inf)}, ""),
        ("softmax", {"x": 1e20 * FAR}, ""),  # whose recipe has a shift against that
    ],
)
def test_calls_whose_own_terms_leave_the_range_are_named(operation, given, words):
    reason = leaves_range(operation, given)
    assert words in reason
    assert bool(words) == bool(reason)


def attention(**changed):
    arrays = {name: np.ones((2, 3), np.float32) for name in ("cotangent", "query", "key", "value")}
    return {**arrays, "mask": None, "bias": None, "is_causal": True, "query_offset": 0, "scale": None, **changed}


def with_last(x):
    return np.concatenate([np.ones((1, 3), np.float32), np.full((1, 3), x, np.float32)])


@pytest.mark.parametrize(
    ("changed", "hides"),
    [
        ({}, False),
        ({"key": with_last(np.nan)}, True),
        ({"key": with_last(3e38)}, True),  # finite, but its score is not
        ({"key": with_last(3e38), "is_causal": False}, False),
        ({"value": with_last(np.inf)}, True),
        ({"value": with_last(3e38)}, False),
        ({"cotangent": with_last(np.nan)}, False),  # the last query sees all
        ({"cotangent": with_last(np.nan)[::-1]}, True),
        ({"bias": np.full((2, 2), -np.inf, np.float32)}, False),
        ({"bias": np.full((2, 2), np.nan, np.float32)}, True),
    ],
)
def test_what_is_multiplied_by_zero_is_finite(changed, hides):
    reason = excluded("scaled_dot_product_attention_vjp", attention(**changed), HIDING, NONE)
    assert bool(reason) == hides


def test_rows_that_are_left_out_of_a_loss_are_finite_too():
    logits = np.array([[0.0, 1.0], [np.nan, 0.0]])

    def reason(targets):
        given = {"logits": logits, "axis": -1, "targets": np.array(targets), "ignore_index": -1}
        return excluded("cross_entropy_vjp", given, HIDING, NONE)

    assert reason([0, -1])
    assert not reason([-1, 0])  # the NaN counts


def test_the_copy_of_a_dense_array_keeps_the_order_of_its_axes():
    """Arithmetic on a transposed array returns memory in that order, which is neither C's nor Fortran's."""
    x = np.ones((2, 65, 3)).transpose(1, 2, 0) * 2.0
    assert not x.flags.contiguous
    assert not x.flags.f_contiguous
    assert copy_with_strides(x).strides == x.strides
    assert np.array_equal(copy_with_strides(x), x)
