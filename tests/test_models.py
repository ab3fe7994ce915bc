"""Language models on real text: what properties cannot say."""

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
    return mc.course.split_text(text())


@pytest.fixture(scope="module")
def trained(seen_and_held_out):
    return mc.train_language_model(seen_and_held_out[0], mc.start_language_model(seen_and_held_out[0], PLAN))


def test_training_lowers_the_held_out_loss(trained, seen_and_held_out):
    seen, held_out = seen_and_held_out
    before = mc.LanguageModel.of(mc.start_language_model(seen, PLAN)).bits_per_byte(held_out[:2000], seen)
    assert mc.LanguageModel.of(trained).bits_per_byte(held_out[:2000], seen) < before - 0.5


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
        (("train", "text.txt", "--checkpoint", "cut.ckpt"), "exists already"),
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
    import mathcore.language_models.language_models as lm

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
