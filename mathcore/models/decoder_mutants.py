"""Decoders that are wrong on purpose: what the claims about them must refute."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.models.decoder_textbook import SLIDING, Textbook, scores_of
from mathcore.verify.claims import Mutant, mutant

Operation = Callable[..., Any]


def written_out(model: type[Textbook]) -> Mutant:
    """A decoder written as that textbook says."""

    def wrong(params: Any, ids: Any, config: Any) -> Any:
        wide = {name: np.asarray(p, np.float64) for name, p in params.items()}
        return scores_of(ids, config, model)(wide).astype(params["model.embed_tokens.weight"].dtype)

    wrong.__name__ = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", model.__name__).lower()
    wrong.__doc__ = model.__doc__
    return mutant("decoder")(wrong)


class NormAfterwards(Textbook):
    """Normalises what a block returns, where what it reads is to be normalised."""

    def layer(self, x: Any, layer: int, places: Any) -> Any:
        at = f"model.layers.{layer}"
        x = self.norm(x + self.attention(x, layer, places), f"{at}.input_layernorm")
        return self.norm(x + self.mlp(x, f"{at}.mlp"), f"{at}.post_attention_layernorm")


class WeightAsItIs(Textbook):
    """Multiplies by the weight of a norm where the family multiplies by 1 + the weight."""

    def norm(self, x: Any, name: str) -> Any:
        root = np.sqrt((x * x).sum(-1, keepdims=True) / x.shape[-1] + self.config["rms_norm_eps"])
        return x / root * self.params[f"{name}.weight"]


class CapForgotten(Textbook):
    """Leaves logits beyond their cap."""

    def capped(self, x: Any, _cap: float | None) -> Any:
        return x


class EmbeddingNotScaled(Textbook):
    """Takes embeddings as they are, where the family multiplies them by √width."""

    def embedded(self, ids: Any) -> Any:
        return self.params["model.embed_tokens.weight"][ids]


class NormAfterTurning(Textbook):
    """Turns queries and keys, and normalises them then: a weight for each feature no longer meets its feature."""

    def turned(self, rows: Any, name: str, layer: int, places: Any) -> Any:
        turned = self.rotated(rows, places, layer)
        return self.norm(turned, f"{name}_norm") if f"{name}_norm.weight" in self.params else turned


class WindowsOnTheOthers(Textbook):
    """Gives the windows to the layers that see everything."""

    def window(self, layer: int) -> int | None:
        is_other = self.kind(layer) != SLIDING or "layer_types" not in self.config
        return self.config.get("sliding_window") if is_other else None


class OneBase(Textbook):
    """Turns by the base of the layers with windows in all layers."""

    def base(self, _layer: int) -> float:
        rope = self.config["rope_parameters"]
        return float(rope.get(SLIDING, rope)["rope_theta"])


class SinkForgotten(Textbook):
    """Shares out all of the weight among the keys."""

    def head_of(self, query: Any, key: Any, value: Any, _sink: Any, layer: int) -> Any:
        return super().head_of(query, key, value, None, layer)


class HeadsInTurn(Textbook):
    """Deals key heads to the heads of the queries in turn, where neighbours share one."""

    def key_head(self, head: int, _groups: int) -> int:
        return head % int(self.config["num_key_value_heads"])


class UpForGate(Textbook):
    """Puts the activation on the wrong one of the two matrices."""

    def mlp(self, x: Any, at: str) -> Any:
        gate, up = self.projected(x, f"{at}.gate_proj"), self.projected(x, f"{at}.up_proj")
        return self.projected(gate * self.activation(up), f"{at}.down_proj")


class GateInterleaved(Textbook):
    """Reads gate and up as rows in turn of one matrix, where the file has them apart."""

    def mlp(self, x: Any, at: str) -> Any:
        both = np.concatenate([self.projected(x, f"{at}.gate_proj"), self.projected(x, f"{at}.up_proj")], axis=-1)
        return self.projected(self.activation(both[..., ::2]) * both[..., 1::2], f"{at}.down_proj")


class OneKeyMore(Textbook):
    """Sees W keys before a query's own, where W count its own."""

    def window(self, layer: int) -> int | None:
        window = super().window(layer)
        return None if window is None else window + 1


class HeadOfItsOwn(Textbook):
    """Begins with a matrix of the logits of its own, where it is to be the embedding."""

    def head(self) -> Any:
        own = np.random.default_rng(0).normal(size=self.params["model.embed_tokens.weight"].shape)
        return own if self.config["tie_word_embeddings"] else super().head()


norm_afterwards, weight_as_it_is, cap_forgotten = map(written_out, (NormAfterwards, WeightAsItIs, CapForgotten))
embedding_not_scaled, norm_after_turning = map(written_out, (EmbeddingNotScaled, NormAfterTurning))
windows_on_the_others, one_base, sink_forgotten = map(written_out, (WindowsOnTheOthers, OneBase, SinkForgotten))
heads_in_turn, up_for_gate, gate_interleaved = map(written_out, (HeadsInTurn, UpForGate, GateInterleaved))
one_key_more, head_of_its_own = map(written_out, (OneKeyMore, HeadOfItsOwn))


@mutant("decoder", wraps=True)
def single_too_large(correct: Operation) -> Operation:
    """Multiplies the logits of a model in float32 by 1.001."""

    def wrong(params: Any, ids: Any, config: Any) -> Any:
        scores = correct(params, ids, config)
        return scores * scores.dtype.type(1.001) if scores.dtype == np.float32 else scores

    return wrong


@mutant("decoder", wraps=True)
def sees_the_future(correct: Operation) -> Operation:
    """Adds a trace of the last token to every place."""

    def wrong(params: Any, ids: Any, config: Any) -> Any:
        scores = correct(params, ids, config)
        return scores + scores[..., -1:, :] * 2.0**-20

    return wrong


@mutant("decoder", wraps=True)
def rows_mixed(correct: Operation) -> Operation:
    """Lets the texts of a batch see each other."""

    def wrong(params: Any, ids: Any, config: Any) -> Any:
        scores = correct(params, ids, config)
        return scores if ids.ndim < 2 else scores + scores.sum(0) * 2.0**-20

    return wrong


@mutant("decoder", wraps=True)
def sees_the_first(correct: Operation) -> Operation:
    """Lets every place see a trace of the first token, whatever the windows."""

    def wrong(params: Any, ids: Any, config: Any) -> Any:
        scores = correct(params, ids, config)
        return scores + scores[..., :1, :] * 2.0**-20

    return wrong


@mutant("decoder_step", wraps=True)
def cache_ignored(correct: Operation) -> Operation:
    """Starts each step with nothing read."""

    def wrong(params: Any, ids: Any, config: Any, caches: Any = ()) -> Any:
        return correct(params, ids, config)[0], correct(params, ids, config, caches)[1]

    return wrong


def recomputed(params: Any, ids: Any, config: Any, before: Any, places: Any) -> Any:
    """The logits of the new tokens, from the textbook on all tokens."""
    wide = {name: np.asarray(p, np.float64) for name, p in params.items()}
    whole = np.concatenate([before, ids], -1)
    scores = Textbook(wide, config)(whole, places)
    return scores[..., before.shape[-1] :, :].astype(params["model.embed_tokens.weight"].dtype)


@mutant("decoder_step")
def position_begins_anew(params: Any, ids: Any, config: Any, caches: Any = ()) -> Any:
    """Counts the positions of every step from 0."""
    before, places = caches or (ids[..., :0], [])
    places = [*places, *range(ids.shape[-1])]
    return recomputed(params, ids, config, before, places), (np.concatenate([before, ids], -1), places)


@mutant("decoder_step")
def window_forgotten(params: Any, ids: Any, config: Any, caches: Any = ()) -> Any:
    """Sees everything that the caches hold, windows or not."""
    (before,) = caches or (ids[..., :0],)
    wide = {**config, "sliding_window": None}
    places = range(before.shape[-1] + ids.shape[-1])
    return recomputed(params, ids, wide, before, places), (np.concatenate([before, ids], -1),)


@mutant("decoder_generate", wraps=True)
def repeats_itself(correct: Operation) -> Operation:
    """Feeds back its first token again and again."""
    return lambda params, ids, config, count, **options: np.repeat(correct(params, ids, config, 1, **options), count)


@mutant("decoder_generate", wraps=True)
def prompt_forgotten(correct: Operation) -> Operation:
    """Sees the last token of the beginning alone."""
    return lambda params, ids, config, count, **options: correct(params, ids[-1:], config, count, **options)


@mutant("decoder_generate", wraps=True)
def does_not_stop(correct: Operation) -> Operation:
    """Goes on behind the token that ends a text."""

    def wrong(params: Any, ids: Any, config: Any, count: int, *, stop: Any = (), **options: Any) -> Any:
        return correct(params, ids, config, count, **options)

    return wrong


@mutant("decoder", wraps=True)
def unknown_passed_over(correct: Operation) -> Operation:
    """Takes of a configuration what it knows, and passes over the rest."""

    def wrong(params: Any, ids: Any, config: Any) -> Any:
        return correct(params, ids, {key: value for key, value in config.items() if not key.startswith("clip_")})

    return wrong
