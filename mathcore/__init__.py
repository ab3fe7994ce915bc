"""The mathematics of language models: small exact primitives on NumPy alone."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mathcore.attention.blockwise import blockwise_attention, merge_attention
from mathcore.attention.cache import KeyValueCache
from mathcore.attention.dot_product import (
    attention_weights,
    scaled_dot_product_attention,
    scaled_dot_product_attention_vjp,
)
from mathcore.attention.multi_head import multi_head_attention, multi_head_attention_step, multi_head_attention_vjp
from mathcore.embeddings.cosine_similarity import cosine_similarity, cosine_similarity_vjp
from mathcore.embeddings.embedding import embedding, embedding_vjp, one_hot
from mathcore.embeddings.score_table import best_score_table
from mathcore.layers.linear import linear, linear_vjp
from mathcore.layers.low_rank import low_rank
from mathcore.layers.relu import relu, relu_vjp
from mathcore.positions.rope import (
    apply_rope,
    apply_rope_vjp,
    rope,
    rope_cos_sin,
    rope_frequencies,
    rope_permutation,
    rope_vjp,
)
from mathcore.positions.sinusoidal import sinusoidal_positional_encoding, sinusoidal_positional_encoding_vjp
from mathcore.probability.argmax import argmax
from mathcore.probability.cross_entropy import cross_entropy, cross_entropy_and_grad, cross_entropy_vjp
from mathcore.probability.log_softmax import log_softmax, log_softmax_vjp, logsumexp, logsumexp_vjp
from mathcore.probability.softmax import softmax, softmax_vjp, temperature_softmax, temperature_softmax_vjp

if TYPE_CHECKING:
    from mathcore.approximation.approximation import (
        check_separation,
        count_pieces,
        interpolating_net,
        line_net,
        pattern_net,
        relu_net,
        relu_net_vjp,
        separation,
        square_net,
        tent_net,
        xor_net,
    )
    from mathcore.digits.digits import (
        confusion_matrix,
        digit_scores,
        fit_softmax_regression,
        load_digits,
        mean_templates,
        nearest_template_bias,
        read_digits,
        stratified_split,
        wilson_interval,
    )
    from mathcore.language_models.language_models import (
        LanguageModel,
        Plan,
        WordBigram,
        default_text,
        split_text,
        start_language_model,
        train_language_model,
    )
    from mathcore.models.predictor import (
        init_neighbour_predictor,
        neighbour_gradient,
        neighbour_loss,
        neighbour_pairs,
        neighbour_scores,
        train_neighbours,
    )
    from mathcore.models.transformer import (
        generate,
        init_transformer,
        transformer,
        transformer_gradient,
        transformer_loss,
        transformer_step,
        transformer_vjp,
    )
    from mathcore.normalisation.rms_norm import rms_norm, rms_norm_vjp
    from mathcore.tokenizers.byte_pairs import BytePairTokenizer
    from mathcore.tokenizers.words import UnknownWordError, WordTokenizer, normalise
    from mathcore.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
    from mathcore.training.loop import train
    from mathcore.training.optimisers import SGD, Adam, adam_init, adam_step, sgd_step
    from mathcore.training.schedule import warmup_cosine

__version__ = "0.2.0"

_WHEN_ASKED_FOR = ("approximation", "digits", "tokenizers", "training", "normalisation", "models", "language_models")
"""Topics that are loaded with their first use, so that importing the primitives stays quick."""

__all__ = [
    "SGD",
    "Adam",
    "BytePairTokenizer",
    "Checkpoint",
    "KeyValueCache",
    "LanguageModel",
    "Plan",
    "UnknownWordError",
    "WordBigram",
    "WordTokenizer",
    "adam_init",
    "adam_step",
    "apply_rope",
    "apply_rope_vjp",
    "argmax",
    "attention_weights",
    "best_score_table",
    "blockwise_attention",
    "check_separation",
    "confusion_matrix",
    "cosine_similarity",
    "cosine_similarity_vjp",
    "count_pieces",
    "cross_entropy",
    "cross_entropy_and_grad",
    "cross_entropy_vjp",
    "default_text",
    "digit_scores",
    "embedding",
    "embedding_vjp",
    "fit_softmax_regression",
    "generate",
    "init_neighbour_predictor",
    "init_transformer",
    "interpolating_net",
    "line_net",
    "linear",
    "linear_vjp",
    "load_checkpoint",
    "load_digits",
    "log_softmax",
    "log_softmax_vjp",
    "logsumexp",
    "logsumexp_vjp",
    "low_rank",
    "mean_templates",
    "merge_attention",
    "multi_head_attention",
    "multi_head_attention_step",
    "multi_head_attention_vjp",
    "nearest_template_bias",
    "neighbour_gradient",
    "neighbour_loss",
    "neighbour_pairs",
    "neighbour_scores",
    "normalise",
    "one_hot",
    "pattern_net",
    "read_digits",
    "relu",
    "relu_net",
    "relu_net_vjp",
    "relu_vjp",
    "rms_norm",
    "rms_norm_vjp",
    "rope",
    "rope_cos_sin",
    "rope_frequencies",
    "rope_permutation",
    "rope_vjp",
    "save_checkpoint",
    "scaled_dot_product_attention",
    "scaled_dot_product_attention_vjp",
    "separation",
    "sgd_step",
    "sinusoidal_positional_encoding",
    "sinusoidal_positional_encoding_vjp",
    "softmax",
    "softmax_vjp",
    "split_text",
    "square_net",
    "start_language_model",
    "stratified_split",
    "temperature_softmax",
    "temperature_softmax_vjp",
    "tent_net",
    "train",
    "train_language_model",
    "train_neighbours",
    "transformer",
    "transformer_gradient",
    "transformer_loss",
    "transformer_step",
    "transformer_vjp",
    "warmup_cosine",
    "wilson_interval",
    "xor_net",
]


def __getattr__(name: str) -> Any:
    """A public name of a topic that is loaded when it is first asked for (PEP 562)."""
    if name in __all__:
        topics = (import_module(f"mathcore.{topic}") for topic in _WHEN_ASKED_FOR)
        return globals().setdefault(name, next(getattr(t, name) for t in topics if hasattr(t, name)))
    raise AttributeError(f"module 'mathcore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
