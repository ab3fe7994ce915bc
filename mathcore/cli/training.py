"""`mathcore train` and `mathcore generate`: train a small language model, and sample text from it."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mathcore.cli.options import seed_option

if TYPE_CHECKING:
    from mathcore.training.checkpoint import Checkpoint

_SAVE_EVERY = 30.0  # seconds


@click.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path),
    default=Path("mathcore-model.ckpt"),
    show_default=True,
    help="The file of the model, written every half minute and at the end.",
)
@click.option("--resume", is_flag=True, help="Continue the training in the checkpoint, on the same FILE.")
@click.option("--steps", type=click.IntRange(min=1), help="Total number of steps; the plan's by default.")
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), help="Stop after this time; --resume continues."
)
@seed_option("Of all random numbers; 0 by default.", default=None, show_default=False)
def train(
    file: Path | None, checkpoint: Path, resume: bool, steps: int | None, minutes: float | None, seed: int | None
) -> None:
    """Train a small transformer on a UTF-8 text FILE; by default on the documentation topics of Python.

    A tenth of the text is held out. At the end, the loss on it is printed beside that of a word bigram model, in bits
    per byte. Stopping and resuming does not change the result in a single bit. Where the checkpoint cannot be written,
    the last one stays, training goes on, and half a minute later it is tried again.

    Exit status: 0 when the training ended, 1 when it failed or its end could not be written, 2 for a bad call, 130
    after Ctrl-C and 143 after SIGTERM, both with what there was in the checkpoint.
    """
    from mathcore.language_models.language_models import LanguageModel
    from mathcore.language_models.word_bigram import WordBigram

    console = Console()
    keeper = _Keeper(checkpoint, console)
    with _place_of(checkpoint), _signals_that_interrupt() as received:
        if checkpoint.exists() and not resume:
            raise click.UsageError(
                f"{checkpoint} exists already: --resume continues it, --checkpoint writes to another file"
            )
        if resume and not checkpoint.exists():
            raise click.UsageError(f"there is no {checkpoint} to resume")
        try:
            seen, held_out = _text(file)
            keeper.latest = _resumed(checkpoint, seen, steps, seed) if resume else _started(seen, steps, seed)
            keeper.check_room()
            latest = _trained(keeper, seen, keeper.latest, minutes)
            saved = keeper.save()
        except KeyboardInterrupt:
            _stop(keeper, 128 + received[-1])
        except (ValueError, FloatingPointError) as error:
            _fail(error)
    model = LanguageModel.of(latest).bits_per_byte(held_out, seen)
    bigram = WordBigram.train(seen).bits_per_byte(held_out)
    where = f"written to {checkpoint}" if saved else "not written"
    console.print(f"{latest.step} of {latest.config['plan']['steps']} steps, {where}", soft_wrap=True, highlight=False)
    console.print(f"held-out loss {model:.3f} bits per byte; a word bigram {bigram:.3f}", highlight=False)
    sys.exit(0 if saved else 1)


@click.command()
@click.argument("model", type=click.Path(exists=True, path_type=Path), metavar="CHECKPOINT | FOLDER")
@click.argument("prompt", required=False, default="")
@click.option("--tokens", type=click.IntRange(min=0), default=150, show_default=True, help="Number of tokens to add.")
@click.option(
    "--temperature",
    type=click.FloatRange(min=0),
    default=0.8,
    show_default=True,
    help="0 always takes the most probable token.",
)
@seed_option("Of the sampling; repeats an earlier call.", default=None, show_default=False)
def generate(model: Path, prompt: str, tokens: int, temperature: float, seed: int | None) -> None:
    """Continue PROMPT with the model in CHECKPOINT, or in a FOLDER as models are published.

    A FOLDER holds `config.json`, `model.safetensors` or its parts, and `tokenizer.json`; the families are Llama,
    Mistral, Qwen 3, Gemma 2 and 3, GPT-OSS without experts. It needs the package safetensors, and computes in float32.
    Special tokens count in PROMPT.
    """
    rng = np.random.default_rng(seed)
    try:
        text = (_of_folder if model.is_dir() else _of_checkpoint)(model, prompt, tokens, temperature, rng)
    except (ValueError, ImportError) as error:
        _fail(error)
    except LookupError as missing:
        raise click.ClickException(str(missing.args[0])) from missing
    except OSError as unread:
        raise click.ClickException(f"{unread.filename} cannot be read: {unread.strerror}") from unread
    click.echo(text)


def _of_checkpoint(path: Path, prompt: str, tokens: int, temperature: float, rng: np.random.Generator) -> str:
    from mathcore.language_models.language_models import LanguageModel
    from mathcore.training.checkpoint import load_checkpoint

    model = LanguageModel.of(load_checkpoint(path))
    return prompt + model.continue_text(prompt, tokens, temperature=temperature, rng=rng)


def _of_folder(folder: Path, prompt: str, tokens: int, temperature: float, rng: np.random.Generator) -> str:
    from mathcore.models.decoder import decoder_generate
    from mathcore.models.decoder_folder import load_decoder, tokens_that_end
    from mathcore.tokenizers.pretrained import load_tokenizer

    tokenizer, stop = load_tokenizer(folder / "tokenizer.json"), tokens_that_end(folder)
    ids = tokenizer.encode(prompt, allowed_special="all")
    if not ids.size:
        raise ValueError("PROMPT has no token, and the tokenizer puts none before it: there is nothing to continue")
    params, config = load_decoder(folder, dtype=np.float32)
    if (most := int(ids.max())) >= config.vocabulary:
        raise ValueError(f"{folder}: the tokenizer has a token {most}, the model {config.vocabulary} tokens")
    new = decoder_generate(params, ids, config, tokens, temperature=temperature, rng=rng, stop=stop)
    kept = new[:-1] if new.size and int(new[-1]) in stop else new
    before, whole = (tokenizer.decode(part, errors="replace") for part in (ids, np.concatenate([ids, kept])))
    return prompt + whole.removeprefix(before)


class _Keeper:
    """The latest checkpoint of a training, written from time to time.

    Attributes:
        latest: the checkpoint; None before the training has begun.
    """

    def __init__(self, path: Path, console: Console) -> None:
        self.path = path
        self.latest: Checkpoint | None = None
        self.console = console
        self._tried = time.monotonic()

    def check_room(self) -> None:
        """End the program if there is no room for one more checkpoint beside the one that is there."""
        from mathcore._files import check_place
        from mathcore.training.checkpoint import _content

        size = 0 if self.latest is None else len(_content(self.latest))
        try:
            check_place(self.path, size)
        except OSError as full:
            raise click.ClickException(f"{self.path} takes {size:,} bytes: {full.strerror}") from full

    def see(self, state: Checkpoint) -> None:
        """Take a new checkpoint, and write it if it is time."""
        self.latest = state
        if time.monotonic() - self._tried > _SAVE_EVERY:
            self.save()

    def save(self) -> bool:
        """Write the latest checkpoint; where that cannot be, say so and leave what is there."""
        from mathcore.training.checkpoint import save_checkpoint

        if self.latest is None:
            return False
        try:
            save_checkpoint(self.path, self.latest)
        except OSError as refused:
            left = "the one before stays" if self.path.exists() else "there is none yet"
            said = f"the checkpoint of step {self.latest.step} cannot be written: {refused.strerror}; {left}"
            self.console.print(said, soft_wrap=True, highlight=False)
            return False
        finally:
            self._tried = time.monotonic()
        return True


@contextlib.contextmanager
def _place_of(checkpoint: Path) -> Iterator[None]:
    """The place of the checkpoint, tried before the work begins, and this process the only one that writes there."""
    from mathcore._files import check_place, only_writer

    with contextlib.ExitStack() as held:
        try:
            check_place(checkpoint)
            held.enter_context(only_writer(checkpoint))
        except BlockingIOError as busy:
            said = f"another training writes to {checkpoint}: wait for its end, or take another --checkpoint"
            raise click.UsageError(said) from busy
        except OSError as refused:
            folder = checkpoint.resolve().parent
            why = refused.strerror if folder.is_dir() else f"there is no folder {folder}"
            raise click.UsageError(f"{checkpoint} cannot be written: {why}") from refused
        yield


@contextlib.contextmanager
def _signals_that_interrupt() -> Iterator[list[int]]:
    """SIGTERM and the end of the terminal end the training as Ctrl-C does.

    Yields the signals that came, Ctrl-C's to begin with.
    """
    received = [int(signal.SIGINT)]

    def interrupt(number: int, _: object) -> NoReturn:
        received.append(number)
        raise KeyboardInterrupt

    known = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    ours = [s for s in known if signal.getsignal(s) == signal.SIG_DFL]  # nohup ignores one, and so does this
    if threading.current_thread() is not threading.main_thread():
        ours = []
    for number in ours:
        signal.signal(number, interrupt)
    try:
        yield received
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _trained(keeper: _Keeper, text: str, start: Checkpoint, minutes: float | None) -> Checkpoint:
    """The checkpoint at the end of the plan, or of the time."""
    from mathcore.language_models.language_models import train_language_model

    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    with _progress(keeper.console) as bar:
        task = bar.add_task("", total=start.config["plan"]["steps"], completed=start.step)

        def tick(state: Checkpoint, loss: float) -> bool:
            bar.update(task, completed=state.step, description=f"loss {loss:.3f}")
            keeper.see(state)
            return deadline is not None and time.monotonic() > deadline

        return train_language_model(text, start, progress=tick)


def _stop(keeper: _Keeper, status: int) -> NoReturn:
    """End an interrupted training with what there is."""
    if keeper.latest is None:
        said = "stopped before the first step; nothing was written"
    elif keeper.save():
        said = f"stopped after {keeper.latest.step} steps; --resume continues"
    else:
        said, status = f"stopped after {keeper.latest.step} steps, which were not written", 1
    keeper.console.print(f"\n{said}", highlight=False)
    sys.exit(status)


def _text(file: Path | None) -> tuple[str, str]:
    """The text to train on, and the text held out."""
    from mathcore.language_models.text import default_text, split_text

    return split_text(default_text() if file is None else _read(file))


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file} is not UTF-8 text: {error}") from error
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}") from error


def _started(text: str, steps: int | None, seed: int | None) -> Checkpoint:
    from mathcore.language_models.language_models import Plan, start_language_model

    given = {"steps": steps, "seed": seed}
    return start_language_model(text, Plan(**{name: n for name, n in given.items() if n is not None}))


def _resumed(checkpoint: Path, text: str, steps: int | None, seed: int | None) -> Checkpoint:
    """The checkpoint to go on from; the result depends on options that must be those that it began with."""
    from mathcore.language_models.language_models import _fingerprint, _plan_of
    from mathcore.training.checkpoint import load_checkpoint

    start = load_checkpoint(checkpoint)
    plan, prints = _plan_of(start), (start.config["text"], _fingerprint(text))
    given = {"--steps": (plan.steps, steps), "--seed": (plan.seed, seed)}
    other = [f"{name} was {was}, got {now}" for name, (was, now) in given.items() if now not in (None, was)]
    if prints[0] != prints[1]:
        other.append("FILE was a text with SHA-256 {:.8}…, got {:.8}…".format(*prints))
    if other:
        raise click.UsageError(f"{checkpoint} was begun with other options, which --resume keeps: {'; '.join(other)}")
    return start


def _progress(console: Console) -> Progress:
    columns = (
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    return Progress(*columns, console=console)


def _fail(error: Exception) -> NoReturn:
    raise click.ClickException(str(error)) from error
