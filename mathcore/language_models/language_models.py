"""Language models on real text: how they are planned, trained and resumed, and how good they are.

Losses are in bits per byte of the held-out text, the one unit in which models with different tokens can be compared:
each model says how many bits it would take to write exactly these bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields

import numpy as np

from mathcore._arrays import Array
from mathcore._scalars import whole
from mathcore.language_models.text import _size
from mathcore.models.transformer import Params, generate, init_transformer, transformer, transformer_gradient
from mathcore.probability.cross_entropy import cross_entropy
from mathcore.tokenizers.byte_pairs import BytePairTokenizer, last_tokens
from mathcore.training.checkpoint import Checkpoint
from mathcore.training.loop import train
from mathcore.training.optimisers import Adam, Optimiser
from mathcore.training.schedule import warmup_cosine

_SIZES = ("width", "num_heads", "hidden", "context", "batch", "shards")


_LARGEST = 2**31 - 1  # of any of these


@dataclass(frozen=True)
class Plan:
    """How a language model is built and trained; all that one run differs from another in, but for the text.

    Attributes:
        merges: merges of the byte-pair tokenizer.
        width, num_layers, num_heads, hidden: the transformer's.
        context: tokens that predict the next one, in training.
        batch: windows of text a step.
        shards: how many parts the batch is cut into; they share the cores, and their gradients are averaged.
        steps: of the training.
        rate: the highest rate of Adam, reached after `warmup` steps.
        warmup: steps on the way up; from there the rate falls along a cosine.
        beta2, decay: of Adam.
        seed: of everything random.

    Raises:
        TypeError: if a number is of another kind.
        ValueError: if one is out of range, or `width` no multiple of `num_heads` or `batch` none of `shards`.

    Examples:
        >>> plan = mc.Plan(width=64, steps=100)
        >>> plan.width, plan.num_heads, plan.steps
        (64, 4, 100)
    """

    merges: int = 768
    width: int = 128
    num_layers: int = 3
    num_heads: int = 4
    hidden: int = 512
    context: int = 128
    batch: int = 16
    shards: int = 4
    steps: int = 500
    rate: float = 3e-3
    warmup: int = 50
    beta2: float = 0.99
    decay: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        least = dict.fromkeys(("merges", "num_layers", "steps", "warmup", "seed"), 0) | dict.fromkeys(_SIZES, 1)
        for name, bound in least.items():
            most = _LARGEST if name in (*_SIZES, "num_layers") else None
            object.__setattr__(self, name, whole(name, getattr(self, name), bound, most))
        adam = Adam(self.rate, beta2=self.beta2, decay=self.decay)
        for name in ("rate", "beta2", "decay"):
            object.__setattr__(self, name, getattr(adam, name))
        for name, parts in (("width", "num_heads"), ("batch", "shards")):
            if getattr(self, name) % getattr(self, parts):
                got = f"{getattr(self, name)} and {getattr(self, parts)}"
                raise ValueError(f"`{name}` must be a multiple of `{parts}`, got {got}")
        if self.num_layers and self.width // self.num_heads % 2:
            raise ValueError(
                f"`width` must give every head an even share, for positions rotate pairs, got {self.width} for "
                f"{self.num_heads} heads"
            )


@dataclass(frozen=True)
class LanguageModel:
    """A transformer with its tokenizer.

    Attributes:
        params: the transformer's.
        tokenizer: from text to its tokens and back.
        num_heads: heads of each attention.
        context: tokens that it was trained to look back on.

    Examples:
        >>> plan = mc.Plan(merges=0, width=4, num_layers=1, num_heads=1, hidden=4, context=8)
        >>> model = mc.LanguageModel.of(mc.start_language_model("The cat sat.", plan))
        >>> len(model.tokenizer.vocabulary), model.context
        (256, 8)
    """

    params: Params
    tokenizer: BytePairTokenizer
    num_heads: int
    context: int

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> LanguageModel:
        """The model of a checkpoint that `start_language_model` or `train_language_model` made.

        Raises:
            ValueError: if the checkpoint is of something else.

        Examples:
            >>> plan = mc.Plan(merges=0, width=4, num_layers=1, num_heads=1, hidden=4, context=8)
            >>> mc.LanguageModel.of(mc.start_language_model("The cat sat.", plan)).num_heads
            1
        """
        plan = _plan_of(checkpoint)
        tokenizer = BytePairTokenizer.from_json(checkpoint.config["tokenizer"])
        return cls(checkpoint.params, tokenizer, plan.num_heads, plan.context)

    def bits_per_byte(self, text: str, before: str = "") -> float:
        """How many bits a byte of `text` takes, every token predicted from at least half a context of tokens before it.

        Args:
            text: what is measured.
            before: what stands before it, of which the last `context` tokens are read; without it the first token is
                not predicted but costs all of its bits.

        Raises:
            ValueError: if the text is empty.

        Examples:
            >>> plan = mc.Plan(merges=0, width=4, num_layers=1, num_heads=1, hidden=4, context=8)
            >>> untrained = mc.LanguageModel.of(mc.start_language_model("The cat sat.", plan))
            >>> round(untrained.bits_per_byte("A dog."), 3)  # of 256 bytes each is as likely
            8.0
        """
        size, ids = _size(text), self.tokenizer.encode(text)
        seen = last_tokens(self.tokenizer, before, self.context)
        bits = 0.0 if len(seen) else math.log2(len(self.tokenizer.vocabulary))
        tokens, start = np.concatenate([seen, ids]), max(len(seen), 1)
        half = max(self.context // 2, 1)
        for first in range(start, len(tokens), half):
            last, left = min(first + half, len(tokens)), max(0, first - half)
            scores = transformer(self.params, tokens[left : last - 1], num_heads=self.num_heads)[first - 1 - left :]
            bits += float(cross_entropy(scores, tokens[first:last], reduction="sum")) / math.log(2)
        return bits / size

    def continue_text(
        self, prompt: str, count: int, *, temperature: float = 0.0, rng: np.random.Generator | None = None
    ) -> str:
        """`prompt` continued by `count` tokens.

        Args:
            prompt: the beginning; a line end if it is empty.
            count, temperature, rng: as for `generate`.

        Returns:
            What comes after the prompt.

        Examples:
            >>> plan = mc.Plan(merges=0, width=8, num_layers=1, hidden=8, context=4, steps=30, warmup=1, rate=0.1)
            >>> start = mc.start_language_model("abc" * 20, plan)
            >>> model = mc.LanguageModel.of(mc.train_language_model("abc" * 20, start))
            >>> model.continue_text("ab", 4)
            'cabc'
        """
        ids = self.tokenizer.encode(prompt or "\n")
        new = generate(self.params, ids, count, num_heads=self.num_heads, temperature=temperature, rng=rng)
        return self.tokenizer.decode(new, errors="replace")


def start_language_model(text: str, plan: Plan) -> Checkpoint:
    """A training of a language model on `text`, before its first step.

    Args:
        text: what `split_text` held for training.
        plan: how.

    Returns:
        A checkpoint; its config tells the plan, the tokenizer and which text it is.

    Raises:
        ValueError: if the text has too few tokens for one context, or the plan does not work out.

    Examples:
        >>> plan = mc.Plan(merges=0, width=4, num_layers=1, num_heads=1, hidden=4, context=8)
        >>> start = mc.start_language_model("The cat sat.", plan)
        >>> start.step, start.params["embedding"].shape
        (0, (256, 4))
    """
    tokenizer = BytePairTokenizer.train(text, plan.merges)
    _check_length(tokenizer.encode(text), plan.context)
    rng = np.random.default_rng(plan.seed)
    params = init_transformer(
        rng,
        vocabulary=len(tokenizer.vocabulary),
        width=plan.width,
        num_layers=plan.num_layers,
        hidden=plan.hidden,
    )
    config = {"plan": asdict(plan), "tokenizer": tokenizer.to_json(), "text": _fingerprint(text)}
    return Checkpoint.start(params, _optimiser(plan), rng, config)


def train_language_model(
    text: str, start: Checkpoint, *, progress: Callable[[Checkpoint, float], object] | None = None
) -> Checkpoint:
    """Train to the end of the plan, from any checkpoint of it; the result does not depend on stops in between.

    The gradient of a batch is the mean over its shards, summed in one order however many cores work on them. BLAS is
    held to one thread, if `threadpoolctl` is there to do it: the shards keep the cores busy.

    Args:
        text: as given to `start_language_model`.
        start: its result, or a later checkpoint.
        progress: as for `train`.

    Returns:
        The last checkpoint.

    Raises:
        ValueError: if `start` is no checkpoint of a language model, or one of another text.

    Examples:
        >>> plan = mc.Plan(merges=0, width=4, num_layers=1, num_heads=1, hidden=4, context=8, steps=2, warmup=1)
        >>> start = mc.start_language_model("The cat sat.", plan)
        >>> mc.train_language_model("The cat sat.", start).step
        2
    """
    plan = _plan_of(start)
    if start.config["text"] != _fingerprint(text):
        raise ValueError("the checkpoint belongs to a training on another text")
    tokens = BytePairTokenizer.from_json(start.config["tokenizer"]).encode(text)
    _check_length(tokens, plan.context)
    window = np.arange(plan.context + 1)

    def draw(rng: np.random.Generator) -> tuple[Array]:
        first = rng.integers(0, len(tokens) - plan.context, plan.batch)
        return (tokens[first[:, None] + window],)  # (batch, context + 1)

    def rate(step: int) -> float:
        return warmup_cosine(step, plan.steps, peak=plan.rate, warmup=plan.warmup)

    with _one_blas_thread(), ThreadPoolExecutor() as pool:

        def loss_and_gradient(params: Params, ids: Array) -> tuple[float, Params]:
            def one(shard: Array) -> tuple[Array, dict[str, Array]]:
                return transformer_gradient(params, shard, num_heads=plan.num_heads)

            losses, grads = zip(*pool.map(one, np.split(ids, plan.shards)), strict=True)
            mean = {name: sum(g[name] for g in grads) / plan.shards for name in params}
            return float(sum(losses)) / plan.shards, mean

        optimiser = _optimiser(plan)
        return train(loss_and_gradient, draw, optimiser, start, steps=plan.steps, rate=rate, progress=progress)


def _optimiser(plan: Plan) -> Optimiser:
    return Adam(plan.rate, beta2=plan.beta2, decay=plan.decay)


def _plan_of(checkpoint: Checkpoint) -> Plan:
    """The plan in a checkpoint, whose config has all that `start_language_model` writes."""
    config = checkpoint.config
    plan = config.get("plan")
    kinds = {field.name: {type(field.default), int} for field in fields(Plan)}  # a rate may be given as 1
    if not (
        isinstance(plan, Mapping)
        and plan.keys() == kinds.keys()
        and all(type(plan[name]) in kinds[name] for name in kinds)
        and isinstance(config.get("text"), str)
        and "tokenizer" in config
    ):
        raise ValueError("the checkpoint is not of a language model")
    return Plan(**plan)


def _check_length(tokens: Array, context: int) -> None:
    if len(tokens) <= context:
        raise ValueError(f"the text must have more than {context} tokens, one context, it has {len(tokens)}")


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _one_blas_thread() -> contextlib.AbstractContextManager[object]:
    try:
        from threadpoolctl import threadpool_limits
    except ModuleNotFoundError:
        return contextlib.nullcontext()
    return threadpool_limits(1, user_api="blas")
