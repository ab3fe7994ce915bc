"""A plugin of pytest that puts mathcore's softmax, log-softmax and log-sum-exp into SciPy's own tests of them.

What the shims do is what SciPy does first: all axes unless one is asked for, integers as floats, one dtype and shape
for scores and weights, numbers instead of arrays without axes. A test that meets complex numbers is skipped: they are
refused by name.
"""

import numpy as np
import pytest

import mathcore as mc


def floats(*arrays):
    """Arrays in one floating dtype and one shape."""
    dtype = np.result_type(*map(np.asarray, arrays))
    return np.broadcast_arrays(*(np.asarray(x, np.float64 if dtype.kind in "iub" else dtype) for x in arrays))


def softmax(x, axis=None):
    return mc.softmax(*floats(x), axis)[()]


def log_softmax(x, axis=None):
    return mc.log_softmax(*floats(x), axis)[()]


def logsumexp(a, axis=None, b=None, keepdims=False, return_sign=False):
    a, *weights = floats(a) if b is None else floats(a, b)
    answer = mc.logsumexp(a, axis, b=weights[0] if weights else None, keepdims=keepdims, return_sign=return_sign)
    return tuple(part[()] for part in answer) if return_sign else answer[()]


SHIMS = {"softmax": softmax, "log_softmax": log_softmax, "logsumexp": logsumexp}


@pytest.hookimpl
def pytest_collection_modifyitems(items):
    for item in items:
        vars(item.module).update(SHIMS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    try:
        return (yield)
    except TypeError as error:
        if "complex" in str(error):
            pytest.skip("complex numbers are refused by name")
        raise
