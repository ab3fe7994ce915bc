"""Language models that are wrong on purpose: what the claims about them must refute."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from mathcore.tokenizers.byte_pairs_mutants import Changed
from mathcore.verify.claims import Mutant, mutant

Operation = Callable[..., Any]


# The text.


@mutant("default_text")
def repeats_kept() -> str:
    """Keeps what several topics repeat word for word."""
    from pydoc_data.topics import topics

    return "\n\n".join(re.sub(r"\n{2,}", "\n\n", topic.strip("\n")) for topic in topics.values())


@mutant("default_text", wraps=True)
def in_order_of_the_alphabet(correct: Operation) -> Operation:
    """Sorts the paragraphs: no sentence follows from the one before it."""
    return lambda: "\n\n".join(sorted(correct().split("\n\n")))


@mutant("default_text", wraps=True)
def lines_once(correct: Operation) -> Operation:
    """Drops every line that was there before, not every paragraph."""

    def wrong() -> str:
        lines = correct().split("\n")
        first = {line: i for i, line in reversed(list(enumerate(lines)))}
        return "\n".join(line for i, line in enumerate(lines) if not line or first[line] == i)

    return wrong


@mutant("split_text", wraps=True)
def end_held_out(correct: Operation) -> Operation:
    """Holds out the end of the text: another subject than what is trained on."""

    def wrong(text: str, **options: Any) -> Any:
        size = len(correct(text, **options)[0])
        return text[:size], text[size:]

    return wrong


@mutant("split_text", wraps=True)
def held_out_is_read_too(correct: Operation) -> Operation:
    """Trains on the whole text, what is held out included."""
    return lambda text, **options: (text, correct(text, **options)[1])


@mutant("split_text", wraps=True)
def first_held_out(correct: Operation) -> Operation:
    """Holds out the first block of so many, not the last."""

    def wrong(text: str, *, block: int = 4000, every: int = 10) -> Any:
        blocks = _blocks(text, block)
        correct(text, block=block, every=every)
        seen = "".join(b for i, b in enumerate(blocks) if i % every)
        return seen, "".join(blocks[::every])

    return wrong


@mutant("split_text")
def nothing_is_a_block(text: str, *, block: int = 4000, every: int = 10) -> tuple[str, str]:
    """Takes what stands behind the last blank line, which is nothing, for a block, and may hold that out."""
    blocks = _blocks(text, block) or [""]
    if blocks[-1].endswith("\n\n") and len(blocks[-1]) >= block:
        blocks.append("")
    if len(blocks) < every:
        raise ValueError(f"the text must have {every} blocks, it has {len(blocks)}")
    return "".join(b for i, b in enumerate(blocks, 1) if i % every), "".join(blocks[every - 1 :: every])


@mutant("split_text")
def cut_anywhere(text: str, *, block: int = 4000, every: int = 10) -> tuple[str, str]:
    """Cuts after so many characters, in the middle of a word."""
    blocks = [text[i : i + max(block, 1)] for i in range(0, len(text), max(block, 1))]
    if len(blocks) < every:
        raise ValueError(f"the text must have {every} blocks, it has {len(blocks)}")
    return "".join(b for i, b in enumerate(blocks, 1) if i % every), "".join(blocks[every - 1 :: every])


def _blocks(text: str, block: int) -> list[str]:
    blocks: list[str] = []
    for paragraph in re.findall(r"(?s).*?\n\n|.+", text):
        if not blocks or len(blocks[-1]) >= block:
            blocks.append("")
        blocks[-1] += paragraph
    return blocks


# The bigram.


def bigram(change: Callable[[Any, list[str]], None]) -> Mutant:
    """A bigram that `change` spoils after its training; it is told the words as well."""

    def wrap(correct: Operation) -> Operation:
        def wrong(text: str) -> Any:
            made = correct(text)
            change(made, [right for _, right in made.pairs.elements()])
            return made

        return wrong

    wrap.__name__, wrap.__doc__ = change.__name__, change.__doc__
    return mutant("word_bigram", wraps=True)(wrap)


def _set(made: Any, **attributes: Any) -> None:
    for name, value in attributes.items():
        object.__setattr__(made, name, value)


@bigram
def counts_not_kinds(made: Any, rights: list[str]) -> None:
    """Counts how often a word occurred where it should count the different words before it: "Francisco" is likely."""
    _set(made, predecessors=Counter(rights))


@bigram
def followers_counted_each_time(made: Any, rights: list[str]) -> None:
    """Counts every occurrence of a follower, so that more is given away than was taken."""
    _set(made, followers=made.before)


@bigram
def pairs_lose_nothing(made: Any, rights: list[str]) -> None:
    """Takes no discount from pairs of words, and still gives it away: all words together are above 1."""
    raised: Counter[Any] = Counter({pair: count + 0.75 for pair, count in made.pairs.items()})
    _set(made, pairs=raised)


@bigram
def spelled_from_one_byte(made: Any, rights: list[str]) -> None:
    """Spells with the one byte before, not with two."""
    _set(made, spelling={run: counts for run, counts in made.spelling.items() if len(run) < 2})


@bigram
def end_costs_nothing(made: Any, rights: list[str]) -> None:
    """Leaves out the end of a word: the spellings of all words together are above 1."""
    at_end = {run: Counter({b: c for b, c in counts.items() if b < 256}) for run, counts in made.spelling.items()}
    _set(made, spelling={run: counts for run, counts in at_end.items() if counts})


@bigram
def frequent_words_spell_more(made: Any, rights: list[str]) -> None:
    """Learns to spell from running text: a word counts as often as it occurs."""
    often = Counter(rights)
    spelling = {run: Counter(counts) for run, counts in made.spelling.items()}
    for word, count in often.items():
        letters = [-1, -1, *word.encode("utf-8", "surrogatepass"), 256]
        for i in range(2, len(letters)):
            for start in (i - 2, i - 1, i):
                spelling[tuple(letters[start:i])][letters[i]] += count - 1
    _set(made, spelling=spelling)


@mutant("word_bigram", wraps=True)
def per_character(correct: Operation) -> Operation:
    """Divides by characters where it should divide by bytes."""

    def wrong(text: str) -> Any:
        made = correct(text)
        return Changed(made, bits_per_byte=lambda text: made.bits_per_byte(text) * _bytes(text) / len(text))

    return wrong


@mutant("word_bigram", wraps=True)
def in_nats(correct: Operation) -> Operation:
    """Gives natural logarithms for bits."""

    def wrong(text: str) -> Any:
        made = correct(text)
        return Changed(made, bits_per_byte=lambda text: made.bits_per_byte(text) * math.log(2))

    return wrong


@mutant("word_bigram", wraps=True)
def long_words_vanish(correct: Operation) -> Operation:
    """Multiplies probabilities before it takes the logarithm: a long word has 0, and is taken for 1,074 bits."""

    def wrong(text: str) -> Any:
        made = correct(text)

        def bits_per_byte(text: str) -> Any:
            bits = made.bits_per_byte(text)
            return min(bits, 1074 / _bytes(text)) if re.fullmatch(r"\w+", text) else bits

        return Changed(made, bits_per_byte=bits_per_byte)

    return wrong


def _for_free(pattern: str, name: str, note: str) -> Mutant:
    """A bigram that takes what matches out of a text before it counts its bits."""

    def wrap(correct: Operation) -> Operation:
        def wrong(text: str) -> Any:
            made = correct(text)

            def bits_per_byte(text: str) -> Any:
                rest = re.sub(pattern, "", text)
                return made.bits_per_byte(rest) * _bytes(rest) / _bytes(text) if rest else made.bits_per_byte(text)

            return Changed(made, bits_per_byte=bits_per_byte)

        return wrong

    return Mutant("word_bigram", name, note, wrap)


tabs_for_free = _for_free(r"[^\S \n]", "tabs_for_free", "Counts no white space but spaces and line ends.")
marks_for_free = _for_free(r"[^\w\s.]", "marks_for_free", "Counts no marks but periods.")


@mutant("word_bigram", wraps=True)
def nothing_costs_nothing(correct: Operation) -> Operation:
    """Says 0 bits a byte for a text without bytes."""

    def wrong(text: str) -> Any:
        made = correct(text)
        return Changed(made, bits_per_byte=lambda text: made.bits_per_byte(text) if text else 0.0)

    return wrong


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


# The loss.


def model(name: str) -> Callable[[Callable[..., Any]], Mutant]:
    """A mutant whose method of that name is the decorated function; it is told the model first."""

    def decorate(method: Callable[..., Any]) -> Mutant:
        def wrap(correct: Operation) -> Operation:
            def wrong(checkpoint: Any) -> Any:
                made = correct(checkpoint)
                return Changed(made, **{name: lambda *args, **options: method(made, *args, **options)})

            return wrong

        wrap.__name__, wrap.__doc__ = method.__name__, method.__doc__
        return mutant("language_model", wraps=True)(wrap)

    return decorate


@model("bits_per_byte")
def model_in_nats(made: Any, text: str, before: str = "") -> Any:
    """Gives natural logarithms for bits."""
    return made.bits_per_byte(text, before) * math.log(2)


@model("bits_per_byte")
def per_token(made: Any, text: str, before: str = "") -> Any:
    """Gives bits a token: a model looks better the shorter its tokens are."""
    return made.bits_per_byte(text, before) * _bytes(text) / len(made.tokenizer.encode(text))


@model("bits_per_byte")
def model_per_character(made: Any, text: str, before: str = "") -> Any:
    """Divides by characters where it should divide by bytes."""
    return made.bits_per_byte(text, before) * _bytes(text) / len(text)


@model("bits_per_byte")
def first_for_nothing(made: Any, text: str, before: str = "") -> Any:
    """Does not count the first token, which nothing predicts."""
    given = math.log2(len(made.tokenizer.vocabulary)) / _bytes(text)
    return made.bits_per_byte(text, before) - (0 if before else given)


@model("bits_per_byte")
def what_stood_before_is_forgotten(made: Any, text: str, before: str = "") -> Any:
    """Reads every text as if it were the beginning."""
    return made.bits_per_byte(text)


@model("bits_per_byte")
def looks_back_on_one(made: Any, text: str, before: str = "") -> Any:
    """Predicts every token from the one before it alone."""
    return replace(made, context=1).bits_per_byte(text, before)


@model("bits_per_byte")
def looks_back_by_characters(made: Any, text: str, before: str = "") -> Any:
    """Reads 8 characters of what stood before for each token of the context, whatever they are tokens of."""
    return made.bits_per_byte(text, before[-8 * made.context :])


@model("bits_per_byte")
def empty_text_is_free(made: Any, text: str, before: str = "") -> Any:
    """Says 0 bits a byte for a text without bytes."""
    return made.bits_per_byte(text, before) if text else 0.0


# Training: mistakes in what a step depends on.


def training(change: Callable[[Any], Any]) -> Mutant:
    """A training that begins at what `change` makes of the checkpoint it is given."""

    def wrap(correct: Operation) -> Operation:
        return lambda text, start, **options: correct(text, change(start), **options)

    wrap.__name__, wrap.__doc__ = change.__name__, change.__doc__
    return mutant("train_language_model", wraps=True)(wrap)


def _planned(start: Any, **changes: Any) -> Any:
    plan = {**start.config["plan"], **changes}
    return replace(start, config={**start.config, "plan": plan})


@training
def decay_forgotten(start: Any) -> Any:
    """Lets no matrix shrink by itself."""
    return _planned(start, decay=0.0)


@training
def no_warmup(start: Any) -> Any:
    """Starts at the highest rate."""
    return _planned(start, warmup=0)


@training
def first_shard_alone(start: Any) -> Any:
    """Learns from the first part of each batch, and drops the others."""
    plan = start.config["plan"]
    return _planned(start, batch=plan["batch"] // plan["shards"], shards=1)


@training
def usual_second_moment(start: Any) -> Any:
    """Averages squares as long as Adam usually does, whatever the plan says."""
    return _planned(start, beta2=0.999)


@training
def decay_hard_coded(start: Any) -> Any:
    """Decays by 1, whatever the plan says."""
    return _planned(start, decay=1.0)


@training
def second_moment_hard_coded(start: Any) -> Any:
    """Averages squares by 0.99, whatever the plan says."""
    return _planned(start, beta2=0.99)


@training
def momentum_lost(start: Any) -> Any:
    """Begins with an optimiser that remembers nothing."""
    return replace(start, state={name: value * 0 for name, value in start.state.items()})


@training
def draws_from_the_beginning(start: Any) -> Any:
    """Draws the batches of the first steps again after a stop."""
    return replace(start, rng_state=np.random.default_rng(start.config["plan"]["seed"]).bit_generator.state)


@training
def counts_its_own_steps(start: Any) -> Any:
    """Counts steps from the stop: the rate climbs again, and there are too many of them."""
    return replace(start, step=0)


@mutant("start_language_model", wraps=True)
def seed_of_the_clock(correct: Operation) -> Operation:
    """Starts every training from other random numbers."""
    calls = iter(range(1_000_000))
    return lambda text, plan: correct(text, replace(plan, seed=plan.seed + 1 + next(calls)))


@mutant("start_language_model", wraps=True)
def seed_ignored(correct: Operation) -> Operation:
    """Starts every training from the same random numbers, whatever the seed."""
    return lambda text, plan: correct(text, replace(plan, seed=0))


@training
def never_trained(start: Any) -> Any:
    """Takes steps of length 0."""
    return _planned(start, rate=0.0)


@training
def trained_uphill(start: Any) -> Any:
    """Goes along the gradient, not against it."""
    return _planned(start, rate=-start.config["plan"]["rate"])


# Going on with a text.


@model("continue_text")
def prompt_repeated(made: Any, prompt: str, count: int, **options: Any) -> Any:
    """Returns the prompt and what comes after it."""
    return prompt + made.continue_text(prompt, count, **options)


@model("continue_text")
def prompt_not_read(made: Any, prompt: str, count: int, **options: Any) -> Any:
    """Goes on from a line end, whatever the prompt."""
    return made.continue_text("", count, **options)


@model("continue_text")
def broken_bytes_dropped(made: Any, prompt: str, count: int, **options: Any) -> Any:
    """Leaves out bytes that are no UTF-8, as if the model had not written them."""
    return made.continue_text(prompt, count, **options).replace("\ufffd", "")


@model("continue_text")
def always_the_winner(made: Any, prompt: str, count: int, **options: Any) -> Any:
    """Takes the highest score at every temperature."""
    return made.continue_text(prompt, count)


@model("continue_text")
def own_random_numbers(made: Any, prompt: str, count: int, **options: Any) -> Any:
    """Draws from random numbers of its own."""
    return made.continue_text(prompt, count, **{**options, "rng": np.random.default_rng(0)})
