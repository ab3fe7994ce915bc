"""A predictor of neighbours: the smallest model whose vectors learn."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, integers, quiet
from mathcore._scalars import generator, mapping, number_dtype, real, whole
from mathcore.embeddings.embedding import embedding, embedding_vjp
from mathcore.layers.linear import linear, linear_vjp
from mathcore.models.transformer import Params
from mathcore.probability.cross_entropy import cross_entropy, cross_entropy_and_grad
from mathcore.training.optimisers import sgd_step

_MOST = 2**31 - 1  # of any size


def neighbour_pairs(ids: npt.ArrayLike, *, window: int = 1) -> tuple[Array, Array]:
    """Every word of a text with each of its neighbours: what a predictor of neighbours learns from.

    Args:
        ids: (time,), integers.
        window: how far away a neighbour may stand, to the left and to the right.

    Returns:
        The words and their neighbours, (pairs,) each. Every pair is there in both directions.

    Raises:
        TypeError: if `ids` are not integers.
        ValueError: if they are not one text, or `window` is below 1.

    Examples:
        >>> words, neighbours = mc.course.neighbour_pairs([7, 8, 9])
        >>> list(zip(words.tolist(), neighbours.tolist()))
        [(7, 8), (8, 9), (8, 7), (9, 8)]
    """
    text, window = integers("ids", ids), whole("window", window)
    if text.ndim != 1 or window < 1:
        raise ValueError(f"`ids` must have shape (time,) and `window` be at least 1, got {text.shape} and {window}")
    ahead = [(text[:-far], text[far:]) for far in range(1, min(window + 1, len(text)))]
    both = [*ahead, *((right, left) for left, right in ahead)]
    words, neighbours = zip(*both, strict=True) if both else ((text[:0],), (text[:0],))
    return np.concatenate(words), np.concatenate(neighbours)


def init_neighbour_predictor(
    rng: np.random.Generator, *, vocabulary: int, width: int, dtype: npt.DTypeLike = np.float64
) -> dict[str, Array]:
    """The parameters of a predictor of neighbours before training: independent normal numbers of variance 1/width.

    Args:
        rng: where the random numbers come from; one seed, one start.
        vocabulary: words V.
        width: numbers in the vector of a word.
        dtype: of both parameters.

    Returns:
        "embedding" (V, width), row i the vector of word i, and "output" (width, V), column j the weight vector of
        neighbour j.

    Examples:
        >>> params = mc.course.init_neighbour_predictor(np.random.default_rng(0), vocabulary=5, width=3)
        >>> params["embedding"].shape, params["output"].shape
        ((5, 3), (3, 5))
    """
    generator("rng", rng, "normal")
    vocabulary, width = whole("vocabulary", vocabulary, 0, _MOST), whole("width", width, 1, _MOST)
    dtype = number_dtype("dtype", dtype)
    with quiet():
        embedding_table, output = rng.normal(size=(2, vocabulary, width)) / width**0.5
        return {"embedding": embedding_table.astype(dtype), "output": output.T.astype(dtype)}


def neighbour_scores(params: Params, words: npt.ArrayLike) -> Array:
    r"""Word → hidden → scores: the vector of a word, and its dot product with the weight vector of every neighbour.

    $$z = E_w W$$

    Args:
        params: "embedding" (V, width) and "output" (width, V), floats.
        words: any shape, integers in [0, V).

    Returns:
        (*words.shape, V).

    Raises:
        TypeError: if `words` are not integers.
        IndexError: if a word is out of range.

    Examples:
        >>> params = {"embedding": np.eye(2), "output": np.array([[1.0, 2.0], [3.0, 4.0]])}
        >>> mc.course.neighbour_scores(params, words=[1])
        array([[3., 4.]])
    """
    _check_names(params)
    return linear(embedding(words, params["embedding"]), params["output"])


def neighbour_loss(params: Params, words: npt.ArrayLike, neighbours: npt.ArrayLike) -> Array:
    r"""The mean negative log-likelihood of the observed neighbours, in nats.

    $$\ell = -\frac1n \sum_{k=1}^n \ln p_{y_k}, \qquad p = \operatorname{softmax}(E_{w_k} W)$$

    Args:
        params: as for `neighbour_scores`.
        words, neighbours: (pairs,), integers in [0, V).

    Returns:
        A 0-d array.

    Raises:
        TypeError, IndexError: as `neighbour_scores`.
        ValueError: if there are not as many words as neighbours.

    Examples:
        >>> params = {"embedding": np.eye(2), "output": np.zeros((2, 2))}
        >>> mc.course.neighbour_loss(params, words=[0, 1], neighbours=[1, 0])  # ln 2: both words are as likely
        array(0.69314718)
    """
    return cross_entropy(neighbour_scores(params, words), neighbours)


def neighbour_gradient(
    params: Params, words: npt.ArrayLike, neighbours: npt.ArrayLike
) -> tuple[Array, dict[str, Array]]:
    r"""The loss of `neighbour_loss` and its gradient.

    $$\bar z = \frac{p - [\,j = y\,]}{n}, \qquad \bar E_w = \bar z W^\top, \qquad \bar W = \sum E_w^\top \bar z$$

    Args:
        params, words, neighbours: as for `neighbour_loss`.

    Returns:
        The loss, a 0-d array, and the gradients of "embedding" and "output"; exactly zero in the rows of words that do
        not occur.

    Raises:
        TypeError, IndexError, ValueError: as `neighbour_loss`.

    Examples:
        >>> params = {"embedding": np.eye(2), "output": np.zeros((2, 2))}
        >>> loss, slopes = mc.course.neighbour_gradient(params, words=[0, 1], neighbours=[1, 0])
        >>> slopes["output"]
        array([[ 0.25, -0.25],
               [-0.25,  0.25]])
    """
    _check_names(params)
    hidden = embedding(words, params["embedding"])  # (pairs, width)
    scores = linear(hidden, params["output"])  # (pairs, V)
    loss, scores_bar = cross_entropy_and_grad(scores, neighbours)
    hidden_bar, output_bar = linear_vjp(scores_bar, hidden, params["output"])[:2]
    grads = {"embedding": embedding_vjp(hidden_bar, words, params["embedding"]), "output": output_bar}
    return loss, grads


def train_neighbours(
    params: Params,
    words: npt.ArrayLike,
    neighbours: npt.ArrayLike,
    *,
    rate: float,
    steps: int,
    frozen: Collection[str] = (),
    batch: int | None = None,
    rng: np.random.Generator | None = None,
) -> dict[str, Array]:
    """Learn to predict neighbours by gradient descent.

    Args:
        params: where to start.
        words, neighbours: (pairs,), integers in [0, V).
        rate: the length of a step.
        steps: how many.
        frozen: the names of parameters that stay as they are.
        batch: pairs drawn for each step, or None to use all of them in every step.
        rng: for a `batch`, where the random numbers come from.

    Returns:
        The parameters after training.

    Raises:
        TypeError, IndexError, ValueError: as `neighbour_loss`, for an unknown name and a batch without `rng`.

    Examples:
        >>> params = {"embedding": np.eye(2), "output": np.zeros((2, 2))}
        >>> trained = mc.course.train_neighbours(params, words=[0, 1], neighbours=[1, 0], rate=4.0, steps=1)
        >>> trained["output"]
        array([[-1.,  1.],
               [ 1., -1.]])
    """
    if not isinstance(frozen, (tuple, list, set, frozenset, dict)):
        raise TypeError(f"`frozen` must be a collection of names, got {type(frozen).__name__}")
    rate, steps = real("rate", rate), whole("steps", steps, 0)
    batch = None if batch is None else whole("batch", batch, 1)
    _check_names(params)
    if unknown := {str(name) for name in frozen} - set(params):
        raise ValueError(f"`frozen` must name parameters among {', '.join(params)}, got {', '.join(sorted(unknown))}")
    left, right = integers("words", words), integers("neighbours", neighbours)
    if left.ndim != 1 or left.shape != right.shape:
        raise ValueError(f"`words` and `neighbours` must have one shape (pairs,), got {left.shape} and {right.shape}")
    pairs = np.stack([left, right])  # (2, pairs)
    if batch is not None and rng is None:
        raise ValueError("a `batch` is drawn at random: `rng` must be given")
    if rng is not None:
        generator("rng", rng, "integers")
    now = dict(params)
    for _ in range(steps):
        drawn = pairs if batch is None or rng is None else pairs[:, rng.integers(0, pairs.shape[1], batch)]
        _, grads = neighbour_gradient(now, *drawn)
        now = sgd_step(now, {name: g for name, g in grads.items() if name not in frozen}, rate=rate)
    return now


def _check_names(params: Params) -> None:
    for name in ("embedding", "output"):
        if name not in mapping("params", params):
            raise KeyError(f"`params` must have a parameter {name!r}, it has {', '.join(map(str, params))}")
