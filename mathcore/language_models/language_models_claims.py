"""What must be true of a language model on real text: what it is trained on, what it is measured by, how it goes on."""

from __future__ import annotations

import contextlib
import itertools
import math
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.language_models import language_models_mutants as wrong
from mathcore.language_models.language_models_tolerances import bigram_rounding, bits_rounding, windows_rounding
from mathcore.probability.cross_entropy_tolerances import cross_entropy_rounding
from mathcore.probability.textbook import probabilities
from mathcore.refusals.refusals_mutants import answers_anyway
from mathcore.tokenizers.inputs import TEXTS
from mathcore.tokenizers.textbook import is_white
from mathcore.training.checkpoint_claims import parts_of
from mathcore.verify import Claim, Limits, Operations, Target, enclose
from mathcore.verify.domains import Draw, domain, fixed_generators
from mathcore.verify.laws import Called, defaults
from mathcore.verify.limits import SHORT_FORMATS
from mathcore.verify.oracle.enclosures import balls
from mathcore.verify.refusals import without
from mathcore.verify.relations import all_of, at_least, differs, equal, identical, less, raises, same
from mathcore.verify.targets.held import replaced
from mathcore.verify.tolerances import rounding

# The text.


def blocks_of(text: str, block: int) -> list[str]:
    """The text cut behind the first blank line after at least so many characters, again and again."""
    blocks, start = [], 0
    for end in range(1, len(text) + 1):
        if end == len(text) or (end - start >= block and text[end - 2 : end] == "\n\n"):
            blocks.append(text[start:end])
            start = end
    return blocks


split_loses_nothing = Claim(
    "text.split_loses_nothing",
    statement="A text is cut behind blank lines into blocks of at least so many characters, but for the last one; of "
    "every k blocks the last is held out, all others are trained on, in their order and whole. A text with fewer than "
    "k blocks is refused.",
    formula=r"\text{text} = b_1 b_2 \dots b_n, \qquad \text{held out}: b_k, b_{2k}, b_{3k}, \dots",
    needs=("split_text",),
    refuted_by=(
        wrong.end_held_out, wrong.held_out_is_read_too, wrong.first_held_out, wrong.nothing_is_a_block,
        wrong.cut_anywhere,
    ),
)  # fmt: skip


@split_loses_nothing.exact(
    text=st.lists(st.sampled_from(["a", "bc", "\n", "\n\n", "\n\n"]), max_size=24).map("".join),
    block=st.integers(0, 6),
    every=st.integers(1, 4),
)
def parts_hold_every_block(ops: Operations, text: str, block: int, every: int) -> Any:
    blocks = blocks_of(text, block)
    if len(blocks) < every:
        saying = (f"{every} blocks of {block} ", f"it has {len(blocks)}")
        return raises(lambda: ops.split_text(text, block=block, every=every), ValueError, saying=saying)
    seen, held_out = ops.split_text(text, block=block, every=every)
    return all_of(
        same(seen, "".join(b for i, b in enumerate(blocks, 1) if i % every)),
        same(held_out, "".join(b for i, b in enumerate(blocks, 1) if i % every == 0)),
    )


default_is_read_once = Claim(
    "text.default_is_read_once",
    statement="The text to train on by default is Python's own documentation of its language, every paragraph once and "
    "in its order; so no paragraph that is held out of it is trained on.",
    formula=r"\text{paragraphs trained on} \cap \text{paragraphs held out} = \varnothing",
    needs=("default_text", "split_text"),
    limits=Limits(options=("block", "every")),
    refuted_by=(
        wrong.repeats_kept, wrong.in_order_of_the_alphabet, wrong.lines_once, wrong.held_out_is_read_too,
        wrong.cut_anywhere,
    ),
)  # fmt: skip


@default_is_read_once.exhaustive(lambda: iter([{"most": 4000}]))
def default_text_has_no_paragraph_twice(ops: Operations, most: int) -> Any:
    from pydoc_data.topics import topics

    there = dict.fromkeys(p.strip("\n") for topic in topics.values() for p in topic.split("\n\n"))
    text = ops.default_text()
    seen, held_out = (set(part.split("\n\n")) - {""} for part in ops.split_text(text))
    return all_of(
        equal(text.split("\n\n") == [p for p in there if p], True),
        equal(len(seen & held_out), 0),
        at_least(len(held_out), 1),
        equal(seen | held_out == set(there) - {""}, True),
    )


# The bigram, in fractions: counts of the words themselves.

DISCOUNT, END = Fraction(3, 4), 256


def letters_of(word: str) -> list[int]:
    """Nothing twice, the bytes, and the end."""
    return [-1, -1, *word.encode("utf-8", "surrogatepass"), END]


def next_byte(words: list[str], run: tuple[int, ...], byte: int) -> Fraction:
    """How likely a byte is within a word after the two before it: Witten & Bell's, down to all 257 alike."""
    letters = [letters_of(word) for word in dict.fromkeys(words)]
    q = Fraction(1, 257)
    for length in (0, 1, 2):
        shorter = list(run[2 - length :])
        came = [x[i] for x in letters for i in range(2, len(x)) if x[i - length : i] == shorter]
        if came:
            q = (came.count(byte) + len(set(came)) * q) / (len(came) + len(set(came)))
    return q


def spelling(words: list[str], word: str) -> list[Fraction]:
    """The factors of the spelling of a word."""
    letters = letters_of(word)
    return [next_byte(words, (a, b), c) for a, b, c in zip(letters, letters[1:], letters[2:], strict=False)]


def shares(words: list[str], word: str, before: str) -> tuple[Fraction, Fraction]:
    """What Kneser & Ney's counts give a word after another, and the share that they leave to its spelling."""
    pairs = list(pairwise(words))
    kinds, after = set(pairs), [right for left, right in pairs if left == before]
    lefts, rights = len({left for left, right in kinds if right == word}), len({right for _, right in kinds})
    counted, rest = max(lefts - DISCOUNT, Fraction(0)) / len(kinds), DISCOUNT * rights / len(kinds)
    if not after:
        return counted, rest
    left = DISCOUNT * len(set(after)) / len(after)
    return max(after.count(word) - DISCOUNT, Fraction(0)) / len(after) + left * counted, left * rest


def probability(words: list[str], word: str, before: str) -> Fraction:
    """p(word | before)."""
    counted, rest = shares(words, word, before)
    return counted + rest * math.prod(spelling(words, word))


WORDS = st.sampled_from(["a", "b", "ab", "ba", "abb", "é", "_1"])
"""Words without the space before them; of marks and white space there are some of each kind."""


@st.composite
def texts(draw: Any) -> list[str]:
    """The words of a text, each with the space before it if there is one."""
    marks = st.sampled_from(["", "", "", ".", "...", " (", "\n", "\t", "\u3000", "  ", "-"])
    drawn = draw(st.lists(st.tuples(WORDS, marks), min_size=2, max_size=9))
    return words_in("".join(f" {word}{mark}" for word, mark in drawn)[1:])


def words_in(text: str) -> list[str]:
    """The words of a text, by characters: letters, digits and underscores in a row, and marks in a row.

    Each has the space before it. White space is a word too; its last character stands by itself if something follows.
    """
    words: list[str] = []
    for kind, run in itertools.groupby(text, lambda c: "white" if is_white(c) else c.isalnum() or c == "_"):
        part = "".join(run)
        if kind != "white":
            own = words.pop() if words and words[-1] == " " else ""
            words.append(own + part)
        elif len("".join(words)) + len(part) < len(text) and len(part) > 1:
            words += [part[:-1], part[-1]]
        else:
            words.append(part)
    return words


bigram_is_the_formula = Claim(
    "word_bigram.is_the_formula",
    statement="The word bigram is Kneser and Ney's, interpolated, with words spelled by Witten and Bell's rule: its "
    "probabilities are those of the formula in exact fractions of counts, up to rounding, and all strings of bytes, "
    "the empty one included, have 1 together. After a word v that was never seen it is p_1.",
    formula=r"p(w \mid v) = \frac{\max(c_{vw} - \delta, 0)}{c_v} + \frac{\delta\,n_{v\bullet}}{c_v}\,p_1(w), \qquad "
    r"p_1(w) = \frac{\max(n_{\bullet w} - \delta, 0)}{n_{\bullet\bullet}} + "
    r"\frac{\delta\,n_\bullet}{n_{\bullet\bullet}}\,p_0(w)",
    source="Kneser & Ney (1995), doi:10.1109/ICASSP.1995.479394; Chen & Goodman (1999), doi:10.1006/csla.1999.0128; "
    "Witten & Bell (1991), doi:10.1109/18.87000",
    needs=("word_bigram",),
    tolerances=(bigram_rounding, rounding),
    refuted_by=(
        wrong.counts_not_kinds, wrong.followers_counted_each_time, wrong.pairs_lose_nothing,
        wrong.spelled_from_one_byte, wrong.end_costs_nothing, wrong.frequent_words_spell_more,
    ),
)  # fmt: skip


@bigram_is_the_formula.property(words=texts(), word=WORDS, before=WORDS, effort=0.5)
def probabilities_match_the_formula(ops: Operations, words: list[str], word: str, before: str) -> Any:
    bigram = ops.word_bigram("".join(words))
    parts = []
    for v, w in [(before, word), (words[0], word), (before, words[-1]), *pairwise(words)]:
        p = float(probability(words, w, v))
        parts.append(equal(bigram.probability(w, v), p, within=bigram_rounding(p, [len(letters_of(w))]) + ulp(p)))
    return all_of(*parts)


@bigram_is_the_formula.property(words=texts(), before=WORDS, place=st.integers(0, 99), effort=0.25)
def probabilities_sum_to_one(ops: Operations, words: list[str], before: str, place: int) -> Any:
    # What known words do not have, the others are spelled with; and after any two bytes all next ones have 1 together.
    bigram, known = ops.word_bigram("".join(words)), list(dict.fromkeys(words))
    letters = letters_of(known[place % len(known)])
    run = (letters[place % (len(letters) - 2)], letters[place % (len(letters) - 2) + 1])
    p = np.array([bigram.probability(w, before) for w in known])
    others = shares(words, known[0], before)[1] * (1 - sum(math.prod(spelling(words, w)) for w in known))
    rest, sizes = float(others), [len(letters_of(w)) for w in known]
    return all_of(
        equal(math.fsum([*p, rest]), 1.0, within=bigram_rounding(1.0, sizes) + ulp(1.0) + ulp(rest)),
        equal(sum(next_byte(words, run, byte) for byte in range(257)), 1),
    )


def ulp(p: float) -> Any:
    """One rounding, of the value that is compared with."""
    return rounding(p, np.float64)


bigram_bits = Claim(
    "word_bigram.bits_of_every_text",
    statement="A text takes the bits of all its words, each after the word before it, over its bytes, up to rounding; "
    "letters, digits and underscores in a row are a word, marks in a row are one, each with the space before it, and "
    "so is white space. Every text but the empty one has a finite number of bits, even with words too long for their "
    "probability to be a float.",
    formula=r"-\frac{1}{\text{bytes}} \sum_i \log_2 p(w_i \mid w_{i-1}) < \infty",
    legend={"w": "the words of the text"},
    needs=("word_bigram",),
    rests_on=("word_bigram.is_the_formula",),
    tolerances=(bits_rounding,),
    refuted_by=(
        wrong.per_character,
        wrong.in_nats,
        wrong.long_words_vanish,
        wrong.nothing_costs_nothing,
        wrong.tabs_for_free,
        wrong.marks_for_free,
    ),
)


def bits_agree(bigram: Any, words: list[str], text: list[str]) -> Any:
    """That the bits of a text are those of the exact probabilities of its words."""
    size = len("".join(text).encode("utf-8", "surrogatepass"))
    spelled = [-sum(math.log2(q) for q in spelling(words, w)) for w in text]
    p = [probability(words, w, v) for v, w in pairwise(["", *text])]
    each = enclose(lambda p: -np.log(p) / np.log(balls(2)), p)
    total = enclose(lambda p: -np.log(p).sum(keepdims=True) / (np.log(balls(2)) * size), p)
    allowed = bits_rounding(each.hi, spelled, [len(letters_of(w)) for w in text], size)
    return equal(np.array([bigram.bits_per_byte("".join(text))]), total, within=allowed)


@bigram_bits.property(words=texts(), text=texts(), effort=0.25)
def bits_of_texts_match_the_formula(ops: Operations, words: list[str], text: list[str]) -> Any:
    return bits_agree(ops.word_bigram("".join(words)), words, text)


@bigram_bits.property(said=TEXTS, text=TEXTS, effort=0.25)
def bits_of_any_text_match_the_formula(ops: Operations, said: str, text: str) -> Any:
    # All kinds of text, of which the reference is told no more than the characters.
    said, text = f"{said} a b", f"{text} ab"
    return bits_agree(ops.word_bigram(said), words_in(said), words_in(text))


@bigram_bits.property(words=texts(), letter=st.sampled_from("abxé"), length=st.integers(140, 180), effort=0.1)
def bits_of_long_words_match_the_formula(ops: Operations, words: list[str], letter: str, length: int) -> Any:
    bigram = ops.word_bigram("".join(words))
    return all_of(
        bits_agree(bigram, words, [letter * length]),
        raises(lambda: bigram.bits_per_byte(""), ValueError, saying=("empty",)),
    )


# Models: tiny ones, of bytes and a few merges.

LETTERS = "ab é."


@domain
def plans(
    draw: Draw, target: Target, *, layers: tuple[int, ...] = (0, 1), contexts: tuple[int, ...] = (1, 2, 3, 4)
) -> dict[str, Any]:
    """A text of a few letters, and a plan for the smallest of models."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    text = "".join(rng.choice(list(LETTERS), draw(st.integers(40, 60)))) + draw(st.sampled_from(["", "a" * 99]))
    plan = {
        "merges": draw(st.integers(0, 5)), "width": 4, "num_layers": draw(st.sampled_from(layers)), "num_heads": 2,
        "hidden": draw(st.integers(1, 3)), "context": draw(st.sampled_from(contexts)),
        "batch": draw(st.sampled_from([4, 8])), "shards": draw(st.sampled_from([1, 2, 4])),
        "steps": draw(st.integers(2, 3)), "rate": draw(st.sampled_from([0.1, 0.03])),
        "warmup": draw(st.integers(0, 2)), "beta2": draw(st.sampled_from([0.99, 0.9, 0.999])),
        "decay": draw(st.sampled_from([1.0, 0.0, 0.25])), "seed": draw(st.integers(0, 99)),
    }  # fmt: skip
    return {"text": text, "plan": plan}


def at_work(ops: Operations, text: str, plan: Any, seed: int) -> Any:
    """A checkpoint of the plan whose every parameter is at work, in float64."""
    start, rng = ops.start_language_model(text, ops.Plan(**plan)), np.random.default_rng(seed)
    return replaced(start, params={name: rng.normal(size=p.shape) for name, p in start.params.items()})


bits_are_the_models = Claim(
    "language_model.bits_are_those_of_its_probabilities",
    statement="The bits per byte of a text are −log₂ of the probabilities that the transformer gives its tokens, each "
    "after at least half a context of tokens or all there are before it, up to rounding; a first token that nothing "
    "predicts costs all of its bits.",
    legend={"t": "the place of a token, what stands before included", "s": "the first place that it is predicted from"},
    formula=r"\frac{1}{\text{bytes}} \Big(\sum_t -\log_2 p(\mathrm{id}_t \mid \mathrm{id}_{s(t)}, \dots, "
    r"\mathrm{id}_{t-1})\Big), \qquad t - s(t) \ge \min(t, \lfloor\text{context}/2\rfloor)",
    needs=("Plan", "start_language_model", "language_model", "transformer"),
    limits=Limits(options=("rope_base",), formats=SHORT_FORMATS),
    rests_on=("transformer.is_the_formula",),
    tolerances=(cross_entropy_rounding, windows_rounding),
    refuted_by=(
        wrong.model_in_nats, wrong.per_token, wrong.model_per_character, wrong.first_for_nothing,
        wrong.what_stood_before_is_forgotten, wrong.looks_back_on_one, wrong.looks_back_by_characters,
    ),
)  # fmt: skip


@bits_are_the_models.property(
    plans(layers=(1,), contexts=(8, 5, 4, 2, 1)), seed=st.integers(0, 99),
    said=st.text(LETTERS, min_size=1, max_size=12),
    before=st.text(LETTERS, max_size=6) | st.text("ab", min_size=30, max_size=90) | st.lists(
        st.sampled_from(["a" * 32, "ab ", "b", " ", "\n"]), max_size=30
    ).map("".join), effort=0.4,
)  # fmt: skip
def bits_match_the_windows(ops: Operations, text: str, plan: Any, seed: int, said: str, before: str) -> Any:
    return bits_are_right(ops, text, plan, seed, said, before)


def long_tokens() -> Iterator[dict[str, Any]]:
    """A text before the one that is measured, of whose tokens some are 32 characters long, and letters before it."""
    for count in (1, 2, 5):
        yield {"before": "b" * 100 + "a" * 32 * count}


@bits_are_the_models.exhaustive(long_tokens)
def bits_of_long_tokens_match_the_windows(ops: Operations, before: str) -> Any:
    plan = {"merges": 5, "width": 4, "num_layers": 1, "num_heads": 2, "hidden": 3, "context": 16, "steps": 1}
    return bits_are_right(ops, "ab" + "a" * 600, plan, 0, "b", before)


def bits_are_right(ops: Operations, text: str, plan: Any, seed: int, said: str, before: str) -> Any:
    """That the bits per byte of what is said are those of the transformer's scores in windows of the tokens."""
    checkpoint = at_work(ops, text, plan, seed)
    model, context = ops.language_model(checkpoint), plan["context"]
    encode, size = model.tokenizer.encode, len(said.encode())
    seen = encode(before)[-context:]
    tokens, first, half = np.concatenate([seen, encode(said)]), max(len(seen), 1), max(context // 2, 1)
    rows, wanted = [np.zeros((1 - min(len(seen), 1), len(model.tokenizer.vocabulary)))], [tokens[: first - len(seen)]]
    windows = range(first, len(tokens), half)
    for start in windows:  # the tokens from here on, read from half a context before
        window = tokens[max(0, start - half) : start + half]
        new = min(half, len(tokens) - start)
        rows.append(ops.transformer(checkpoint.params, window[:-1], num_heads=2)[-new:])
        wanted.append(window[-new:])
    scores, right = np.concatenate(rows), np.concatenate(wanted)  # a first token: equal scores for all
    nats = cross_entropy_rounding(scores, probabilities(scores), right, scores.dtype, reduction="sum")

    def surprise(x: Any) -> Any:
        places = np.arange(len(right)), right
        return (np.log(np.exp(x).sum(-1)) - x[places]).sum(keepdims=True) / (np.log(balls(2)) * size)

    true = enclose(surprise, scores)
    allowed = nats * (1 / math.log(2) / size) + windows_rounding(float(true.hi[0]), len(windows))
    return equal(np.array([model.bits_per_byte(said, before)]), true, within=allowed)


# Training.

steps_are_adams = Claim(
    "language_model.steps_are_adams",
    statement="Every step of the training is one of Adam, with the plan's rate, β₂ and decay, along the gradient of "
    "the windows of text that were drawn, the mean over the s shards, bit for bit; whether the threads of BLAS can be "
    "held to one or not.",
    formula=r"\theta_{t+1} = \mathrm{Adam}\Big(\theta_t, \tfrac1s \sum_{j=1}^{s} \nabla\ell_j(\theta_t),\ "
    r"\alpha_t\Big)",
    needs=("Plan", "start_language_model", "train_language_model", "transformer_gradient", "adam_step",
           "warmup_cosine", "language_model"),
    limits=Limits(
        options=("rope_base", "beta1", "epsilon", "progress"),
        formats=("float64", "float16", "bfloat16"),
    ),
    rests_on=("transformer.backprop_is_the_derivative", "training.adam_is_the_published_algorithm"),
    refuted_by=(
        wrong.decay_forgotten, wrong.no_warmup, wrong.first_shard_alone, wrong.usual_second_moment,
        wrong.draws_from_the_beginning, wrong.decay_hard_coded, wrong.second_moment_hard_coded,
    ),
)  # fmt: skip


@steps_are_adams.property(plans(), limited=st.booleans(), effort=0.2)
def training_matches_adam_steps(ops: Operations, text: str, plan: Any, limited: bool) -> Any:
    start = ops.start_language_model(text, ops.Plan(**plan))
    params, state, rng = start.params, start.state, start.rng()
    tokens, context = ops.language_model(start).tokenizer.encode(text), plan["context"]
    for step in range(plan["steps"]):
        first = rng.integers(0, len(tokens) - context, plan["batch"])
        windows = np.array([tokens[i : i + context + 1] for i in first])
        parts = [ops.transformer_gradient(params, w, num_heads=2)[1] for w in np.split(windows, plan["shards"])]
        mean = {name: sum(part[name] for part in parts) / len(parts) for name in params}
        rate = ops.warmup_cosine(step, plan["steps"], peak=plan["rate"], warmup=plan["warmup"])
        params, state = ops.adam_step(params, mean, state, rate=rate, beta2=plan["beta2"], decay=plan["decay"])
    with contextlib.nullcontext() if limited else without("threadpoolctl"):
        trained = ops.train_language_model(text, start)
    return all_of(
        *(identical(trained.params[name], p) for name, p in params.items()),
        equal(trained.step, plan["steps"]),
        differs(trained.params["scores"], start.params["scores"]),
    )


PERIODIC = {
    "merges": 0, "width": 16, "num_layers": 1, "num_heads": 2, "hidden": 8, "context": 8, "batch": 8, "shards": 1,
    "steps": 25, "rate": 0.05, "warmup": 3, "decay": 0.0,
}  # fmt: skip

learns_order = Claim(
    "language_model.learns_what_follows",
    statement="Before training every token takes log₂ of the size V of the vocabulary, up to rounding; after a few "
    "steps on a text of two letters in turn less than the one bit a letter that counting the letters alone would "
    "leave, which letters in no order do not allow.",
    formula=r"\log_2 V \to\ < 1",
    limits=Limits(also=("texts of two letters by each of the seeds 0 to 9, a model of one layer, 25 steps",)),
    needs=("Plan", "start_language_model", "train_language_model", "language_model"),
    tolerances=(cross_entropy_rounding, windows_rounding),
    refuted_by=(wrong.never_trained, wrong.trained_uphill),
)


@learns_order.experiment
def order_is_learned(ops: Operations, scale: float) -> Any:
    # In no order each of n letters has one bit. A model that has not seen them can be luckier, but by k bits in all
    # with probability 2^−k at most (Markov: its probability of the text has the mean 2^−n).
    n, spare, before, after = 200, math.log2(1 / 1e-10), [], []
    for rng in fixed_generators(max(2, round(10 * scale))):
        one, other = rng.choice(list("abcdefgh"), 2, replace=False)
        for in_turn in (True, False):
            text, unseen = (
                (one + other) * (n // 2) if in_turn else "".join(rng.choice([one, other], n)) for _ in range(2)
            )
            start = ops.start_language_model(text, ops.Plan(**PERIODIC, seed=int(rng.integers(2**32))))
            trained = ops.train_language_model(text, start)
            before += [ops.language_model(start).bits_per_byte(unseen, text)] * in_turn
            after.append(ops.language_model(trained).bits_per_byte(unseen, text))
    ordered, disordered = np.reshape(after, (-1, 2)).T
    alike = np.zeros((n, 256), np.float32)
    nats = cross_entropy_rounding(alike, probabilities(alike), alike[:, 0].astype(int), alike.dtype, reduction="sum")
    allowed = nats * (1 / math.log(2) / n) + windows_rounding(8.0, n)
    return all_of(
        equal(before, 8.0, within=allowed),
        at_least(disordered, 1 - spare / n),
        less(ordered, 1 - spare / n).measuring(
            in_turn=f"{ordered.max():.2f} bits a letter at most", in_no_order=f"{disordered.min():.2f} bits at least"
        ),
    )


@learns_order.property(plans(), effort=0.2)
def start_takes_log_of_the_vocabulary(ops: Operations, text: str, plan: Any) -> Any:
    # Before training, with merges too: every token takes the same.
    start = ops.start_language_model(text, ops.Plan(**plan))
    model = ops.language_model(start)
    count, size = len(model.tokenizer.encode(text)), len(text.encode())
    vocabulary = len(model.tokenizer.vocabulary)
    alike = np.zeros((count, vocabulary), np.float32)
    nats = cross_entropy_rounding(alike, probabilities(alike), np.zeros(count, int), alike.dtype, reduction="sum")
    true = count * math.log2(vocabulary) / size
    allowed = nats * (1 / math.log(2) / size) + windows_rounding(true, count)
    return equal(model.bits_per_byte(text), true, within=allowed)


resuming_changes_nothing = Claim(
    "language_model.resuming_changes_nothing",
    statement="A text and a plan train one model, bit for bit, and another seed another one; so does a training that "
    "was stopped after any step, written to a file, read again and continued.",
    formula=r"\theta_n \text{ through a file after } k \text{ steps} = \theta_n",
    needs=("Plan", "start_language_model", "train_language_model", "save_checkpoint", "load_checkpoint"),
    refuted_by=(
        wrong.momentum_lost, wrong.draws_from_the_beginning, wrong.counts_its_own_steps, wrong.seed_of_the_clock,
        wrong.seed_ignored,
    ),
)  # fmt: skip


@resuming_changes_nothing.property(plans(), stop=st.integers(1, 2), effort=0.2)
def resumed_training_matches_uninterrupted(ops: Operations, text: str, plan: Any, stop: int) -> Any:
    stop = min(stop, plan["steps"] - 1)
    seeds = plan["seed"], plan["seed"], plan["seed"] + 1
    start, again, other = (ops.start_language_model(text, ops.Plan(**{**plan, "seed": s})) for s in seeds)
    whole = ops.train_language_model(text, start)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.ckpt"
        stopped = ops.train_language_model(text, again, progress=lambda now, _loss: now.step == stop)
        ops.save_checkpoint(path, stopped)
        resumed = ops.train_language_model(text, ops.load_checkpoint(path))
    return all_of(
        equal(stopped.step, stop),
        equal(parts_of(resumed) == parts_of(whole), True),
        *(identical(resumed.params[name], p) for name, p in whole.params.items()),
        *(identical(resumed.state[name], s) for name, s in whole.state.items()),
        differs(start.params["embedding"], other.params["embedding"]),
    )


# Going on with a text.

continues_its_prompt = Claim(
    "language_model.continues_its_prompt",
    statement="What is written is what the transformer generates after the tokens of the prompt, or of a line end if "
    "that is empty, turned back into text; bytes that are no text show as �, and the same seed writes the same.",
    formula=r"\mathrm{decode}(\mathrm{generate}(\mathrm{encode}(\text{prompt})))",
    needs=("Plan", "start_language_model", "language_model", "generate"),
    limits=Limits(options=("rope_base",), formats=SHORT_FORMATS),
    rests_on=("transformer.writes_what_it_predicts",),
    refuted_by=(
        wrong.prompt_repeated, wrong.prompt_not_read, wrong.broken_bytes_dropped, wrong.always_the_winner,
        wrong.own_random_numbers,
    ),
)  # fmt: skip


@continues_its_prompt.property(
    plans(), seed=st.integers(0, 99), prompt=st.text(LETTERS, max_size=4), count=st.integers(0, 8),
    temperature=st.sampled_from([0.0, 1.0, 4.0]), effort=0.4,
)  # fmt: skip
def continuation_is_generated_tokens(
    ops: Operations, text: str, plan: Any, seed: int, prompt: str, count: int, temperature: float
) -> Any:
    checkpoint = at_work(ops, text, plan, seed)
    model, rngs = ops.language_model(checkpoint), (np.random.default_rng(seed) for _ in range(2))
    ids = model.tokenizer.encode(prompt or "\n")
    new = ops.generate(checkpoint.params, ids, count, num_heads=2, temperature=temperature, rng=next(rngs))
    written = b"".join(model.tokenizer.vocabulary[i] for i in new).decode("utf-8", "replace")
    said = model.continue_text(prompt, count, temperature=temperature, rng=next(rngs))
    return all_of(
        same(said, written), same(model.continue_text(prompt, count), model.continue_text(prompt or "\n", count))
    )


# What makes no sense.

ENTRIES = ("word_bigram", "start_language_model", "train_language_model", "language_model")

refusals = Claim(
    "language_model.refuses_what_does_not_fit",
    statement="A bigram of fewer than two words, the bits of an empty text, a width that the heads cannot share, a "
    "batch that the shards cannot, a text shorter than one context, a checkpoint of another text or of something else: "
    "each is an error that says so.",
    formula=r"\text{arguments that do not fit} \Rightarrow \text{an error}",
    needs=("Plan", "Checkpoint", *ENTRIES),
    refuted_by=(*map(answers_anyway, ENTRIES), wrong.empty_text_is_free, wrong.nothing_costs_nothing),
)


@refusals.exact(plans(), word=st.sampled_from(["", "word", "...", " "]), effort=0.1)
def misuse_is_refused(ops: Operations, text: str, plan: Any, word: str) -> Any:
    def start(**changes: Any) -> Any:
        return ops.start_language_model(text, ops.Plan(**{**plan, **changes}))

    right = start()
    model, bigram = ops.language_model(right), ops.word_bigram("a b")
    foreign = ops.Checkpoint(right.params, right.state, right.rng_state, 0, {})
    strange = ops.Checkpoint(right.params, right.state, right.rng_state, 0, {"plan": {"height": 3}})
    return all_of(
        raises(lambda: ops.word_bigram(word), ValueError, saying=("two words", repr(word))),
        raises(lambda: bigram.bits_per_byte(""), ValueError, saying=("empty",)),
        raises(lambda: model.bits_per_byte("", text), ValueError, saying=("empty",)),
        raises(lambda: start(num_heads=3), ValueError, saying=("width", "num_heads", "4 and 3")),
        raises(lambda: start(shards=3), ValueError, saying=("batch", "shards", f"{plan['batch']} and 3")),
        raises(lambda: start(context=999), ValueError, saying=("more than 999 tokens",)),
        raises(lambda: ops.train_language_model(text + "a", right), ValueError, saying=("another text",)),
        raises(lambda: ops.train_language_model(text, foreign), ValueError, saying=("language model",)),
        raises(lambda: ops.language_model(strange), ValueError, saying=("language model",)),
    )


# Options left out.


@domain
def long_texts(draw: Draw, target: Target) -> dict[str, Any]:
    """A text of many blocks, whatever the size of a block."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return {"text": "\n\n".join("a" * int(n) for n in rng.integers(1, 5000, 40))}


split_options = defaults(
    Called("split_text", long_texts(), Limits(options=("block", "every"))), block=(4000, 1000), every=(10, 5)
)
