"""NumPy's elementary functions are as accurate here as every tolerance takes for granted, measured against Arb."""

import ml_dtypes
import numpy as np
import pytest

from mathcore.verify.oracle.enclosures import enclose
from mathcore.verify.tolerances import FORMATS

FLOATS = {
    "float64": np.float64,
    "float32": np.float32,
    "float16": np.float16,
    "bfloat16": ml_dtypes.bfloat16,
}
FUNCTIONS = {"exp": "exp", "expm1": "exp", "log": "log", "log1p": "log", "sin": "trig", "cos": "trig"}
"""Function → which figure of `FORMATS` vouches for it."""

WORST_KNOWN = {
    "exp": (-62.029507, 88.72284),
    "log": (0.78285629,),
    "expm1": (-1e-3, 0.5),
    "log1p": (2.0**-24, 0.41),
    "sin": (625.05182,),
    "cos": (62180.0977,),
}
"""Where a search through all float32 found the largest errors of the AVX kernels; e^88.72284 must not overflow."""


def errors_in_ulp(function, true, x):
    """Errors of `function(x)` in units in the last place of the true value, the smallest subnormal at least."""
    f = FORMATS[x.dtype.name]
    _, exponent = np.frexp(true.hi)
    ulp = np.maximum(np.ldexp(2 * f.u, exponent - 1), f.smallest)
    comparable = abs(true.hi) <= f.most * (1 - f.u)  # an overflow is right where the truth is beyond the range
    with np.errstate(all="ignore"):
        error = true.distance(np.asarray(function(x), np.float64)) / ulp
    return np.where(comparable, error, 0.0)


def random_inputs(name, dtype, count=20_000):
    """Arguments spread by logarithm, and as many where it matters: e^x down to subnormal results, ln x around 1."""
    rng = np.random.default_rng([len(name), ord(name[0]), len(dtype)])
    f = FORMATS[dtype]
    low, high = np.log(f.smallest), np.log(f.most)
    near_one = 1 + rng.normal(size=count) * 2.0 ** rng.uniform(np.log2(f.u), -3, count)
    signs = rng.choice([-1, 1], count)
    if name.startswith("exp"):
        spread = signs * 2.0 ** rng.uniform(-60, np.log2(high), count)
        special = rng.uniform(low, high, count)
    elif name.startswith("log"):
        spread, special = np.exp(rng.uniform(low, high, count)), near_one
    else:
        spread = signs * 2.0 ** rng.uniform(-60, min(31, np.log2(f.most)), count)
        special = rng.integers(1, 2**12, count) * (np.pi / 2) * near_one  # near the zeros
    most = f.most * (1 - f.u)
    return np.concatenate([spread, special, WORST_KNOWN[name]]).clip(-most, most).astype(FLOATS[dtype])


def half_values(name):
    """Every finite float16 that the function is defined on."""
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    every = every[np.isfinite(every)]
    return every[every > 0] if name.startswith("log") else every


@pytest.fixture(scope="module", params=FUNCTIONS)
def true_on_halves(request):
    """A function's name, every float16 in its domain and the true values there; every format holds these arguments."""
    x = half_values(request.param)
    return request.param, x, enclose(getattr(np, request.param), x)


@pytest.mark.parametrize("dtype", FLOATS)
def test_accurate_on_every_float16_value(true_on_halves, dtype):
    name, x, true = true_on_halves
    held = x.astype(FLOATS[dtype])
    same = held.astype(np.float64) == x  # bfloat16 has fewer bits than float16
    error = errors_in_ulp(getattr(np, name), true, held)[same]
    assert 0 < error.max() <= getattr(FORMATS[dtype], FUNCTIONS[name])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_accurate_on_random_values_and_the_worst_known(name, dtype):
    function, x = getattr(np, name), random_inputs(name, dtype)
    assert 0 < errors_in_ulp(function, enclose(function, x), x).max() <= getattr(FORMATS[dtype], FUNCTIONS[name])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_exp_is_1_at_0_and_at_most_1_below(dtype):
    """What p[argmax x] = max p rests on."""
    below = -np.geomspace(FORMATS[dtype].smallest, 1, 200_000).astype(dtype)
    assert np.exp(np.zeros(1, dtype))[0] == 1
    assert np.exp(-np.zeros(9, dtype)).tolist() == [1] * 9
    assert np.exp(below).max() <= 1
    assert np.exp(half_values("exp").astype(dtype)[half_values("exp") <= 0]).max() <= 1


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_measurement_notices_an_error_beyond_the_figure(dtype):
    x = np.linspace(0.5, 2, 500).astype(FLOATS[dtype])
    f = FORMATS[dtype]
    shifted = np.exp(x).astype(np.float64) * (1 + 2 * f.u * (f.exp + 1))
    assert errors_in_ulp(lambda _: shifted, enclose(np.exp, x), x).max() > f.exp
