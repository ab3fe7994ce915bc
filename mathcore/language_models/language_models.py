"""Language models on real text: what to train on, how good the result is, and what it has to beat.

Losses are in bits per byte of the held-out text, the one unit in which models with different tokens can be compared:
each model says how many bits it would take to write exactly these bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import pairwise

import numpy as np

from mathcore._arrays import Array
from mathcore.models.transformer import Params, generate, init_transformer, transformer, transformer_gradient
from mathcore.probability.cross_entropy import cross_entropy
from mathcore.tokenizers.byte_pairs import BytePairTokenizer, last_tokens
from mathcore.training.checkpoint import Checkpoint
from mathcore.training.loop import train
from mathcore.training.optimisers import Adam, Optimiser
from mathcore.training.schedule import warmup_cosine

_PARAGRAPH = "\n\n"


def default_text() -> str:
    """Real English text that every Python installation carries: the documentation topics of the standard library.

    Some topics repeat others word for word. Every paragraph is kept once, so that what is held out has not been
    read before.

    Examples:
        >>> len(mc.course.default_text()) > 100_000
        True
    """
    from pydoc_data.topics import topics

    paragraphs = (p for topic in topics.values() for p in re.split(r"\n{2,}", topic.strip("\n")))
    return _PARAGRAPH.join(dict.fromkeys(paragraphs))


def split_text(text: str, *, block: int = 4000, every: int = 10) -> tuple[str, str]:
    r"""A text to train on and one to hold out, both from all parts of `text`.

    Args:
        text: any string.
        block: paragraphs are collected into blocks of at least so many characters; the last block may be shorter.
        every: of so many blocks the last is held out.

    Returns:
        The blocks to train on and the blocks held out, each joined; together they are all of `text`.

    Raises:
        ValueError: if the text is too short to hold anything out.

    Examples:
        >>> mc.course.split_text("One.\n\nTwo.\n\nThree.\n\n", block=1, every=3)
        ('One.\n\nTwo.\n\n', 'Three.\n\n')
    """
    blocks: list[str] = []
    for paragraph in filter(None, re.split(r"(?<=\n\n)", text)):  # nothing stands behind the last blank line
        if not blocks or len(blocks[-1]) >= block:
            blocks.append("")
        blocks[-1] += paragraph
    held_out = blocks[every - 1 :: every]
    if not held_out:
        raise ValueError(
            f"the text must have at least {every} blocks of {block} characters to hold one out, it has {len(blocks)}"
        )
    seen = [b for i, b in enumerate(blocks) if i % every != every - 1]
    return "".join(seen), "".join(held_out)


_WORD = re.compile(r" ?\w+| ?[^\w\s]+|\s+(?!\S)|\s+")
_DISCOUNT = 0.75  # Kneser & Ney's usual one; between 0.6 and 0.85 the default text shows a difference of 1 %
_SPELLED_FROM = 2  # bytes before the next byte of a new word
_END = 256  # of a word, beside the 256 bytes


@dataclass(frozen=True)
class WordBigram:
    r"""What a transformer has to beat: each word predicted from the word before it, counted and smoothed.

    $$p(w \mid v) = \frac{\max(c_{vw} - \delta, 0)}{c_v} + \frac{\delta\,n_{v\bullet}}{c_v}\,p_1(w), \qquad
      p_1(w) = \frac{\max(n_{\bullet w} - \delta, 0)}{n_{\bullet\bullet}}
        + \frac{\delta\,n_{\bullet}}{n_{\bullet\bullet}}\,p_0(w)$$

    c counts pairs of words, n counts different pairs, and $p_0$ spells words that were never seen byte by byte, each
    byte predicted from the two before it. So every string has a probability. A word comes with the space before it;
    runs of punctuation and of white space are words too, and the words joined are the text.

    Attributes:
        pairs: how often each pair of neighbours occurred.
        before: how often each word occurred with another after it.
        followers: how many different words came after each.
        predecessors: how many different words came before each.
        spelling: for every run of up to two bytes within a word, the bytes that came next.

    Examples:
        >>> bigram = mc.WordBigram.train(" a cat a dog a cat")
        >>> bigram.pairs[" a", " cat"], bigram.followers[" a"]
        (2, 2)

    Source:
        Kneser & Ney (1995), doi:10.1109/ICASSP.1995.479394, interpolated as in Chen & Goodman (1999),
        doi:10.1006/csla.1999.0128; spelling: Witten & Bell (1991), doi:10.1109/18.87000.
    """

    pairs: Counter[tuple[str, str]]
    before: Counter[str] = field(init=False, repr=False)
    followers: Counter[str] = field(init=False, repr=False)
    predecessors: Counter[str] = field(init=False, repr=False)
    spelling: dict[tuple[int, ...], Counter[int]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        before: Counter[str] = Counter()
        for (left, _), count in self.pairs.items():
            before[left] += count
        spelling: defaultdict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for word in dict.fromkeys(w for pair in self.pairs for w in pair):
            for run, byte in _spelled(word):
                for length in range(len(run) + 1):
                    spelling[run[len(run) - length :]][byte] += 1
        object.__setattr__(self, "before", before)
        object.__setattr__(self, "followers", Counter(left for left, _ in self.pairs))
        object.__setattr__(self, "predecessors", Counter(right for _, right in self.pairs))
        object.__setattr__(self, "spelling", dict(spelling))

    @classmethod
    def train(cls, text: str) -> WordBigram:
        """Count the words of `text`.

        Raises:
            ValueError: if it has fewer than two words.

        Examples:
            >>> dict(mc.WordBigram.train("a cat sat").pairs)
            {('a', ' cat'): 1, (' cat', ' sat'): 1}
        """
        pairs = Counter(pairwise(_WORD.findall(text)))
        if not pairs:
            raise ValueError(f"a bigram needs a text of at least two words, got {text!r}")
        return cls(pairs)

    def probability(self, word: str, before: str) -> float:
        """p(word | before).

        Examples:
            >>> bigram = mc.WordBigram.train("a cat saw a cat")
            >>> bigram.probability(" cat", " a") > bigram.probability(" dog", " a") > 0
            True
        """
        counted, rest = self._shares(word, before)
        return counted + rest * self.spelled(word)

    def spelled(self, word: str) -> float:
        """The probability of spelling `word`, its end included.

        Examples:
            >>> bigram = mc.WordBigram.train("ab ab")
            >>> bigram.spelled(" ab") > bigram.spelled(" ba") > 0
            True
        """
        return math.prod(self._letters(word))

    def bits_per_byte(self, text: str) -> float:
        """How many bits a byte of `text` takes; the first word is predicted from nothing.

        Raises:
            ValueError: if the text is empty.

        Examples:
            >>> bigram = mc.WordBigram.train("a cat saw a cat")
            >>> bigram.bits_per_byte("a cat") < bigram.bits_per_byte("a dog")
            True
        """
        size, words = _size(text), _WORD.findall(text)
        return sum(self._bits(w, v) for v, w in pairwise(["", *words])) / size

    def _bits(self, word: str, before: str) -> float:
        """−log₂ p(word | before), of a long word too, whose spelling has a probability below the smallest float."""
        counted, rest = self._shares(word, before)
        spelled = sum(map(math.log2, self._letters(word)))
        return -math.log2(counted + rest * 2**spelled) if counted else -(math.log2(rest) + spelled)

    def _shares(self, word: str, before: str) -> tuple[float, float]:
        """What counting gives the word, and the share of its spelling in the rest."""
        total, seen = sum(self.predecessors.values()), self.before[before]
        counted = max(self.predecessors[word] - _DISCOUNT, 0) / total
        rest = _DISCOUNT * len(self.predecessors) / total
        if not seen:
            return counted, rest
        left = _DISCOUNT * self.followers[before] / seen
        return max(self.pairs[before, word] - _DISCOUNT, 0) / seen + left * counted, left * rest

    def _letters(self, word: str) -> Iterator[float]:
        """The probability of each byte of a word and of its end, after the two bytes before it."""
        for run, byte in _spelled(word):
            q = 1 / (_END + 1)
            for length in range(len(run) + 1):
                if counts := self.spelling.get(run[len(run) - length :]):
                    kinds, total = len(counts), sum(counts.values())
                    q = (counts[byte] + kinds * q) / (total + kinds)
            yield q


def _spelled(word: str) -> Iterable[tuple[tuple[int, ...], int]]:
    """Every byte of a word and its end, each after the two before it; −1 stands before the word."""
    letters = [-1] * _SPELLED_FROM + list(word.encode("utf-8", "surrogatepass")) + [_END]
    for i in range(_SPELLED_FROM, len(letters)):
        yield tuple(letters[i - _SPELLED_FROM : i]), letters[i]


def _size(text: str) -> int:
    size = len(text.encode("utf-8", "surrogatepass"))
    if not size:
        raise ValueError("an empty text has no bits per byte")
    return size


@dataclass(frozen=True)
class Plan:
    """How a language model is built and trained; all that one run differs from another in, but for the text.

    Attributes:
        merges: merges of the byte-pair tokenizer.
        width, num_layers, num_heads, hidden: the transformer's.
        context: tokens that predict the next one, in training.
        batch: pieces of text a step.
        shards: how many parts the batch is cut into; they share the cores, and their gradients are averaged.
        steps: of the training.
        rate: the highest rate of Adam, reached after `warmup` steps.
        warmup: steps on the way up; from there the rate falls along a cosine.
        beta2, decay: of Adam.
        seed: of everything random.

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
    for whole, parts in (("width", "num_heads"), ("batch", "shards")):
        if getattr(plan, whole) % getattr(plan, parts):
            got = f"{getattr(plan, whole)} and {getattr(plan, parts)}"
            raise ValueError(f"`{whole}` must be a multiple of `{parts}`, got {got}")
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
    try:
        return Plan(**checkpoint.config["plan"])
    except (KeyError, TypeError) as missing:
        raise ValueError("the checkpoint is not of a language model") from missing


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
