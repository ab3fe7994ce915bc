"""The command line.

`verify`, `merge`, `sweep`, `compare`, `detect`, `bugs`, `claims` and `show` check and describe; `exercise` judges what
a student wrote; `train` and `generate` run a small language model.
"""

from __future__ import annotations

import sys

try:
    import click
    import hypothesis  # noqa: F401  (whichever dependency is missing first, the remedy is the same)
    import rich  # noqa: F401

    from mathcore.cli.bugs import bugs
    from mathcore.cli.claims import claims, show
    from mathcore.cli.compare import compare
    from mathcore.cli.detect import detect
    from mathcore.cli.exercise import exercise
    from mathcore.cli.merge import merge
    from mathcore.cli.sweep import sweep
    from mathcore.cli.training import generate, train
    from mathcore.cli.verify import verify
except ModuleNotFoundError as missing:
    sys.exit(f"the command line needs `{missing.name}`: pip install 'mathcore[verify]'")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="mathcore")
def main() -> None:
    """Every claim about how language models compute, checked."""


for command in (verify, merge, sweep, compare, detect, bugs, claims, show, exercise, train, generate):
    main.add_command(command)
