"""A decoder of today as a textbook writes it: head by head, for floats and for what carries an error beside each.

It reads a configuration of Hugging Face by itself, one that leaves nothing out. What a method says is what a mutant may
say otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

SLIDING = "sliding_attention"


class Textbook:
    """A model: its parameters, (outputs, inputs), and its configuration."""

    def __init__(self, params: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        self.params, self.config = params, config
        self.is_gemma = config["model_type"].startswith("gemma")

    def __call__(self, ids: Any, places: Any = None) -> Any:
        """The logits of every place of a text, (..., time, V); token t stands at t, unless it is said otherwise."""
        places = np.arange(np.shape(ids)[-1]) if places is None else places
        x = self.embedded(ids)
        for layer in range(self.config["num_hidden_layers"]):
            x = self.layer(x, layer, places)
        return self.capped(self.norm(x, "model.norm") @ self.head().T, self.config.get("final_logit_softcapping"))

    def embedded(self, ids: Any) -> Any:
        """The vectors of the tokens."""
        x = self.params["model.embed_tokens.weight"][ids]
        return x * self.config["hidden_size"] ** 0.5 if self.is_gemma else x

    def head(self) -> Any:
        """The matrix of the logits."""
        tied = self.config["tie_word_embeddings"]
        return self.params["model.embed_tokens.weight" if tied else "lm_head.weight"]

    def layer(self, x: Any, layer: int, places: Any) -> Any:
        """Attention, then the MLP, each added to what came in."""
        at = f"model.layers.{layer}"
        mixed = self.attention(self.norm(x, f"{at}.input_layernorm"), layer, places)
        if not self.is_gemma:
            x = x + mixed
            return x + self.mlp(self.norm(x, f"{at}.post_attention_layernorm"), f"{at}.mlp")
        x = x + self.norm(mixed, f"{at}.post_attention_layernorm")
        inner = self.mlp(self.norm(x, f"{at}.pre_feedforward_layernorm"), f"{at}.mlp")
        return x + self.norm(inner, f"{at}.post_feedforward_layernorm")

    def norm(self, x: Any, name: str) -> Any:
        """RMSNorm, with the weight of that name."""
        weight = self.params[f"{name}.weight"]
        root = np.sqrt((x * x).sum(-1, keepdims=True) / x.shape[-1] + self.config["rms_norm_eps"])
        return x / root * (1 + weight if self.is_gemma else weight)

    def projected(self, x: Any, name: str) -> Any:
        """A matrix, and a bias if there is one."""
        y = x @ self.params[f"{name}.weight"].T
        return y + self.params[f"{name}.bias"] if f"{name}.bias" in self.params else y

    def attention(self, x: Any, layer: int, places: Any) -> Any:
        """All heads, one after the other."""
        at = f"model.layers.{layer}.self_attn"
        q, k, v = (self.projected(x, f"{at}.{name}_proj") for name in "qkv")
        d, groups = self.config["head_dim"], self.config["num_attention_heads"] // self.config["num_key_value_heads"]
        heads = []
        for h in range(self.config["num_attention_heads"]):
            own, shared = (slice(i * d, (i + 1) * d) for i in (h, self.key_head(h, groups)))
            query = self.turned(q[..., own], f"{at}.q", layer, places)
            key = self.turned(k[..., shared], f"{at}.k", layer, places)
            sink = self.params[f"{at}.sinks"][h] if f"{at}.sinks" in self.params else None
            heads.append(self.head_of(query, key, v[..., shared], sink, layer))
        return self.projected(np.concatenate(heads, axis=-1), f"{at}.o_proj")

    def key_head(self, head: int, groups: int) -> int:
        """Which keys a head of the queries looks at."""
        return head // groups

    def turned(self, rows: Any, name: str, layer: int, places: Any) -> Any:
        """Queries or keys of a head, normalised if they are to be, and turned by their places."""
        if f"{name}_norm.weight" in self.params:
            rows = self.norm(rows, f"{name}_norm")
        return self.rotated(rows, places, layer)

    def rotated(self, rows: Any, places: Any, layer: int) -> Any:
        """Pair (i, i + d/2) rotated by place · θ_i, and multiplied by what contexts were stretched with."""
        half = rows.shape[-1] // 2
        a, b = rows[..., :half], rows[..., half:]
        angle = (a * 0 + np.asarray(places)[:, None]) * self.frequencies(layer, half)
        cos, sin = np.cos(angle) * self.factor(layer), np.sin(angle) * self.factor(layer)
        return np.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)

    def frequencies(self, layer: int, pairs: int) -> Any:
        """θ_i = base^(−2i/d)."""
        return self.base(layer) ** (-np.arange(pairs) / pairs)

    def factor(self, layer: int) -> float:  # noqa: ARG002  (of a layer, where contexts are stretched)
        """What turned pairs are multiplied by."""
        return 1.0

    def base(self, layer: int) -> float:
        """Of the rotation in a layer."""
        rope = self.config["rope_parameters"]
        return float(rope.get(self.kind(layer), rope)["rope_theta"])

    def kind(self, layer: int) -> str:
        """Whether a layer has a window."""
        return str(self.config["layer_types"][layer]) if "layer_types" in self.config else SLIDING

    def window(self, layer: int) -> int | None:
        """How many keys a query of a layer sees."""
        return self.config.get("sliding_window") if self.kind(layer) == SLIDING else None

    def head_of(self, query: Any, key: Any, value: Any, sink: Any, layer: int) -> Any:
        """What one head sees at every place."""
        window, scale = self.window(layer), self.config.get("query_pre_attn_scalar", self.config["head_dim"]) ** -0.5
        behind = np.arange(query.shape[-2])[:, None] - np.arange(query.shape[-2])
        seen = (behind >= 0) & (behind < (np.inf if window is None else window))
        scores = self.capped(query @ key.swapaxes(-1, -2) * scale, self.config.get("attn_logit_softcapping"))
        e = np.exp(scores) * seen
        whole = e.sum(-1, keepdims=True) if sink is None else e.sum(-1, keepdims=True) + np.exp(sink)
        return (e / whole) @ value

    def mlp(self, x: Any, at: str) -> Any:
        """Two matrices side by side, the activation of one lets the other through, and a third."""
        gate, up = self.projected(x, f"{at}.gate_proj"), self.projected(x, f"{at}.up_proj")
        return self.projected(self.activation(gate) * up, f"{at}.down_proj")

    def activation(self, x: Any) -> Any:
        """silu, or in Gemma GELU by tanh."""
        if self.is_gemma:
            return x * 0.5 * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * (x * x * x))))
        return x / (1 + np.exp(-x))

    def capped(self, x: Any, cap: float | None) -> Any:
        """Below the cap."""
        return x if cap is None else np.tanh(x / cap) * cap


def scores_of(ids: Any, config: Mapping[str, Any], model: type[Textbook] = Textbook) -> Callable[[Any], Any]:
    """The logits of texts, as a formula of the parameters."""
    return lambda params: model(params, config)(ids)
