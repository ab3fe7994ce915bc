"""What the claims about embeddings do not say: messages, empty shapes, formats that meet, and silence."""

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

import mathcore as mc
from mathcore.verify import enclose
from mathcore.verify.tolerances import FORMATS

TABLE = np.arange(6.0).reshape(3, 2)


@pytest.mark.parametrize("ids", [1, [1], [[0, 1], [2, 0]], [], np.zeros((0, 4), int), np.uint8(2), np.uint64([1])])
def test_the_result_has_the_shape_of_the_ids_and_one_axis_more(ids):
    assert mc.embedding(ids, TABLE).shape == (*np.shape(ids), 2)
    assert mc.one_hot(ids, 3).shape == (*np.shape(ids), 3)
    assert mc.embedding_vjp(np.ones((*np.shape(ids), 2)), ids, TABLE).shape == TABLE.shape


def test_the_vectors_are_a_copy():
    vectors = mc.embedding([0], TABLE)
    vectors[:] = 9
    assert TABLE[0, 0] == 0


@pytest.mark.parametrize("bad", [-1, 3, 2**40])
def test_a_bad_id_is_named_with_its_place(bad):
    for call in (
        lambda ids: mc.embedding(ids, TABLE),
        lambda ids: mc.embedding_vjp(np.ones((2, 2, 2)), ids, TABLE),
        lambda ids: mc.one_hot(ids, 3),
    ):
        with pytest.raises(IndexError, match=rf"`ids` must lie in \[0, 3\), got {bad} at index \(1, 0\)"):
            call([[0, 1], [bad, 2]])


def test_a_table_without_rows_has_no_ids():
    with pytest.raises(IndexError, match=r"\[0, 0\)"):
        mc.embedding([0], np.zeros((0, 2)))
    assert mc.embedding([], np.zeros((0, 2))).shape == (0, 2)


def test_a_table_has_two_axes():
    with pytest.raises(ValueError, match=r"`weight` must have shape \(rows, width\), got \(6,\)"):
        mc.embedding([0], np.arange(6.0))


def test_a_cotangent_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"the shape of the output \(1, 2\), got \(1, 3\)"):
        mc.embedding_vjp(np.ones((1, 3)), [0], TABLE)
    with pytest.raises(ValueError, match=r"the shape of the output \(3,\), got \(2,\)"):
        mc.cosine_similarity_vjp(np.ones(2), TABLE, TABLE)


def test_a_gradient_that_overflows_is_infinite_and_silent():
    pulled = mc.embedding_vjp(np.full((2, 1), 6e4, np.float16), [0, 0], np.zeros((1, 1), np.float16))
    assert pulled.dtype == np.float16
    assert np.isposinf(pulled).all()
    with np.errstate(all="raise"):
        assert np.isnan(mc.embedding_vjp(np.array([[np.inf], [-np.inf]]), [0, 0], np.zeros((1, 1)))).all()


def test_a_gradient_has_the_format_of_the_table():
    for dtype in ("float16", "float32", "float64", ml_dtypes.bfloat16):
        assert mc.embedding_vjp(np.ones((1, 2)), [0], TABLE.astype(dtype)).dtype == dtype


def test_fractions_stay_fractions():
    table = np.array([[Fraction(1, 3)], [Fraction(1, 7)]], object)
    assert mc.embedding([1], table)[0, 0] == Fraction(1, 7)
    pulled = mc.embedding_vjp(np.array([[Fraction(1, 3)], [Fraction(1, 6)]], object), [0, 0], table)
    assert pulled.tolist() == [[Fraction(1, 2)], [0]]


def test_one_hot_refuses_what_makes_no_sense():
    with pytest.raises(ValueError, match="`num_classes` must not be negative, got -1"):
        mc.one_hot([], -1)
    with pytest.raises(ValueError, match="has no axis 2"):
        mc.one_hot([0], 1, axis=2)
    assert mc.one_hot([], 0).shape == (0, 0)


def test_vectors_of_different_shapes_are_not_broadcast():
    with pytest.raises(ValueError, match=r"`a` and `b` must have one shape, got \(3, 2\) and \(2,\)"):
        mc.cosine_similarity(TABLE, TABLE[0])


def test_formats_that_meet_are_promoted():
    half, single = np.float16([1, 2]), np.float32([2, 1])
    assert mc.cosine_similarity(half, single).dtype == np.float32
    pulled = mc.cosine_similarity_vjp(np.float64(1), half, single)
    assert [p.dtype for p in pulled] == [np.float16, np.float32]


def test_vectors_of_no_numbers_have_no_direction():
    empty = np.zeros((2, 0))
    assert mc.cosine_similarity(empty, empty).tolist() == [0, 0]
    assert [p.shape for p in mc.cosine_similarity_vjp(np.ones(2), empty, empty)] == [(2, 0)] * 2
    assert mc.cosine_similarity(empty.T, empty.T).shape == (0,)


def test_a_vector_in_another_layout_is_at_exactly_one_to_itself():
    a = np.random.default_rng(0).normal(size=(9, 300))
    for axis in (0, 1):
        assert (mc.cosine_similarity(a, np.asfortranarray(a), axis) == 1).all()


def test_gradients_of_the_longest_and_shortest_vectors_are_silent():
    tiny, huge = np.array([FORMATS["float64"].smallest, 0]), np.array([0, FORMATS["float64"].most])
    with np.errstate(over="raise", invalid="raise"):
        of_tiny, of_huge = mc.cosine_similarity_vjp(np.float64(1), tiny, huge)
    assert of_tiny.tolist() == [0, np.inf]  # 2¹⁰⁷⁴ is beyond the largest number
    assert of_huge[1] == 0
    assert of_huge[0] == 2.0**-1024  # rounded to what the format has near 5.6e-309


def test_a_large_cotangent_meets_a_long_vector_without_overflow():
    a, b, g = np.array([2.0**900, 0.0]), np.array([0.0, 1.0]), np.float64(2.0**1023)
    assert mc.cosine_similarity_vjp(g, a, b)[0].tolist() == [0, 2.0**123]


def test_cosines_run_on_balls():
    true = enclose(lambda a, b: mc.cosine_similarity(a, b)[None], np.array([3.0, 4.0]), np.array([4.0, 3.0]))
    assert true.hi.tolist() == [0.96]


def test_score_tables_of_any_shape():
    for shape in ((0, 3), (3, 0), (1, 1), (2, 5)):
        words, contexts = mc.best_score_table(np.ones(shape), 4)
        assert (words.shape, contexts.shape) == ((shape[0], 4), (shape[1], 4))
        assert np.allclose(words @ contexts.T, np.ones(shape), rtol=0, atol=2.0**-48)


@pytest.mark.parametrize("scale", [2.0**-1070, 2.0**1019])
def test_score_tables_reach_both_ends_of_the_format(scale):
    table = np.array([[3.0, 1.0], [1.0, 3.0], [1.0, -2.0]]) * scale
    words, contexts = mc.best_score_table(table, 2)
    assert np.isfinite(words).all()
    assert abs(words @ contexts.T / scale - table / scale).max() <= 2.0**-3 if scale < 1 else 2.0**-48


def test_what_has_no_best_table_is_refused():
    with pytest.raises(ValueError, match="`table` must be finite, got NaN or infinity"):
        mc.best_score_table(np.array([[np.nan]]), 1)
    with pytest.raises(ValueError, match="`size` must not be negative, got -1"):
        mc.best_score_table(TABLE, -1)
    with pytest.raises(TypeError, match="must be an array of floats, got dtype object"):
        mc.best_score_table(TABLE.astype(object), 1)
    with pytest.raises(ValueError, match=r"must have shape \(rows, width\), got \(2,\)"):
        mc.best_score_table(np.ones(2), 1)
