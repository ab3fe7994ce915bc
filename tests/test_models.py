"""Language models on real text: what properties cannot say."""

import math
import re

import numpy as np
import pytest
from click.testing import CliRunner

import mathcore as mc
from mathcore.cli import main

WORDS = ["the", "cat", "dog", "sat", "on", "mat", "ate", "a", "fish", "bird", "flew", "over", "tree", "and", "then"]
PLAN = mc.Plan(
    merges=40,
    width=16,
    num_layers=1,
    num_heads=2,
    hidden=16,
    context=16,
    batch=4,
    shards=2,
    steps=30,
    warmup=3,
    rate=0.02,
)


def text(blocks=30, seed=0):
    rng = np.random.default_rng(seed)
    return "\n\n".join(" ".join(rng.choice(WORDS, 1200)) + "." for _ in range(blocks))


@pytest.fixture(scope="module")
def seen_and_held_out():
    return mc.split_text(text())


@pytest.fixture(scope="module")
def trained(seen_and_held_out):
    return mc.train_language_model(seen_and_held_out[0], mc.start_language_model(seen_and_held_out[0], PLAN))


def test_the_default_text_is_there_and_repeats_no_paragraph():
    paragraphs = mc.default_text().split("\n\n")
    assert len(paragraphs) == len(set(paragraphs)) > 1000


def test_the_split_is_the_whole_text_and_nothing_twice():
    whole = mc.default_text()
    seen, held_out = mc.split_text(whole)
    assert len(seen) + len(held_out) == len(whole)
    assert 0.05 < len(held_out) / len(whole) < 0.15
    assert not {p for p in held_out.split("\n\n") if len(p) > 80} & set(seen.split("\n\n"))


def test_a_text_too_short_to_split_is_an_error():
    with pytest.raises(ValueError, match=r"10 blocks of 4000 characters.* it has 1"):
        mc.split_text("too short")


def test_the_bigram_is_a_distribution_over_known_words_and_the_mass_of_new_ones():
    bigram = mc.WordBigram.train("the cat sat on the mat. the dog sat on the cat.")
    known = list(bigram.predecessors)
    for before in ("the", " cat", "unseen"):
        total = sum(bigram.probability(w, before) for w in known)
        assert 0.2 < total < 1
        # What known words leave goes to words spelled letter by letter, which weigh less than 1 together.
        assert bigram.probability(" zebra", before) > 0
    assert bigram.probability(" cat", " the") > bigram.probability(" mat", " sat")


def test_the_spelling_of_all_short_words_sums_to_less_than_one():
    bigram = mc.WordBigram.train("a b ab ba a b")
    ends = sum(bigram.spelled("".join(w)) for w in ["", *"ab", "aa", "ab", "ba", "bb"])
    assert 0 < ends <= 1


def test_the_bigram_counts_in_bits_per_byte():
    bigram = mc.WordBigram.train("ab ab ab")
    p = bigram.probability("é", "")
    assert bigram.bits_per_byte("é") == pytest.approx(-math.log2(p) / 2)


@pytest.mark.parametrize(
    "call", [lambda: mc.WordBigram.train("word"), lambda: mc.WordBigram.train("a b").bits_per_byte("")]
)
def test_texts_without_pairs_or_bytes_are_errors(call):
    with pytest.raises(ValueError, match=r"two words|empty text"):
        call()


def test_the_loss_is_what_one_window_gives(trained, seen_and_held_out):
    model, short = mc.LanguageModel.of(trained), seen_and_held_out[1][:12]
    ids = model.tokenizer.encode(short)
    assert len(ids) <= model.context // 2
    scores = mc.transformer(model.params, ids[:-1], num_heads=model.num_heads)
    nats = float(mc.cross_entropy(scores, ids[1:], reduction="sum")) + math.log(len(model.tokenizer.vocabulary))
    assert model.bits_per_byte(short) == pytest.approx(nats / math.log(2) / 12, rel=1e-5)


def test_training_lowers_the_held_out_loss(trained, seen_and_held_out):
    seen, held_out = seen_and_held_out
    before = mc.LanguageModel.of(mc.start_language_model(seen, PLAN)).bits_per_byte(held_out[:2000], seen)
    assert mc.LanguageModel.of(trained).bits_per_byte(held_out[:2000], seen) < before - 0.5


def test_a_stop_changes_no_bit(trained, seen_and_held_out, tmp_path):
    seen, _ = seen_and_held_out
    stopped = mc.train_language_model(
        seen, mc.start_language_model(seen, PLAN), progress=lambda now, loss: now.step == 5
    )
    assert stopped.step == 5
    mc.save_checkpoint(tmp_path / "c", stopped)
    resumed = mc.train_language_model(seen, mc.load_checkpoint(tmp_path / "c"))
    assert resumed.step == trained.step
    assert all((resumed.params[n] == p).all() for n, p in trained.params.items())


def test_another_text_and_another_checkpoint_are_refused(trained, seen_and_held_out):
    with pytest.raises(ValueError, match="another text"):
        mc.train_language_model(text(seed=1), trained)
    foreign = mc.Checkpoint.start({"w": np.ones(1)}, mc.SGD(1.0), np.random.default_rng(0))
    with pytest.raises(ValueError, match="not of a language model"):
        mc.LanguageModel.of(foreign)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"num_heads": 3}, "`width` must be a multiple of `num_heads`, got 16 and 3"), ({"shards": 3}, "got 4 and 3"),
     ({"context": 10**6}, "more than 1000000 tokens")],
)  # fmt: skip
def test_plans_that_do_not_work_out_are_errors(change, words):
    from dataclasses import replace

    with pytest.raises(ValueError, match=re.escape(words)):
        mc.start_language_model(text(2), replace(PLAN, **change))


def test_without_threadpoolctl_it_trains_all_the_same(seen_and_held_out, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    start = mc.start_language_model(seen_and_held_out[0], PLAN)
    assert mc.train_language_model(seen_and_held_out[0], start, progress=lambda now, loss: True).step == 1


# The commands.


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(text(12))
    return lambda *args: CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"}).invoke(main, args)


def test_train_resume_and_generate(run, tmp_path):
    whole = run("train", "text.txt", "--steps", "2", "--checkpoint", "a.ckpt")
    assert whole.exit_code == 0, whole.output
    assert re.search(r"held-out loss \d\.\d{3} bits per byte; a word bigram \d\.\d{3}", whole.output)
    part = run("train", "text.txt", "--steps", "2", "--minutes", "1e-9", "--checkpoint", "b.ckpt")
    assert "1 of 2 steps" in part.output
    rest = run("train", "text.txt", "--resume", "--checkpoint", "b.ckpt")
    assert rest.exit_code == 0, rest.output
    assert (tmp_path / "a.ckpt").read_bytes() == (tmp_path / "b.ckpt").read_bytes()
    one, again = (run("generate", "a.ckpt", "the cat", "--tokens", "5", "--seed", "3") for _ in range(2))
    assert one.output.startswith("the cat")
    assert one.output == again.output
    assert run("generate", "a.ckpt", "--tokens", "3", "--temperature", "0").exit_code == 0


def test_what_train_refuses(run, tmp_path):
    (tmp_path / "short.txt").write_text("short")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    (tmp_path / "cut.ckpt").write_bytes(b"mathcore checkpoint 1\nrest")
    (tmp_path / "other.ckpt").write_bytes(b"PK")
    cases = [
        (("train", "short.txt"), "it has 1"),
        (("train", "latin.txt"), "not UTF-8"),
        (("train", "text.txt", "--resume"), "there is no mathcore-model.ckpt"),
        (("train", "text.txt", "--checkpoint", "cut.ckpt"), "is there already"),
        (("train", "text.txt", "--resume", "--checkpoint", "cut.ckpt"), "damaged checkpoint"),
        (("generate", "cut.ckpt"), "damaged checkpoint"),
        (("generate", "other.ckpt"), "not a checkpoint"),
    ]
    for args, words in cases:
        result = run(*args)
        assert result.exit_code in (1, 2), args
        assert words in " ".join(result.output.split()), (args, result.output)


def test_resuming_with_other_steps_is_refused(run):
    run("train", "text.txt", "--steps", "2", "--minutes", "1e-9", "--checkpoint", "c.ckpt")
    result = run("train", "text.txt", "--steps", "3", "--resume", "--checkpoint", "c.ckpt")
    assert result.exit_code == 2
    assert "planned for 2 steps" in " ".join(result.output.split())


def test_an_interrupt_saves_what_there_is(run, tmp_path, monkeypatch):
    import mathcore.language_models as lm

    correct = lm.train_language_model

    def interrupted(seen, start, *, progress):
        def tick(state, loss):
            progress(state, loss)
            raise KeyboardInterrupt

        return correct(seen, start, progress=tick)

    monkeypatch.setattr(lm, "train_language_model", interrupted)
    result = run("train", "text.txt", "--steps", "3", "--checkpoint", "d.ckpt")
    assert result.exit_code == 130
    assert mc.load_checkpoint(tmp_path / "d.ckpt").step == 1
