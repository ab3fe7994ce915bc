"""Digits: reading a handwritten digit by holding it against ten templates."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating, ids_below, integers, quiet, rounded, working
from mathcore._scalars import generator, real, whole
from mathcore.layers.linear import linear, linear_vjp
from mathcore.probability.argmax import argmax
from mathcore.probability.cross_entropy import cross_entropy_vjp

_MOST_CLASSES = 2**15  # a choice: their table of pairs takes 8 GiB


def load_digits() -> tuple[Array, Array]:
    r"""Real handwritten digits, 1,797 of them, as images of 16 × 16 = 256 pixels.

    They come as 8 × 8 pixels of 17 shades. Each pixel is repeated as a 2 × 2 block, so that nothing is invented: every
    dot product of two images is four times what it was, and the original can be read off again. The shades are divided
    by 16, which is exact in binary.

    Returns:
        images (1797, 256), float64 in [0, 1], row by row, 0 for paper; labels (1797,), integers 0 to 9.

    Raises:
        ImportError: if scikit-learn, which carries the images, is not installed.

    Examples:
        >>> images, labels = mc.course.load_digits()
        >>> images.shape, labels[:4].tolist()
        ((1797, 256), [0, 1, 2, 3])

    Source:
        Alpaydin & Kaynak, Optical Recognition of Handwritten Digits (1998), doi:10.24432/C50P49, test set.
    """
    try:
        from sklearn.datasets import load_digits as bundled
    except ImportError:
        raise ImportError(
            "the handwritten digits come with scikit-learn: install it with `pip install 'mathcore[verify]'`"
        ) from None
    data = bundled()
    blocks = data.images.repeat(2, axis=1).repeat(2, axis=2)  # (n, 16, 16)
    return blocks.reshape(len(blocks), 256) / 16, data.target


def digit_scores(images: npt.ArrayLike, weight: npt.ArrayLike, bias: npt.ArrayLike | None = None) -> Array:
    r"""Ten scores for an image: its dot products with ten templates.

    $$s_j = \sum_i x_i W_{ij} + b_j$$

    Args:
        images: (..., pixels), floats.
        weight: (pixels, digits), floats; column j is the template of digit j.
        bias: (digits,), floats, or None for no bias.

    Returns:
        (..., digits), in the dtype of `linear(images, weight, bias)`, which it is.

    Raises:
        TypeError, ValueError: as `linear`.

    Examples:
        >>> mc.course.digit_scores([1.0, 0.0, 1.0], weight=[[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], bias=[0.5, 0.0])
        array([1.5, 1. ])
    """
    return linear(images, weight, bias)


def read_digits(images: npt.ArrayLike, weight: npt.ArrayLike, bias: npt.ArrayLike | None = None) -> Array:
    r"""The digit of each image: the template with the highest score, the first of several that share it.

    $$\hat y = \operatorname*{argmax}_j \Big(\sum_i x_i W_{ij} + b_j\Big)$$

    Args:
        images: (..., pixels), floats.
        weight, bias: as given to `digit_scores`.

    Returns:
        (...), integers in [0, digits).

    Raises:
        TypeError, ValueError: as `digit_scores`.

    Examples:
        >>> templates = np.array([[1.0, 0.0], [0.0, 1.0]])
        >>> mc.course.read_digits([[0.1, 0.9], [0.8, 0.2]], templates)
        array([1, 0])
    """
    return argmax(digit_scores(images, weight, bias), axis=-1)


def nearest_template_bias(weight: npt.ArrayLike) -> Array:
    r"""The bias that makes the highest score the nearest template.

    $$b_j = -\tfrac12 \lVert w_j \rVert^2, \qquad \lVert x - w_j \rVert^2 = \lVert x \rVert^2 - 2\,(x \cdot w_j + b_j)$$

    Args:
        weight: (pixels, digits), floats.

    Returns:
        (digits,), in the dtype of weight.

    Raises:
        TypeError: if weight is not floating.
        ValueError: if it is not a matrix.

    Examples:
        >>> mc.course.nearest_template_bias([[3.0, 1.0], [4.0, 1.0]])
        array([-12.5,  -1. ])
    """
    weight = floating("weight", weight)
    if weight.ndim != 2:
        raise ValueError(f"`weight` must have shape (pixels, digits), got {weight.shape}")
    templates = np.ascontiguousarray(working(weight).T)  # (digits, pixels): sums run along a contiguous axis
    with quiet():
        return rounded(-(templates * templates).sum(axis=-1) / 2, like=weight)


def mean_templates(images: npt.ArrayLike, labels: npt.ArrayLike, *, num_classes: int = 10) -> Array:
    r"""The simplest template of a digit: the mean of its images.

    $$w_j = \frac{1}{n_j} \sum_{i\,:\,y_i = j} x_i$$

    Args:
        images: (n, pixels), floats.
        labels: (n,), integers in [0, num_classes).
        num_classes: how many templates.

    Returns:
        (pixels, num_classes), in the dtype of images.

    Raises:
        TypeError: if images are not floating or labels not integers.
        IndexError: if a label is out of range.
        ValueError: if the shapes do not fit, or a class has no image.

    Examples:
        >>> mc.course.mean_templates([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0]], labels=[0, 0, 1], num_classes=2)
        array([[0.5, 1. ],
               [1. , 0. ]])
    """
    images, labels, counts = _labelled(images, labels, num_classes)
    if not counts.all():
        raise ValueError(f"every class needs an image, got none of class {int(counts.argmin())}")
    with quiet():
        rows = working(images)
        means = [rows[labels == j].sum(axis=0) / int(counts[j]) for j in range(num_classes)]
        return rounded(np.stack(means, axis=1), like=images)  # (pixels, num_classes)


def fit_softmax_regression(
    images: npt.ArrayLike, labels: npt.ArrayLike, *, num_classes: int = 10, steps: int = 200
) -> tuple[Array, Array]:
    r"""Learn templates: descend the cross-entropy of the scores from zero, on all images at once.

    $$V_t = W_t + \tfrac{t}{t + 3}(W_t - W_{t-1}), \qquad W_{t+1} = V_t - \tfrac1L \nabla \ell(V_t), \qquad
      L = \frac{\sigma_{\max}(X)^2}{2n}$$

    X holds the images and, for the bias, a column of ones. The Hessian of the mean cross-entropy is
    $\frac1n \sum_i x_i x_i^\top \otimes (\operatorname{diag}(p_i) - p_i p_i^\top)$; the second factor has norm at most
    1/2, so L bounds it, and a step of 1/L cannot overshoot. Nothing is random.

    Args:
        images: (n, pixels), float32 or float64 (16-bit formats are learned in float32).
        labels: (n,), integers in [0, num_classes).
        num_classes: how many templates.
        steps: how many steps; 0 leaves all zeros.

    Returns:
        weight (pixels, num_classes) and bias (num_classes,), in the dtype of images.

    Raises:
        TypeError: if images are not floating or labels not integers.
        IndexError: if a label is out of range.
        ValueError: if the shapes do not fit, there is no image or one that is not finite, or steps is negative.

    Examples:
        >>> images, labels = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([0, 1])
        >>> weight, bias = mc.course.fit_softmax_regression(images, labels, num_classes=2)
        >>> mc.course.read_digits(images, weight, bias)
        array([0, 1])

    Source:
        Böhning, Ann. Inst. Statist. Math. 44 (1992), doi:10.1007/BF00048682 for the bound on the Hessian.
        Nesterov, Soviet Math. Dokl. 27 (1983) for the accelerated step.
    """
    images, labels, _ = _labelled(images, labels, num_classes)
    steps = whole("steps", steps, 0)
    if images.dtype.kind == "O" or images.dtype.itemsize > 8:
        raise TypeError(f"`images` must be of at most 64 bits a number, as LAPACK takes them, got {images.dtype}")
    if not len(images):
        raise ValueError(f"`images` must hold at least one image, got shape {images.shape}")
    if not np.isfinite(working(images)).all():
        raise ValueError("`images` must be finite, got NaN or infinity")
    with quiet():
        rows = np.concatenate([working(images), np.ones_like(working(images), shape=(len(images), 1))], axis=1)
        rate = 2 * len(rows) / np.linalg.norm(rows, 2) ** 2  # 1 / L
        one = rows.dtype.type(1)
        theta = before = np.zeros_like(rows, shape=(rows.shape[1], num_classes))  # (pixels + 1, num_classes)
        for t in range(steps):
            ahead = theta + t / (t + 3) * (theta - before)
            slope = cross_entropy_vjp(one, linear(rows, ahead), labels)  # (n, num_classes)
            theta, before = ahead - rate * linear_vjp(slope, rows, ahead)[1], theta
        return rounded(theta[:-1], like=images), rounded(theta[-1], like=images)


def stratified_split(labels: npt.ArrayLike, held_out: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Hold out a share of the examples at random, the same share of every class.

    Args:
        labels: (n,), integers.
        held_out: the share, between 0 and 1; of each class it is rounded to whole examples.
        rng: draws which ones.

    Returns:
        The places to learn from and the places held out: (a,) and (n − a,), ascending integers, disjoint, together
        0 … n − 1.

    Raises:
        TypeError: if labels are not integers.
        ValueError: if a class would be left without an example on either side.

    Examples:
        >>> labels = np.array([3, 3, 7, 7])
        >>> seen, held_out = mc.course.stratified_split(labels, 0.5, np.random.default_rng(0))
        >>> labels[seen], labels[held_out]
        (array([3, 7]), array([3, 7]))
    """
    labels, held_out = integers("labels", labels), real("held_out", held_out)
    generator("rng", rng, "permutation")
    if labels.ndim != 1 or not 0 < held_out < 1:
        raise ValueError(f"expected labels (n,) and a share between 0 and 1, got shape {labels.shape} and {held_out}")
    apart = np.zeros(len(labels), np.bool_)
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        count = round(held_out * len(places))
        if not 0 < count < len(places):
            raise ValueError(f"class {label} has {len(places)} examples, too few to hold out {held_out:.3g} of them")
        apart[rng.permutation(places)[:count]] = True
    return np.flatnonzero(~apart), np.flatnonzero(apart)


def confusion_matrix(labels: npt.ArrayLike, predicted: npt.ArrayLike, num_classes: int = 10) -> Array:
    r"""How often each class was taken for which.

    $$C_{ij} = \#\{k : y_k = i,\ \hat y_k = j\}$$

    Args:
        labels: (n,), integers in [0, num_classes): the truth.
        predicted: (n,), integers in [0, num_classes).
        num_classes: how many classes.

    Returns:
        (num_classes, num_classes), integers that sum to n: the truth by row, the answer by column.

    Raises:
        TypeError: if an argument is not integers.
        IndexError: if a class is out of range.
        ValueError: if the shapes differ.

    Examples:
        >>> mc.course.confusion_matrix(labels=[0, 0, 1], predicted=[0, 1, 1], num_classes=2)
        array([[1, 1],
               [0, 1]])
    """
    num_classes = whole("num_classes", num_classes, 0, _MOST_CLASSES)
    labels, predicted = ids_below("labels", labels, num_classes), ids_below("predicted", predicted, num_classes)
    if labels.ndim != 1 or labels.shape != predicted.shape:
        raise ValueError(f"`labels` and `predicted` must have one shape (n,), got {labels.shape} and {predicted.shape}")
    table = np.zeros((num_classes, num_classes), np.intp)
    np.add.at(table, (labels, predicted), 1)
    return table


def wilson_interval(successes: int, trials: int, confidence: float = 0.99) -> tuple[float, float]:
    r"""Between which bounds a rate lies that was observed as k successes in n independent trials.

    $$\frac{k + z^2/2}{n + z^2} \pm \frac{z}{n + z^2} \sqrt{\frac{k(n - k)}{n} + \frac{z^2}{4}},$$

    the rates p with $(k/n - p)^2 \le z^2 p(1 - p)/n$, where $\Phi(z) = (1 + \text{confidence})/2$.

    Args:
        successes: k, an integer in [0, n].
        trials: n ≥ 1, an integer.
        confidence: between 0 and 1.

    Returns:
        The lower and the upper bound, in [0, 1].

    Raises:
        TypeError: if a count is not an integer.
        ValueError: if a number is out of range.

    Examples:
        >>> [round(bound, 3) for bound in mc.course.wilson_interval(95, 100)]
        [0.861, 0.983]

    Source:
        Wilson, J. Amer. Statist. Assoc. 22 (1927), doi:10.1080/01621459.1927.10502953.
    """
    k, n, confidence = whole("successes", successes), whole("trials", trials), real("confidence", confidence)
    if not 0 <= k <= n or n == 0:
        raise ValueError(f"expected 0 ≤ `successes` ≤ `trials` and a trial, got {k} of {n}")
    if not 0 < confidence < 1:
        raise ValueError(f"`confidence` must lie between 0 and 1, got {confidence}")
    z2 = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    middle, half = k + z2 / 2, (z2 * (k * (n - k) / n + z2 / 4)) ** 0.5
    # At no success the bound is 0 and at no failure 1, without a rounding in between.
    return (middle - half) / (n + z2) if k else 0.0, (middle + half) / (n + z2) if k < n else 1.0


def _labelled(images: npt.ArrayLike, labels: npt.ArrayLike, num_classes: int) -> tuple[Array, Array, Any]:
    """(images, labels, how many images each class has), all checked."""
    num_classes = whole("num_classes", num_classes, 1, _MOST_CLASSES)
    images, labels = floating("images", images), ids_below("labels", labels, num_classes)
    if images.ndim != 2 or labels.shape != images.shape[:1]:
        raise ValueError(
            f"`images` must have shape (n, pixels) and `labels` (n,), got {images.shape} and {labels.shape}"
        )
    return images, labels, np.bincount(labels, minlength=num_classes)
