"""The decoder of today: norms, grouped heads that turn, windows, gated layers, as published models combine them.

What a model of one of the known families of Hugging Face computes, from its configuration and its parameters.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating, integers, quiet, working
from mathcore._scalars import mapping
from mathcore.attention.cache import KeyValueCache
from mathcore.attention.dot_product import scaled_dot_product_attention
from mathcore.embeddings.embedding import embedding
from mathcore.layers.gated_mlp import Activation, gated_mlp
from mathcore.layers.linear import linear
from mathcore.models._checks import _checked_caches
from mathcore.models._writing import written
from mathcore.models.decoder_config import DecoderConfig
from mathcore.normalisation.rms_norm import rms_norm
from mathcore.positions.rope import rope

Params: TypeAlias = Mapping[str, Array]

Caches: TypeAlias = Sequence[KeyValueCache]

Config: TypeAlias = DecoderConfig | Mapping[str, Any]
"""What a decoder is made of, or the configuration of Hugging Face that says it."""

_ACTIVATIONS: dict[str, Activation] = {"silu": "silu", "gelu": "gelu", "gelu_tanh": "gelu_pytorch_tanh"}


def decoder(params: Params, ids: npt.ArrayLike, config: Config) -> Array:
    r"""The scores of every possible next token, at every place of a text: the logits; nothing looks ahead.

    $$x_0 = E_{\text{ids}}, \qquad x' = x + \mathrm{attention}(\mathrm{norm}(x)), \qquad
      x'' = x' + \big(\varphi(\mathrm{norm}(x')\,G) \odot \mathrm{norm}(x')\,U\big) D, \qquad
      z = \mathrm{norm}(x_{2n})\,S$$

    Where the configuration says so: embeddings are scaled by √width; queries and keys are normalised before they turn;
    a layer sees a window; heads have sinks; scores and logits are capped; what a block adds is normalised before it is
    added.

    Args:
        params: name → array, floats, as Hugging Face names them, matrices (outputs, inputs); listed by
            `DecoderConfig.shapes`. With a tied head "lm_head.weight" is passed over.
        ids: (..., time), integers in [0, V).
        config: a `DecoderConfig`, or the values of a `config.json` that `DecoderConfig.from_config` reads.

    Returns:
        (..., time, V), in the dtype that the parameters promote to.

    Raises:
        TypeError: if `ids` are not integers, or a parameter is not floating.
        IndexError: if an id is out of range.
        KeyError: if a parameter is missing.
        ValueError: if a parameter has another shape than the configuration says, or another name; and as
            `DecoderConfig.from_config`. The message names it.

    Examples:
        >>> config = {"model_type": "llama", "vocab_size": 2, "hidden_size": 2, "num_hidden_layers": 0}
        >>> config |= {"intermediate_size": 1, "num_attention_heads": 1, "rms_norm_eps": 0.0}
        >>> params = {"model.embed_tokens.weight": np.eye(2), "model.norm.weight": np.array([1.0, 2.0])}
        >>> params["lm_head.weight"] = np.array([[0.0, 1.0], [1.0, 0.0]])
        >>> mc.decoder(params, [0, 1], config).round(3)  # no layer at all: the norm makes 1 a √2
        array([[0.   , 1.414],
               [2.828, 0.   ]])

    Source:
        Llama 3: arXiv:2407.21783; Mistral: arXiv:2310.06825; Qwen 3: arXiv:2505.09388; Gemma 3: arXiv:2503.19786;
        GPT-OSS: arXiv:2508.10925; gated layers: Shazeer, arXiv:2002.05202; grouped heads: arXiv:2305.13245.
    """
    return decoder_step(params, ids, config)[0]


def decoder_step(
    params: Params, ids: npt.ArrayLike, config: Config, caches: Caches = ()
) -> tuple[Array, tuple[KeyValueCache, ...]]:
    """The scores after each of the next tokens, those before being in the caches.

    Args:
        params, config: as for `decoder`.
        ids: (..., new tokens), integers.
        caches: as the last step returned them, one a layer; none at the start.

    Returns:
        (..., new tokens, V), the rows that `decoder` gives for the whole text; and the longer caches. Caches keep all
        tokens, those as well that a window no longer shows.

    Raises:
        TypeError, IndexError, KeyError: as `decoder`.
        ValueError: as `decoder`, and if there is another number of caches than layers.

    Examples:
        >>> config = {"model_type": "llama", "vocab_size": 2, "hidden_size": 2, "num_hidden_layers": 0}
        >>> config |= {"intermediate_size": 1, "num_attention_heads": 1, "tie_word_embeddings": True}
        >>> params = {"model.embed_tokens.weight": np.eye(2), "model.norm.weight": np.ones(2)}
        >>> scores, caches = mc.decoder_step(params, [0], config)
        >>> scores, caches = mc.decoder_step(params, [1], config, caches)
        >>> scores.round(3)
        array([[0.   , 1.414]])
    """
    config, arrays = _checked(params, config)
    x, longer = _states(arrays, ids, config, caches)
    return _logits(arrays, x, config), longer


def decoder_generate(
    params: Params,
    ids: npt.ArrayLike,
    config: Config,
    count: int,
    *,
    temperature: float = 0.0,
    rng: np.random.Generator | None = None,
    stop: Collection[int] = (),
) -> Array:
    """Continue a text, one token at a time: every token is chosen from the scores and fed back.

    Args:
        params, config: as for `decoder`.
        ids: (time,), integers, time ≥ 1; the beginning.
        count: how many tokens to add, at most.
        temperature: 0 takes the highest score each time; T > 0 draws from `temperature_softmax`.
        rng: for T > 0, where the random numbers come from; one number a token.
        stop: tokens that end a text; after one of them no other follows.

    Returns:
        (tokens,), the new tokens: `count` of them, or as many as end with one of `stop`.

    Raises:
        TypeError, IndexError, KeyError: as `decoder`.
        ValueError: as `decoder`; if there is no beginning, T is negative or NaN, or T > 0 comes without `rng`; if no
            score is finite and the highest, so that there is nothing to choose.

    Examples:
        >>> config = {"model_type": "llama", "vocab_size": 3, "hidden_size": 3, "num_hidden_layers": 0}
        >>> config |= {"intermediate_size": 1, "num_attention_heads": 1, "tie_word_embeddings": True}
        >>> params = {"model.embed_tokens.weight": np.eye(3), "model.norm.weight": np.ones(3)}
        >>> mc.decoder_generate(params, [2], config, count=2)  # a model that repeats itself
        array([2, 2])
    """
    config, arrays = _checked(params, config)

    def step(text: Array, caches: Caches) -> tuple[Array, Caches]:
        x, longer = _states(arrays, text, config, caches)
        return _logits(arrays, x[-1], config), longer

    return written(step, ids, count, temperature, rng, stop)


def _checked(params: Any, config: Any) -> tuple[DecoderConfig, dict[str, Array]]:
    """The configuration, and every parameter as an array of the shape that it says."""
    config = config if isinstance(config, DecoderConfig) else DecoderConfig.from_config(config)
    mapping("params", params)
    if unknown := [str(name) for name in params if name not in config.shapes and not _is_left_alone(name, config)]:
        raise ValueError(f"`params` have names that the configuration does not: {', '.join(sorted(unknown)[:4])}")
    arrays = {}
    for name, shape in config.shapes.items():
        if name not in params:
            raise KeyError(f"`params` must have a parameter {name!r}, as the configuration says")
        arrays[name] = floating(f"params[{name!r}]", params[name])
        if arrays[name].dtype == object:
            raise TypeError(f"`params[{name!r}]` must be an array of floats, got dtype object")
        if arrays[name].shape != shape:
            raise ValueError(f"`params[{name!r}]` must have shape {shape}, got {arrays[name].shape}")
    return config, arrays


def _is_left_alone(name: Any, config: DecoderConfig) -> bool:
    """Whether files have a parameter of that name although nothing is computed from it."""
    is_tied_head = name == "lm_head.weight" and config.tied
    return is_tied_head or (isinstance(name, str) and name.endswith("rotary_emb.inv_freq"))


def _states(
    params: Params, ids: npt.ArrayLike, config: DecoderConfig, caches: Caches
) -> tuple[Array, tuple[KeyValueCache, ...]]:
    """The vectors after the last layer, (..., time, width), and the longer caches."""
    given, longer = _checked_caches(caches, config.num_layers), []
    if not integers("ids", ids).ndim:
        raise ValueError("`ids` must have shape (..., time), got ()")
    x = embedding(ids, params["model.embed_tokens.weight"])
    if config.scaled_embedding:
        with quiet():
            x = x * np.asarray(config.width**0.5, x.dtype)  # Gemma's √width is that of its dtype
    for layer, cache in enumerate(given):
        at = f"model.layers.{layer}."
        p = {name.removeprefix(at): array for name, array in params.items() if name.startswith(at)}
        x, cache = _layer(x, p, config, layer, cache)
        longer.append(cache)
    return x, tuple(longer)


def _layer(x: Array, p: Params, config: DecoderConfig, layer: int, cache: KeyValueCache) -> tuple[Array, KeyValueCache]:
    """Attention and an MLP, each added to what came in."""
    norms = ("input", "post_attention", "pre_feedforward", "post_feedforward")
    norm = {name: partial(_norm, weight=p.get(f"{name}_layernorm.weight"), config=config) for name in norms}
    mixed, cache = _attention(norm["input"](x), p, config, layer, cache)
    with quiet():
        if not config.norms_after:
            x = x + mixed
            return x + _mlp(norm["post_attention"](x), p, config), cache
        x = x + norm["post_attention"](mixed)
        return x + norm["post_feedforward"](_mlp(norm["pre_feedforward"](x), p, config)), cache


def _norm(x: Array, weight: Any, config: DecoderConfig) -> Array:
    """RMSNorm, whose weight is rounded to no short format before it multiplies."""
    with quiet():
        weight = 1 + working(weight) if config.one_plus else weight
        return rms_norm(x, weight, epsilon=config.epsilon).astype(x.dtype, copy=False)


def _attention(
    x: Array, p: Params, config: DecoderConfig, layer: int, cache: KeyValueCache
) -> tuple[Array, KeyValueCache]:
    """Heads side by side: what they see of the tokens before and of these, (..., time, width)."""
    q, k, v = (
        _split(_projected(x, p, f"self_attn.{name}_proj"), heads)
        for name, heads in (("q", config.heads), ("k", config.key_heads), ("v", config.key_heads))
    )
    if config.head_norms:
        q, k = (_norm(h, p[f"self_attn.{name}_norm.weight"], config) for name, h in (("q", q), ("k", k)))
    frequencies, factor = np.array(config.frequencies[layer]), config.rope_factors[layer]
    q, k = (rope(h, offset=len(cache), frequencies=frequencies, attention_factor=factor) for h in (q, k))
    longer = cache.append(k, v)
    heads = _attended(q, longer, p.get("self_attn.sinks"), config, layer)
    side_by_side = heads.swapaxes(-2, -3).reshape(*x.shape[:-1], config.heads * config.head_width)
    return _projected(side_by_side, p, "self_attn.o_proj"), longer


def _attended(q: Array, cache: KeyValueCache, sinks: Array | None, config: DecoderConfig, layer: int) -> Array:
    """What each head sees, (..., heads, time, head width), of the keys in the cache, the last of which are its own."""
    return scaled_dot_product_attention(
        q, cache.key, cache.value, is_causal=True, query_offset=len(cache) - q.shape[-2], scale=config.scale,
        window=config.windows[layer], softcap=config.score_cap, sinks=sinks,
    )  # fmt: skip


def _mlp(x: Array, p: Params, config: DecoderConfig) -> Array:
    """The gated MLP."""
    gate, up, down = (p[f"mlp.{name}_proj.weight"].T for name in ("gate", "up", "down"))
    gate_bias, up_bias, down_bias = (p.get(f"mlp.{name}_proj.bias") for name in ("gate", "up", "down"))
    return gated_mlp(
        x, gate, up, down, gate_bias=gate_bias, up_bias=up_bias, down_bias=down_bias,
        activation=_ACTIVATIONS[config.activation],
    )  # fmt: skip


def _projected(x: Array, p: Params, name: str) -> Array:
    return linear(x, p[f"{name}.weight"].T, p.get(f"{name}.bias"))


def _split(x: Array, heads: int) -> Array:
    """(..., time, heads · width) → (..., heads, time, width)."""
    return x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads).swapaxes(-2, -3)


def _logits(params: Params, x: Array, config: DecoderConfig) -> Array:
    """The scores of the next token from the vectors after the last layer."""
    head = params["model.embed_tokens.weight" if config.tied else "lm_head.weight"]
    scores = linear(_norm(x, params["model.norm.weight"], config), head.T)
    if config.logit_cap is None:
        return scores
    with quiet():
        wide = working(scores)
        return (config.logit_cap * np.tanh(wide / config.logit_cap)).astype(scores.dtype, copy=False)
