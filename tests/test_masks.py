"""Masks for attention: that they compose, do what `is_causal` does, and refuse what makes no sense."""

import numpy as np
import pytest

import mathcore as mc

RNG = np.random.default_rng(0)


def test_a_causal_mask_is_what_is_causal_does():
    q, k = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(2, 5, 4))
    masked = mc.attention_weights(q, k, mask=mc.causal_mask(3, 5, query_offset=2))
    np.testing.assert_array_equal(masked, mc.attention_weights(q, k, is_causal=True, query_offset=2))


def test_masks_compose():
    documents, lengths = np.array([[0, 0, 1, 1], [0, 1, 1, 1]]), np.array([4, 3])
    mask = mc.window_mask(4, window=2) & mc.document_mask(documents) & mc.padding_mask(lengths, 4)
    q = RNG.normal(size=(2, 3, 4, 2))  # two texts, three heads
    weights = mc.attention_weights(q, q, mask=mask)
    for text, i, j in np.ndindex(2, 4, 4):
        seen = i - 2 < j <= i and documents[text, i] == documents[text, j] and j < lengths[text]
        assert ((weights[text, :, i, j] > 0) == seen).all()


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: mc.causal_mask(-1), ValueError, "`queries` must not be negative, got -1"),
        (lambda: mc.causal_mask(2, -3), ValueError, "`keys` must not be negative, got -3"),
        (lambda: mc.window_mask(2, window=0), ValueError, "`window` must lie in .1, 2147483648., got 0"),
        (lambda: mc.document_mask([0.5]), TypeError, "`documents` must be an array of integers"),
        (lambda: mc.document_mask(3), ValueError, "axis of queries"),
        (lambda: mc.document_mask(np.zeros((2, 3), int), np.zeros((3, 3), int)), ValueError, "must broadcast"),
        (lambda: mc.padding_mask([4], 3), ValueError, r"`lengths` must lie in \[0, 3\], got 4 to 4"),
        (lambda: mc.padding_mask([-1], 3), ValueError, r"`lengths` must lie in \[0, 3\]"),
    ],
)
def test_what_makes_no_sense_is_refused(call, error, says):
    with pytest.raises(error, match=says):
        call()
