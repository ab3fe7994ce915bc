"""`mathcore detect`: which conventions somebody else's functions follow."""

from __future__ import annotations

import sys
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

    E.g. rope=mykernels:rope or scaled_dot_product_attention=mykernels:flash, by the names that `verify` takes.

    Exit status: 0 when each convention came out, 1 when one is unknown, 2 for a bad call.
    """
    from mathcore.verify import detect as find_out
    from mathcore.verify.report.terminal import print_detection
    from mathcore.verify.run.session import find_target
    from mathcore.verify.targets.probes import DETECTORS

    try:
        named = functions(list(names), **how)
        if (named is None) == (target is None):
            raise LookupError("name either functions, as in rope=mykernels:rope, or a --target")
        detection = find_out(find_target(named or target))
        if not detection.observations:
            raise LookupError(
                f"no operation of {detection.target} has conventions that can be detected; those that have are "
                f"{', '.join(DETECTORS)}"
            )
    except LookupError as unknown:
        raise click.UsageError(str(unknown.args[0])) from unknown
    print_detection(Console(), detection)
    sys.exit(1 if detection.unknown else 0)
