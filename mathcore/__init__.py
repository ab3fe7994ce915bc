"""The mathematics of language models: small exact primitives on NumPy alone."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mathcore.attention import (
    KeyValueCache,
    attention_weights,
    blockwise_attention,
    merge_attention,
    multi_head_attention,
    multi_head_attention_step,
    multi_head_attention_vjp,
    scaled_dot_product_attention,
    scaled_dot_product_attention_vjp,
)
from mathcore.embeddings import (
    best_score_table,
    cosine_similarity,
    cosine_similarity_vjp,
    embedding,
    embedding_vjp,
    one_hot,
)
from mathcore.layers import (
    linear,
    linear_vjp,
    low_rank,
    relu,
    relu_vjp,
)
from mathcore.positions import (
    apply_rope,
    apply_rope_vjp,
    rope,
    rope_cos_sin,
    rope_frequencies,
    rope_permutation,
    rope_vjp,
    sinusoidal_positional_encoding,
    sinusoidal_positional_encoding_vjp,
)
from mathcore.probability import (
    argmax,
    cross_entropy,
    cross_entropy_vjp,
    log_softmax,
    log_softmax_vjp,
    logsumexp,
    logsumexp_vjp,
    softmax,
    softmax_vjp,
    temperature_softmax,
    temperature_softmax_vjp,
)

if TYPE_CHECKING:
    from mathcore.approximation import (
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
    from mathcore.digits import (
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
    from mathcore.tokenizers import (
        BytePairTokenizer,
        UnknownWordError,
        WordTokenizer,
        normalise,
    )
    from mathcore.training import (
        SGD,
        Adam,
        Checkpoint,
        load_checkpoint,
        save_checkpoint,
        train,
        warmup_cosine,
    )

_WHEN_ASKED_FOR = ("approximation", "digits", "tokenizers", "training")
"""Topics that are loaded with their first use, so that importing the primitives stays quick."""

__all__ = [
    "SGD",
    "Adam",
    "BytePairTokenizer",
    "Checkpoint",
    "KeyValueCache",
    "UnknownWordError",
    "WordTokenizer",
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
    "cross_entropy_vjp",
    "digit_scores",
    "embedding",
    "embedding_vjp",
    "fit_softmax_regression",
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
    "normalise",
    "one_hot",
    "pattern_net",
    "read_digits",
    "relu",
    "relu_net",
    "relu_net_vjp",
    "relu_vjp",
    "rope",
    "rope_cos_sin",
    "rope_frequencies",
    "rope_permutation",
    "rope_vjp",
    "save_checkpoint",
    "scaled_dot_product_attention",
    "scaled_dot_product_attention_vjp",
    "separation",
    "sinusoidal_positional_encoding",
    "sinusoidal_positional_encoding_vjp",
    "softmax",
    "softmax_vjp",
    "square_net",
    "stratified_split",
    "temperature_softmax",
    "temperature_softmax_vjp",
    "tent_net",
    "train",
    "warmup_cosine",
    "wilson_interval",
    "xor_net",
]


def __getattr__(name: str) -> Any:
    """A public name of a topic that is loaded when it is first asked for (PEP 562)."""
    if name in __all__:
        for topic in _WHEN_ASKED_FOR:
            module = import_module(f"mathcore.{topic}")
            if hasattr(module, name):
                return globals().setdefault(name, getattr(module, name))
    raise AttributeError(f"module 'mathcore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
