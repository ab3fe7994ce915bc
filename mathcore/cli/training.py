"""`mathcore train` and `mathcore generate`: train a small language model, and sample text from it."""

from __future__ import annotations

import dataclasses
import sys
import time
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
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("mathcore-model.ckpt"),
    show_default=True,
    help="The file of the model, written every half minute and at the end.",
)
@click.option("--resume", is_flag=True, help="Continue the training in the checkpoint.")
@click.option("--steps", type=click.IntRange(min=1), help="Total number of steps; the plan's by default.")
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), help="Stop after this time; --resume continues."
)
@seed_option("Of all random numbers.")
def train(
    file: Path | None, checkpoint: Path, resume: bool, steps: int | None, minutes: float | None, seed: int
) -> None:
    """Train a small transformer on a UTF-8 text FILE; by default on the documentation topics of Python.

    A tenth of the text is held out. At the end, the loss on it is printed beside that of a word bigram model, in bits
    per byte. Stopping and resuming does not change the result in a single bit.
    """
    from mathcore.language_models.language_models import LanguageModel, train_language_model
    from mathcore.language_models.text import default_text, split_text
    from mathcore.language_models.word_bigram import WordBigram
    from mathcore.training.checkpoint import save_checkpoint

    console = Console()
    if checkpoint.exists() and not resume:
        raise click.UsageError(
            f"{checkpoint} exists already: --resume continues it, --checkpoint writes to another file"
        )
    text = default_text() if file is None else _read(file)
    try:
        training_text, held_out = split_text(text)
        latest = _resumed(checkpoint, steps) if resume else _started(training_text, steps, seed)
        total = latest.config["plan"]["steps"]
        deadline = None if minutes is None else time.monotonic() + 60 * minutes
        saved = time.monotonic()
        with _progress(console) as bar:
            task = bar.add_task("", total=total, completed=latest.step)

            def tick(state: Checkpoint, loss: float) -> bool:
                nonlocal latest, saved
                latest = state
                bar.update(task, completed=state.step, description=f"loss {loss:.3f}")
                if time.monotonic() - saved > _SAVE_EVERY:
                    save_checkpoint(checkpoint, state)
                    saved = time.monotonic()
                return deadline is not None and time.monotonic() > deadline

            train_language_model(training_text, latest, progress=tick)
    except KeyboardInterrupt:
        save_checkpoint(checkpoint, latest)
        console.print(f"\nstopped after {latest.step} steps; --resume continues", highlight=False)
        sys.exit(130)
    except (ValueError, FloatingPointError) as error:
        _fail(error)
    save_checkpoint(checkpoint, latest)
    model = LanguageModel.of(latest).bits_per_byte(held_out, training_text)
    bigram = WordBigram.train(training_text).bits_per_byte(held_out)
    console.print(f"{latest.step} of {total} steps, written to {checkpoint}", soft_wrap=True, highlight=False)
    console.print(f"held-out loss {model:.3f} bits per byte; a word bigram {bigram:.3f}", highlight=False)


@click.command()
@click.argument("checkpoint", type=click.Path(exists=True, dir_okay=False, path_type=Path))
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
def generate(checkpoint: Path, prompt: str, tokens: int, temperature: float, seed: int | None) -> None:
    """Continue PROMPT with the model in CHECKPOINT."""
    from mathcore.language_models.language_models import LanguageModel
    from mathcore.training.checkpoint import load_checkpoint

    try:
        model = LanguageModel.of(load_checkpoint(checkpoint))
        new = model.continue_text(prompt, tokens, temperature=temperature, rng=np.random.default_rng(seed))
    except ValueError as error:
        _fail(error)
    click.echo(prompt + new)


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file} is not UTF-8 text: {error}") from error


def _started(text: str, steps: int | None, seed: int) -> Checkpoint:
    from mathcore.language_models.language_models import Plan, start_language_model

    plan = Plan(seed=seed)
    return start_language_model(text, plan if steps is None else dataclasses.replace(plan, steps=steps))


def _resumed(checkpoint: Path, steps: int | None) -> Checkpoint:
    from mathcore.language_models.language_models import LanguageModel
    from mathcore.training.checkpoint import load_checkpoint

    if not checkpoint.exists():
        raise click.UsageError(f"there is no {checkpoint} to resume")
    start = load_checkpoint(checkpoint)
    LanguageModel.of(start)  # raises an error if it is not a language model
    planned = start.config["plan"]["steps"]
    if steps not in (None, planned):
        raise click.UsageError(
            f"{checkpoint} was planned for {planned} steps, on which its learning rates depend, got {steps}"
        )
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
