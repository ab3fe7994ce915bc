"""Biases from distances: edges that float32 misses, integers of any kind, and refusals."""

import numpy as np
import pytest

import mathcore as mc
from mathcore.attention.bias_claims import true_buckets


@pytest.mark.parametrize(
    ("buckets", "most", "distance", "bucket"),
    [(17, 27, 18, 14), (19, 196, 42, 14), (31, 532, 218, 26), (46, 164, 107, 40), (48, 81, 54, 40)],
)
def test_edges_that_a_logarithm_in_float32_misses(buckets, most, distance, bucket):
    # T5's code in PyTorch gives the bucket beside it.
    found = mc.t5_relative_position_bucket([-distance], bidirectional=False, num_buckets=buckets, max_distance=most)
    assert found == bucket == true_buckets(False, buckets, most)[distance]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "uint64"])
def test_integers_of_any_kind(dtype):
    ends = np.array([np.iinfo(dtype).min, 3, np.iinfo(dtype).max], dtype)
    assert mc.t5_relative_position_bucket(ends, max_distance=2**31)[1:].tolist() == [19, 31 if "64" in dtype else 25]
    assert mc.t5_relative_position_bucket(ends).tolist() == [15 if dtype[0] == "i" else 0, 19, 31]


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: mc.alibi_slopes(0), ValueError, r"`num_heads` must lie in \[1, 65536\], got 0"),
        (lambda: mc.alibi_bias(2, -1), ValueError, "`queries` must not be negative, got -1"),
        (lambda: mc.t5_relative_position_bucket([0.5]), TypeError, "`relative_position` must be an array of integers"),
        (lambda: mc.t5_relative_position_bucket([1], num_buckets=7), ValueError, "`num_buckets` must be even"),
        (lambda: mc.t5_relative_position_bucket([1], max_distance=8), ValueError, r"must lie in \[9, 2147483648\]"),
    ],
)
def test_what_makes_no_sense_is_refused(call, error, says):
    with pytest.raises(error, match=says):
        call()
