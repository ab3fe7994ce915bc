"""What the claims about digits do not say: the data, the refusals, and that learning descends as derived."""

import sys

import numpy as np
import pytest

import mathcore as mc


@pytest.fixture(scope="module")
def data():
    return mc.course.load_digits()


def test_the_digits_are_the_bundled_ones_with_every_pixel_repeated(data):
    images, labels = data
    assert images.shape == (1797, 256)
    assert images.dtype == np.float64
    assert labels.shape == (1797,)
    assert images.min() == 0
    assert images.max() == 1
    blocks = images.reshape(-1, 8, 2, 8, 2)
    assert (blocks == blocks[:, :, :1, :, :1]).all()
    from sklearn.datasets import load_digits

    assert (blocks[:, :, 0, :, 0] * 16 == load_digits().images).all()
    assert (labels == load_digits().target).all()


def test_repeating_pixels_multiplies_every_dot_product_by_four(data):
    images, _ = data
    small = images.reshape(-1, 8, 2, 8, 2)[:, :, 0, :, 0].reshape(-1, 64)
    assert (images[:50] @ images.T == 4 * (small[:50] @ small.T)).all()


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r"mathcore\[verify\]"):
        mc.course.load_digits()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_templates_come_back_in_the_dtype_of_the_images(data, dtype):
    images, labels = data[0][:200].astype(dtype), data[1][:200]
    weight, bias = mc.course.fit_softmax_regression(images, labels, steps=3)
    assert weight.dtype == bias.dtype == mc.course.mean_templates(images, labels).dtype == dtype
    assert mc.course.nearest_template_bias(weight).dtype == mc.course.digit_scores(images, weight, bias).dtype == dtype


def test_any_images_can_be_learned():
    images = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 2.0, 0.1]])
    weight, bias = mc.course.fit_softmax_regression(images, [1, 0, 1], num_classes=2, steps=200)
    assert weight.shape == (3, 2)
    assert mc.course.read_digits(images, weight, bias).tolist() == [1, 0, 1]


def test_no_step_learns_nothing(data):
    weight, bias = mc.course.fit_softmax_regression(data[0][:30], data[1][:30], steps=0)
    assert not weight.any()
    assert not bias.any()


def test_learning_is_deterministic(data):
    once, again = (mc.course.fit_softmax_regression(data[0][:100], data[1][:100], steps=20) for _ in range(2))
    assert all((a == b).all() for a, b in zip(once, again, strict=True))


def loss(images, labels, weight, bias):
    return float(mc.cross_entropy(mc.linear(images, weight, bias), labels))


def test_the_loss_keeps_the_rate_of_the_accelerated_step(data):
    """f(W_t) − f(W*) ≤ 2L‖W*‖² / (t + 1)² for every W*: one is what many more steps reach."""
    images, labels = data[0][:300], data[1][:300]
    rows = np.c_[images, np.ones(300)]
    smoothness = np.linalg.norm(rows, 2) ** 2 / (2 * len(rows))
    far = mc.course.fit_softmax_regression(images, labels, steps=1000)
    distance = (far[0] ** 2).sum() + (far[1] ** 2).sum()
    for steps in (1, 10, 100):
        gap = loss(images, labels, *mc.course.fit_softmax_regression(images, labels, steps=steps)) - loss(
            images, labels, *far
        )
        assert gap <= 2 * smoothness * distance / (steps + 1) ** 2


def test_the_first_step_is_the_gradient_over_its_bound(data):
    """From zero every digit has probability 1/10, and the gradient can be written down."""
    images, labels = data[0][:300], data[1][:300]
    rows = np.c_[images, np.ones(300)]
    smoothness = np.linalg.eigvalsh(rows.T @ rows)[-1] / (2 * 300)
    by_hand = rows.T @ (np.eye(10)[labels] - 0.1) / 300 / smoothness
    weight, bias = mc.course.fit_softmax_regression(images, labels, steps=1)
    # Two ways to σ_max², each backward stable: far more digits than a wrong factor in L would leave.
    np.testing.assert_allclose(np.r_[weight, bias[None]], by_hand, rtol=0, atol=1e3 * 2**-53 * abs(by_hand).max())


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_the_published_one(successes, trials, low, high):
    """Newcombe, Statist. Med. 17 (1998), table I, method 3: four places of the 95 % interval."""
    assert [round(end, 4) for end in mc.course.wilson_interval(successes, trials, 0.95)] == [low, high]


X, Y = np.ones((4, 3)), np.array([0, 1, 0, 1])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: mc.course.mean_templates(X.astype(int), Y), TypeError, "`images` must be an array of floats"),
        (lambda: mc.course.mean_templates(X, Y), ValueError, "none of class 2"),
        (lambda: mc.course.mean_templates(X, Y[:3]), ValueError, r"\(4, 3\) and \(3,\)"),
        (lambda: mc.course.mean_templates(X, Y - 1), IndexError, r"`labels` must lie in \[0, 10\), got -1"),
        (lambda: mc.course.mean_templates(X, Y, num_classes=1), IndexError, "got 1 at index"),
        (lambda: mc.course.fit_softmax_regression(X, Y, steps=-1), ValueError, "got -1"),
        (lambda: mc.course.fit_softmax_regression(X[:0], Y[:0]), ValueError, r"got shape \(0, 3\)"),
        (lambda: mc.course.fit_softmax_regression(X + np.nan, Y), ValueError, "`images` must be finite"),
        (lambda: mc.course.fit_softmax_regression(X + np.inf, Y), ValueError, "`images` must be finite"),
        (lambda: mc.course.nearest_template_bias(X[0]), ValueError, r"got \(3,\)"),
        (lambda: mc.course.nearest_template_bias([[1, 2]]), TypeError, "`weight`"),
        (lambda: mc.course.read_digits(X, np.ones((4, 10))), ValueError, r"\(4, 10\), got \(4, 3\)"),
        (lambda: mc.course.stratified_split(Y, 1.0, np.random.default_rng(0)), ValueError, "between 0 and 1"),
        (lambda: mc.course.stratified_split(Y, 0.1, np.random.default_rng(0)), ValueError, "class 0 has 2 examples"),
        (lambda: mc.course.stratified_split(Y / 2, 0.1, np.random.default_rng(0)), TypeError, "`labels`"),
        (lambda: mc.course.confusion_matrix(Y, Y[:3]), ValueError, r"\(4,\) and \(3,\)"),
        (lambda: mc.course.confusion_matrix(Y, Y, num_classes=1), IndexError, "`labels`"),
        (lambda: mc.course.wilson_interval(5, 4), ValueError, "5 of 4"),
        (lambda: mc.course.wilson_interval(0, 0), ValueError, "0 of 0"),
        (lambda: mc.course.wilson_interval(1, 2, 1.0), ValueError, "between 0 and 1, got 1.0"),
        (lambda: mc.course.wilson_interval(1.0, 2), TypeError, "integer, got 1.0"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()
