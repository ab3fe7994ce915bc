"""`mathcore detect`: which conventions somebody else's functions follow."""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console

from mathcore.cli.options import adapter_options, functions


@click.command()
@click.argument("names", nargs=-1, metavar="OPERATION=MODULE:NAME...")
@click.option("--target", metavar="MODULE:NAME", help="A target, to detect the conventions of all its operations.")
@adapter_options
def detect(names: tuple[str, ...], target: str | None, **how: Any) -> None:
    """Find out which conventions functions follow, from their behaviour alone.

    E.g. rope=mykernels:rope, softmax=…, sdpa=…, argmax=…, relu_vjp=…, cross_entropy=…, linear=….
    """
    from mathcore.verify import detect as find_out
    from mathcore.verify.report.terminal import print_detection
    from mathcore.verify.run.session import find_target

    try:
        named = functions(list(names), **how)
        if (named is None) == (target is None):
            raise LookupError("name either functions, as in rope=mykernels:rope, or a --target")
        detection = find_out(find_target(named or target))
        if not detection.observations:
            raise LookupError(f"no operation of {detection.target} has conventions that can be detected")
    except LookupError as unknown:
        raise click.UsageError(str(unknown.args[0])) from unknown
    print_detection(Console(), detection)
