"""What a decoder of today is made of, and its reading from a configuration of Hugging Face."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mathcore._scalars import choice, flag, real, reals, whole
from mathcore.models._checks import MOST
from mathcore.models.decoder_families import ACTIVATIONS, fields_of

_SIZES = ("vocabulary", "width", "hidden", "heads", "key_heads", "head_width")
_FLAGS = ("one_plus", "norms_after", "head_norms", "attention_bias", "mlp_bias", "sinks", "tied", "scaled_embedding")


@dataclass(frozen=True)
class DecoderConfig:
    """What a decoder is made of, but for its numbers; `from_config` reads it from a configuration of Hugging Face.

    Attributes:
        vocabulary: tokens V.
        width: features of a token.
        hidden: units of each gated MLP.
        heads: of the queries.
        key_heads: heads of keys and values, a divisor of `heads`.
        head_width: features of a head.
        windows: for each layer how many keys a query sees, its own included, or None for all of them.
        frequencies: for each layer the angles in radians by which pairs of features turn from one token to the next.
        rope_factors: for each layer what turned queries and keys are multiplied by, 1 unless contexts were stretched.
        activation: of the gate, "silu", "gelu" or "gelu_tanh".
        epsilon: of the norms.
        one_plus: whether a norm multiplies by 1 + its weight, as Gemma's do, or by the weight.
        norms_after: whether what a block adds is normalised as well, as in Gemma, or only what it reads.
        head_norms: whether queries and keys are normalised, head by head, before they turn.
        attention_bias: whether the four projections of attention have biases.
        mlp_bias: whether the three of an MLP have.
        sinks: whether each head has a sink, a score that takes its share of the weights and gives nothing.
        scale: what scores are multiplied by; None for 1/√`head_width`.
        score_cap: what scores are held below, by cap · tanh(score / cap); None for no cap.
        logit_cap: the same of the logits.
        tied: whether the matrix of the logits is the embedding.
        scaled_embedding: whether embeddings are multiplied by √`width`, rounded to their dtype.

    Examples:
        >>> values = {"vocab_size": 9, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2}
        >>> values |= {"num_attention_heads": 4, "num_key_value_heads": 2, "sliding_window": 3}
        >>> config = mc.DecoderConfig.from_config({"model_type": "mistral", **values})
        >>> config.head_width, config.windows, config.tied
        (2, (3, 3), False)
    """

    vocabulary: int
    width: int
    hidden: int
    heads: int
    key_heads: int
    head_width: int
    windows: tuple[int | None, ...]
    frequencies: tuple[tuple[float, ...], ...] = field(repr=False)
    rope_factors: tuple[float, ...] = field(repr=False)
    activation: str = "silu"
    epsilon: float = 1e-6
    one_plus: bool = False
    norms_after: bool = False
    head_norms: bool = False
    attention_bias: bool = False
    mlp_bias: bool = False
    sinks: bool = False
    scale: float | None = None
    score_cap: float | None = None
    logit_cap: float | None = None
    tied: bool = False
    scaled_embedding: bool = False

    def __post_init__(self) -> None:
        checked: dict[str, Any] = {name: whole(name, getattr(self, name), 1, MOST) for name in _SIZES}
        if checked["heads"] % checked["key_heads"]:
            raise ValueError(f"`key_heads` must divide `heads` = {self.heads}, got {self.key_heads}")
        checked |= {"windows": _windows(self.windows), "rope_factors": reals("rope_factors", self.rope_factors)}
        checked["frequencies"] = _frequencies(self.frequencies, checked["head_width"])
        counts = [len(checked[name]) for name in ("windows", "frequencies", "rope_factors")]
        if len(set(counts)) > 1:
            raise ValueError(f"`windows`, `frequencies` and `rope_factors` must have one of each layer, got {counts}")
        choice("activation", self.activation, ACTIVATIONS)
        checked["epsilon"] = real("epsilon", self.epsilon, 0)
        checked |= {name: flag(name, getattr(self, name)) for name in _FLAGS}
        for name in ("scale", "score_cap", "logit_cap"):
            if getattr(self, name) is not None:
                checked[name] = real(name, getattr(self, name))
                if name != "scale" and not checked[name] > 0:
                    raise ValueError(f"`{name}` must be above 0, got {checked[name]}")
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> DecoderConfig:
        """Read a configuration of Hugging Face, the values of a `config.json`.

        Known are the families `llama`, `mistral`, `qwen3`, `gemma2`, `gemma3_text` and `gpt_oss`, the last without its
        experts. A key that is left out counts as `transformers` counts it.

        Args:
            config: its values; "model_type" says of which family.

        Returns:
            What a model of it is made of.

        Raises:
            TypeError: if a value is of the wrong kind.
            ValueError: for a family, a key or a value that is not known here and could change the result; the message
                names it. What only matters in training, or says how a model is run, is passed over.

        Examples:
            >>> mc.DecoderConfig.from_config({"model_type": "bert"})
            Traceback (most recent call last):
            ValueError: `model_type` must be llama, mistral, qwen3, gemma2, gemma3_text or gpt_oss, got 'bert'
        """
        return cls(**fields_of(config))

    @property
    def num_layers(self) -> int:
        """How many layers there are.

        Examples:
            >>> values = {"vocab_size": 9, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2}
            >>> mc.DecoderConfig.from_config({"model_type": "llama", "num_attention_heads": 4, **values}).num_layers
            2
        """
        return len(self.windows)

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name → shape of every parameter, as Hugging Face names them: a matrix is (outputs, inputs).

        Examples:
            >>> values = {"vocab_size": 9, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2}
            >>> config = mc.DecoderConfig.from_config({"model_type": "llama", "num_attention_heads": 4, **values})
            >>> config.shapes["model.layers.1.mlp.down_proj.weight"]
            (8, 12)
        """
        layers = {
            f"model.layers.{layer}.{name}": shape
            for layer in range(self.num_layers)
            for name, shape in self._layer_shapes()
        }
        head = {} if self.tied else {"lm_head.weight": (self.vocabulary, self.width)}
        return {
            "model.embed_tokens.weight": (self.vocabulary, self.width),
            **layers,
            "model.norm.weight": (self.width,),
            **head,
        }

    def _layer_shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        queries, keys = self.heads * self.head_width, self.key_heads * self.head_width
        projections = {"q": (queries, self.width), "k": (keys, self.width), "v": (keys, self.width)}
        projections["o"] = (self.width, queries)
        for name, shape in projections.items():
            yield f"self_attn.{name}_proj.weight", shape
            if self.attention_bias:
                yield f"self_attn.{name}_proj.bias", shape[:1]
        if self.head_norms:
            yield from ((f"self_attn.{name}_norm.weight", (self.head_width,)) for name in "qk")
        if self.sinks:
            yield "self_attn.sinks", (self.heads,)
        up, down = (self.hidden, self.width), (self.width, self.hidden)
        for name, shape in {"gate": up, "up": up, "down": down}.items():
            yield f"mlp.{name}_proj.weight", shape
            if self.mlp_bias:
                yield f"mlp.{name}_proj.bias", shape[:1]
        after = ("pre_feedforward", "post_feedforward") if self.norms_after else ()
        for name in ("input", "post_attention", *after):
            yield f"{name}_layernorm.weight", (self.width,)


def _windows(windows: Any) -> tuple[int | None, ...]:
    if not isinstance(windows, (tuple, list)):
        raise TypeError(f"`windows` must be a tuple of integers and None, got {type(windows).__name__}")
    return tuple(None if window is None else whole("windows", window, 1, MOST) for window in windows)


def _frequencies(frequencies: Any, head_width: int) -> tuple[tuple[float, ...], ...]:
    if not isinstance(frequencies, (tuple, list)):
        raise TypeError(f"`frequencies` must be a tuple of tuples of floats, got {type(frequencies).__name__}")
    checked = tuple(reals("frequencies", of_layer) for of_layer in frequencies)
    for of_layer in checked:
        if 2 * len(of_layer) > head_width:
            raise ValueError(
                f"`frequencies` must be at most one for two features of a head of {head_width}, got {len(of_layer)}"
            )
    return checked
