"""Language models on real text: what properties cannot say."""

import dataclasses
import errno
import os
import re
import signal
import subprocess
import sys

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
        (("train", "text.txt", "--resume", "--checkpoint", "cut.ckpt"), "it is damaged"),
        (("generate", "cut.ckpt"), "it is damaged"),
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
    assert "--steps was 2, got 3" in " ".join(result.output.split())


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


# Long work and its file.


@pytest.fixture
def quick(run, monkeypatch):
    """The command with two steps that change nothing, each called back; the second may be given something to do."""
    import mathcore.cli.training as cli
    import mathcore.language_models.language_models as lm

    def two_steps(_, start, *, progress):
        for step in (1, 2):
            state = dataclasses.replace(start, step=step)
            if step == 2:
                meanwhile.pop()()
            progress(state, 1.0)
        return state

    monkeypatch.setattr(cli, "_SAVE_EVERY", 0)
    monkeypatch.setattr(lm, "train_language_model", two_steps)
    monkeypatch.setattr(lm.LanguageModel, "bits_per_byte", lambda *_: 8.0)
    meanwhile = []

    def call(*args, then=lambda: None):
        meanwhile[:] = [then]
        result = run("train", "text.txt", "--checkpoint", "e.ckpt", *args)
        return result.exit_code, " ".join(result.output.split())

    return call


def left(folder):
    return sorted(p.name for p in folder.iterdir() if p.name != "text.txt")


def test_the_place_of_the_checkpoint_is_tried_before_the_work(run, tmp_path, monkeypatch):
    import mathcore.language_models.text as texts
    from mathcore import _files

    monkeypatch.setattr(texts, "split_text", lambda _: pytest.fail("the work has begun"))
    (tmp_path / "folder").mkdir()
    for place, words in {
        "missing/m.ckpt": "there is no folder",
        "folder": "Is a directory",
        "text.txt/m.ckpt": "there is no folder",
        "x" * 250: "File name too long",
    }.items():
        result = run("train", "text.txt", "--checkpoint", place)
        assert (result.exit_code, words in " ".join(result.output.split())) == (2, True), result.output

    def read_only(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(_files, "_reserve", read_only)  # whoever runs this may write everywhere
    result = run("train", "text.txt")
    assert (result.exit_code, "Permission denied" in result.output) == (2, True)
    assert left(tmp_path) == ["folder"]


def test_no_room_for_the_checkpoint_is_said_before_the_work(quick, tmp_path, monkeypatch):
    from mathcore import _files

    def full(file, size):
        if size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(_files, "_reserve", full)
    code, output = quick(then=lambda: pytest.fail("the work has begun"))
    assert code == 1
    assert re.search(r"e\.ckpt takes [\d,]+ bytes: No space left on device", output)
    assert left(tmp_path) == []


@pytest.mark.parametrize("recovers", [False, True])
def test_a_full_disk_is_said_and_training_goes_on(quick, tmp_path, monkeypatch, recovers):
    failures = [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))] * (1 if recovers else 9)

    def fill():
        monkeypatch.setattr(os, "fsync", lambda _: failures and (_ for _ in ()).throw(failures.pop()))

    code, output = quick(then=fill)
    assert "the checkpoint of step 2 cannot be written: No space left on device; the one before stays" in output
    assert f"2 of 500 steps, {'written to e.ckpt' if recovers else 'not written'}" in output
    assert "held-out loss 8.000" in output
    assert code == (0 if recovers else 1)
    assert mc.load_checkpoint(tmp_path / "e.ckpt").step == (2 if recovers else 1)
    assert left(tmp_path) == ["e.ckpt"]


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="other signals")
@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)])
def test_a_signal_ends_the_training_with_what_there_is(quick, tmp_path, name, status):
    number = getattr(signal, name)
    usual = signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL
    inherited = signal.signal(number, usual)  # a job in the background, or one of nohup, ignores some
    try:
        code, output = quick(then=lambda: os.kill(os.getpid(), number))
        assert (code, "stopped after 1 steps; --resume continues" in output) == (status, True), output
        assert mc.load_checkpoint(tmp_path / "e.ckpt").step == 1
        assert left(tmp_path) == ["e.ckpt"]
        assert signal.getsignal(number) == usual
    finally:
        signal.signal(number, inherited)


def test_a_signal_in_the_midst_of_writing_leaves_no_half_file(quick, tmp_path, monkeypatch):
    sync = os.fsync

    def killed(descriptor):
        monkeypatch.setattr(os, "fsync", sync)
        os.kill(os.getpid(), signal.SIGTERM)

    code, _ = quick(then=lambda: monkeypatch.setattr(os, "fsync", killed))
    assert code == 143
    assert mc.load_checkpoint(tmp_path / "e.ckpt").step == 2
    assert left(tmp_path) == ["e.ckpt"]


def test_an_interrupt_before_the_first_step_writes_nothing(quick, tmp_path, monkeypatch):
    import mathcore.language_models.language_models as lm

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(lm, "start_language_model", interrupted)
    code, output = quick()
    assert (code, output) == (130, "stopped before the first step; nothing was written")
    assert left(tmp_path) == []


def test_two_trainings_do_not_write_one_file(quick, tmp_path):
    from mathcore._files import only_writer

    (tmp_path / ".e.ckpt.01234567.tmp").write_text("what a killed training left")
    (tmp_path / "link.ckpt").symlink_to(tmp_path / "e.ckpt")
    with only_writer(tmp_path / "link.ckpt"):
        code, output = quick()
        assert code == 2
        assert "another training writes to e.ckpt: wait for its end, or take another --checkpoint" in output
    assert quick()[0] == 0
    assert left(tmp_path) == ["e.ckpt", "link.ckpt"]


def test_a_killed_writer_locks_nobody_out(tmp_path):
    from mathcore._files import only_writer

    pytest.importorskip("fcntl")
    code = (
        "import os, signal, sys; from mathcore._files import only_writer\n"
        "with only_writer(sys.argv[1]): os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "e.ckpt")])
    assert done.returncode == -signal.SIGKILL
    assert left(tmp_path) == [".e.ckpt.lock"]
    with only_writer(tmp_path / "e.ckpt"):
        assert left(tmp_path) == [".e.ckpt.lock"]
    assert left(tmp_path) == []


def test_where_there_are_no_locks_nobody_is_kept_out(tmp_path, monkeypatch):
    from mathcore._files import only_writer

    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", None)
    with only_writer(tmp_path / "e.ckpt"), only_writer(tmp_path / "e.ckpt"):
        pass
    assert left(tmp_path) == []


def test_options_that_a_training_began_with_stay(quick, tmp_path):
    assert quick("--steps", "5", "--seed", "3")[0] == 0
    (tmp_path / "text.txt").write_text(text(12, seed=1))
    code, output = quick("--resume", "--steps", "6", "--seed", "4")
    assert code == 2
    assert "which --resume keeps: --steps was 5, got 6; --seed was 3, got 4; FILE was a text with SHA-256 " in output
    (tmp_path / "text.txt").write_text(text(12))
    assert quick("--resume", "--steps", "5", "--seed", "3")[0] == 0
    assert quick("--resume")[0] == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"plan": {"steps": 3}}, "not of a language model"),
        ({"plan": {**dataclasses.asdict(PLAN), "steps": "3"}}, "not of a language model"),
        ({"text": None}, "not of a language model"),
        ({"tokenizer": {"merges": []}}, "expected an object with format"),
    ],
)
def test_a_checkpoint_of_something_else_is_no_language_model(change, words):
    start = mc.start_language_model("The cat sat on the mat.", dataclasses.replace(PLAN, merges=0))
    with pytest.raises(ValueError, match=words):
        mc.LanguageModel.of(dataclasses.replace(start, config={**start.config, **change}))
