"""Models: a predictor of neighbours and a small causal transformer, put together from the primitives alone.

A model is its parameters, a mapping of names to arrays, and functions of them. Gradients come from the primitives' VJPs
in reverse order; what a VJP needs is kept for one block at a time and computed again inside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating, integers, quiet
from mathcore._scalars import generator, number_dtype, whole
from mathcore.attention.cache import KeyValueCache
from mathcore.attention.multi_head import multi_head_attention, multi_head_attention_step, multi_head_attention_vjp
from mathcore.embeddings.embedding import embedding, embedding_vjp
from mathcore.layers.linear import linear, linear_vjp
from mathcore.layers.relu import relu, relu_vjp
from mathcore.models._checks import MOST, _checked, _checked_caches, _num_layers
from mathcore.models._writing import written
from mathcore.normalisation.rms_norm import rms_norm, rms_norm_vjp
from mathcore.probability.cross_entropy import cross_entropy, cross_entropy_and_grad

Params: TypeAlias = Mapping[str, Array]


Caches: TypeAlias = Sequence[KeyValueCache]


ROPE_BASE = 10_000.0


def init_transformer(
    rng: np.random.Generator,
    *,
    vocabulary: int,
    width: int,
    num_layers: int,
    hidden: int,
    dtype: npt.DTypeLike = np.float32,
) -> dict[str, Array]:
    r"""The parameters of a transformer before training: matrices normal with variance 1/inputs.

    What ends a block starts at zero, so that every block begins as the identity, and so does the matrix of the scores:
    the first prediction is uniform.

    Args:
        rng: where the random numbers come from; one seed, one model.
        vocabulary: tokens V.
        width: features of a token.
        num_layers: pairs of attention and MLP.
        hidden: units of each MLP.
        dtype: of all parameters.

    Returns:
        name → array: "embedding" (V, width); for every layer i "i.attention.norm" (width,), "i.attention.query",
        "i.attention.key", "i.attention.value" and "i.attention.output" (width, width), "i.mlp.norm" (width,),
        "i.mlp.up" (width, hidden) and "i.mlp.down" (hidden, width); at the end "norm" (width,) and "scores" (width, V).

    Raises:
        TypeError: if `rng` is no generator, a size no integer, or `dtype` no dtype of numbers.
        ValueError: if a size is below 1, or `num_layers` below 0.

    Examples:
        >>> params = mc.init_transformer(np.random.default_rng(0), vocabulary=9, width=4, num_layers=2, hidden=8)
        >>> params["embedding"].shape, params["1.mlp.up"].shape, params["scores"].shape
        ((9, 4), (4, 8), (4, 9))
    """
    generator("rng", rng, "normal")
    sizes = {"vocabulary": vocabulary, "width": width, "hidden": hidden}
    vocabulary, width, hidden = (whole(name, size, 1, MOST) for name, size in sizes.items())
    num_layers, dtype = whole("num_layers", num_layers, 0, MOST), number_dtype("dtype", dtype)

    def normal(rows: int, columns: int, variance: float) -> Array:
        with quiet():
            return (rng.normal(size=(rows, columns)) * variance**0.5).astype(dtype)

    params = {"embedding": normal(vocabulary, width, 1.0)}
    for layer in range(num_layers):
        params[f"{layer}.attention.norm"] = np.ones(width, dtype)
        for name in ("query", "key", "value"):
            params[f"{layer}.attention.{name}"] = normal(width, width, 1 / width)
        params[f"{layer}.attention.output"] = np.zeros((width, width), dtype)
        params[f"{layer}.mlp.norm"] = np.ones(width, dtype)
        params[f"{layer}.mlp.up"] = normal(width, hidden, 2 / width)
        params[f"{layer}.mlp.down"] = np.zeros((hidden, width), dtype)
    return {**params, "norm": np.ones(width, dtype), "scores": np.zeros((width, vocabulary), dtype)}


def transformer(params: Params, ids: npt.ArrayLike, *, num_heads: int, rope_base: float = ROPE_BASE) -> Array:
    r"""The scores of every possible next token, at every place of a text; nothing looks ahead.

    $$x_0 = E_{\text{ids}}, \qquad x' = x + \mathrm{MHA}(\mathrm{norm}(x)), \qquad
      x'' = x' + \operatorname{relu}(\mathrm{norm}(x')\,U)\,D, \qquad z = \mathrm{norm}(x_{2n})\,S$$

    Args:
        params: as `init_transformer` names them; the number of layers is the number of names "i.mlp.up".
        ids: (..., time), integers in [0, V).
        num_heads: heads of every attention, a divisor of the width; queries and keys are rotated by `rope`.
        rope_base: the base of the rotation.

    Returns:
        (..., time, V).

    Raises:
        TypeError: if `ids` are not integers.
        IndexError: if an id is out of range.
        KeyError: if a parameter is missing.

    Examples:
        >>> swap = {"embedding": np.eye(2), "norm": np.ones(2), "scores": np.array([[0.0, 1.0], [1.0, 0.0]])}
        >>> mc.transformer(swap, [0, 1], num_heads=1).round(3)  # no layer at all: the norm makes 1 a √2
        array([[0.   , 1.414],
               [1.414, 0.   ]])

    Source:
        Vaswani et al., arXiv:1706.03762; norms before the blocks: Xiong et al., arXiv:2002.04745; Su et al.,
        arXiv:2104.09864; Zhang & Sennrich, arXiv:1910.07467.
    """
    return _forward(params, ids, num_heads, rope_base)[-1]


def transformer_vjp(
    cotangent: npt.ArrayLike, params: Params, ids: npt.ArrayLike, *, num_heads: int, rope_base: float = ROPE_BASE
) -> dict[str, Array]:
    """Pull a cotangent of `transformer` back to every parameter.

    Args:
        cotangent: (..., time, V), floats, the shape of the scores.
        params, ids, num_heads, rope_base: as given to `transformer`.

    Returns:
        name → cotangent, in the shape and dtype of the parameter.

    Raises:
        TypeError, IndexError, KeyError: as `transformer`.
        ValueError: if `cotangent` has another shape.

    Examples:
        >>> params = {"embedding": np.eye(2), "norm": np.ones(2), "scores": np.zeros((2, 2))}
        >>> slopes = mc.transformer_vjp([[1.0, 2.0], [3.0, 4.0]], params, [0, 1], num_heads=1)
        >>> slopes["scores"].round(3)
        array([[1.414, 2.828],
               [4.243, 5.657]])
    """
    states = _forward(params, ids, num_heads, rope_base)
    return _backward(floating("cotangent", cotangent), params, ids, states, num_heads, rope_base)


def transformer_loss(params: Params, ids: npt.ArrayLike, *, num_heads: int, rope_base: float = ROPE_BASE) -> Array:
    r"""The mean negative log-likelihood of each token after the first of a text, in nats.

    $$\ell = -\frac1T \sum_{t=1}^{T} \ln p(\mathrm{id}_t \mid \mathrm{id}_0, \dots, \mathrm{id}_{t-1})$$

    Args:
        params: as `init_transformer` names them.
        ids: (..., T + 1), integers in [0, V), T ≥ 1.
        num_heads, rope_base: as for `transformer`.

    Returns:
        A 0-d array.

    Raises:
        TypeError, IndexError, KeyError: as `transformer`.
        ValueError: if there is no token to predict.

    Examples:
        >>> params = mc.init_transformer(np.random.default_rng(0), vocabulary=9, width=4, num_layers=2, hidden=8)
        >>> round(float(mc.transformer_loss(params, [3, 1, 4, 1, 5], num_heads=2)), 4)  # ln 9
        2.1972
    """
    seen, following = _shifted(ids)
    return cross_entropy(transformer(params, seen, num_heads=num_heads, rope_base=rope_base), following)


def transformer_gradient(
    params: Params, ids: npt.ArrayLike, *, num_heads: int, rope_base: float = ROPE_BASE
) -> tuple[Array, dict[str, Array]]:
    """The loss of `transformer_loss` and its gradient.

    Args:
        params, ids, num_heads, rope_base: as for `transformer_loss`.

    Returns:
        The loss, a 0-d array, and name → gradient in the shape and dtype of the parameter.

    Raises:
        TypeError, IndexError, KeyError, ValueError: as `transformer_loss`.

    Examples:
        >>> params = {"embedding": np.eye(2), "norm": np.ones(2), "scores": np.zeros((2, 2))}
        >>> loss, slopes = mc.transformer_gradient(params, [0, 1, 0], num_heads=1)
        >>> slopes["scores"].round(3)
        array([[ 0.354, -0.354],
               [-0.354,  0.354]])
    """
    seen, following = _shifted(ids)
    states = _forward(params, seen, num_heads, rope_base)
    scores = states[-1]
    loss, scores_bar = cross_entropy_and_grad(scores, following)
    grads = _backward(scores_bar, params, seen, states, num_heads, rope_base)
    return loss, grads


def transformer_step(
    params: Params, ids: npt.ArrayLike, caches: Caches = (), *, num_heads: int, rope_base: float = ROPE_BASE
) -> tuple[Array, tuple[KeyValueCache, ...]]:
    """The scores after each of the next tokens, those before being in the caches.

    Args:
        params: as `init_transformer` names them.
        ids: (..., new tokens), integers.
        caches: as the last step returned them, one a layer; none at the start.
        num_heads, rope_base: as for `transformer`.

    Returns:
        (..., new tokens, V), the rows that `transformer` gives for the whole text; and the longer caches.

    Raises:
        TypeError, IndexError, KeyError: as `transformer`.
        ValueError: if there is another number of caches than layers.

    Examples:
        >>> params = mc.init_transformer(np.random.default_rng(0), vocabulary=9, width=4, num_layers=2, hidden=8)
        >>> scores, caches = mc.transformer_step(params, [3, 1, 4], num_heads=2)
        >>> scores, caches = mc.transformer_step(params, [1], caches, num_heads=2)
        >>> scores.shape, [len(cache) for cache in caches]
        ((1, 9), [4, 4])
    """
    num_heads, rope_base = _checked(params, num_heads, rope_base)
    caches = _checked_caches(caches, _num_layers(params))
    x, longer = embedding(ids, params["embedding"]), []
    for layer, cache in enumerate(caches):
        normed, weights = _attention_inputs(params, layer, x)
        mixed, cache = multi_head_attention_step(normed, weights, cache, num_heads=num_heads, rope_base=rope_base)
        with quiet():
            x = x + mixed
            x = x + _mlp(params, layer, x)
        longer.append(cache)
    return _scores(params, x), tuple(longer)


def generate(
    params: Params,
    ids: npt.ArrayLike,
    count: int,
    *,
    num_heads: int,
    rope_base: float = ROPE_BASE,
    temperature: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Array:
    """Continue a text, one token at a time: every token is chosen from the scores and fed back.

    Args:
        params: as `init_transformer` names them.
        ids: (time,), integers, time ≥ 1; the beginning.
        count: how many tokens to add.
        num_heads, rope_base: as for `transformer`.
        temperature: 0 takes the highest score each time; T > 0 draws from `temperature_softmax`.
        rng: for T > 0, where the random numbers come from; one number a token.

    Returns:
        (count,), the new tokens.

    Raises:
        TypeError: if `ids` are not integers.
        IndexError: if an id is out of range.
        ValueError: if there is no beginning, T is negative or NaN, or T > 0 comes without `rng`; if no score is finite
            and the highest, so that there is nothing to choose.

    Examples:
        >>> swap = {"embedding": np.eye(2), "norm": np.ones(2), "scores": np.array([[0.0, 1.0], [1.0, 0.0]])}
        >>> mc.generate(swap, [0, 1], count=4, num_heads=1)
        array([0, 1, 0, 1])
    """

    def step(text: Array, caches: Caches) -> tuple[Array, Caches]:
        scores, longer = transformer_step(params, text, caches, num_heads=num_heads, rope_base=rope_base)
        return scores[-1], longer

    return written(step, ids, count, temperature, rng)


def _forward(params: Params, ids: npt.ArrayLike, num_heads: int, rope_base: float) -> list[Array]:
    """The state before every block, the state after the last, and the scores."""
    num_heads, rope_base = _checked(params, num_heads, rope_base)
    states = [embedding(ids, params["embedding"])]  # (..., time, width)
    for layer in range(_num_layers(params)):
        x = states[-1]
        normed, weights = _attention_inputs(params, layer, x)
        with quiet():
            x = x + multi_head_attention(normed, weights, num_heads=num_heads, is_causal=True, rope_base=rope_base)
            states += [x, x + _mlp(params, layer, x)]
    return [*states, _scores(params, states[-1])]


def _backward(
    g: Array, params: Params, ids: npt.ArrayLike, states: list[Array], num_heads: int, rope_base: float
) -> dict[str, Array]:
    """The gradient of every parameter from the cotangent of the scores."""
    *states, last, _ = states
    g, grads = _scores_vjp(g, params, last)
    for layer in reversed(range(_num_layers(params))):
        g, more = _mlp_vjp(g, params, layer, states.pop())
        grads |= more
        x = states.pop()
        normed, weights = _attention_inputs(params, layer, x)
        normed_bar, weight_bars = multi_head_attention_vjp(
            g, normed, weights, num_heads=num_heads, is_causal=True, rope_base=rope_base
        )
        g, more = _through_norm(g, normed_bar, params, f"{layer}.attention.norm", x)
        grads |= more | {f"{layer}.attention.{name}": bar for name, bar in weight_bars.items()}
    grads["embedding"] = embedding_vjp(g, ids, params["embedding"])
    return {name: grads[name] for name in params}


def _attention_inputs(params: Params, layer: int, x: Array) -> tuple[Array, dict[str, Array]]:
    at = f"{layer}.attention"
    weights = {name: params[f"{at}.{name}"] for name in ("query", "key", "value", "output")}
    return rms_norm(x, params[f"{at}.norm"]), weights


def _mlp(params: Params, layer: int, x: Array) -> Array:
    at = f"{layer}.mlp"
    return linear(relu(linear(rms_norm(x, params[f"{at}.norm"]), params[f"{at}.up"])), params[f"{at}.down"])


def _mlp_vjp(g: Array, params: Params, layer: int, x: Array) -> tuple[Array, dict[str, Array]]:
    """The cotangent of x, which also goes past the block, and those of the block's parameters."""
    at = f"{layer}.mlp"
    up, down = params[f"{at}.up"], params[f"{at}.down"]
    normed = rms_norm(x, params[f"{at}.norm"])
    before = linear(normed, up)
    after_bar, down_bar = linear_vjp(g, relu(before), down)[:2]
    normed_bar, up_bar = linear_vjp(relu_vjp(after_bar, before), normed, up)[:2]
    x_bar, grads = _through_norm(g, normed_bar, params, f"{at}.norm", x)
    return x_bar, {**grads, f"{at}.up": up_bar, f"{at}.down": down_bar}


def _scores(params: Params, x: Array) -> Array:
    return linear(rms_norm(x, params["norm"]), params["scores"])


def _scores_vjp(g: Array, params: Params, x: Array) -> tuple[Array, dict[str, Array]]:
    normed_bar, scores_bar = linear_vjp(g, rms_norm(x, params["norm"]), params["scores"])[:2]
    x_bar, norm_bar = rms_norm_vjp(normed_bar, x, params["norm"])
    return x_bar, {"norm": norm_bar, "scores": scores_bar}


def _through_norm(g: Array, normed_bar: Array, params: Params, name: str, x: Array) -> tuple[Array, dict[str, Array]]:
    """What reaches x: g past the block, and what came through it."""
    x_bar, norm_bar = rms_norm_vjp(normed_bar, x, params[name])
    with quiet():
        return g + x_bar, {name: norm_bar}


def _shifted(ids: npt.ArrayLike) -> tuple[Array, Array]:
    """The tokens that are read, and after each the one to predict."""
    text = integers("ids", ids)
    if text.ndim == 0 or text.shape[-1] < 2:
        raise ValueError(f"`ids` must have shape (..., time) with time ≥ 2, something to predict, got {text.shape}")
    return text[..., :-1], text[..., 1:]
