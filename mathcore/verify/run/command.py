"""The options of the command line that describe a run, so that a report can say how to repeat it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mathcore.verify.run.results import PROFILES, Profile
from mathcore.verify.targets.conventions import Conventions
from mathcore.verify.targets.restrictions import NONE, Restrictions
from mathcore.verify.targets.target import Target

if TYPE_CHECKING:
    from mathcore.verify.run.session import Functions, Subject


def command_options(
    target: Subject,
    profile: Profile,
    budget: float | None,
    max_time: float | None,
    isolate: bool,
    timeout: float | None,
    memory: int | None,
    waivers: Any,
    claims: Sequence[str] = (),
) -> str:
    """The target and the options of a run as the command line takes them, without profile and seed."""
    path = target if isinstance(target, str) else getattr(target, "place", "")
    named = [] if target is None or isinstance(target, (str, Target)) else list(_functions(target))
    parts = [word for name in claims for word in ("--claims", name)]
    parts += [*(["--target", path] if path else []), *named]
    usual = PROFILES.get(profile.name)
    if usual is None or profile.examples != usual.examples:
        parts += ["--examples", str(profile.examples)]
    parts += ["--corpus", profile.corpus] if profile.corpus is not None else []
    parts += [word for folder in profile.shared_corpus for word in ("--shared-corpus", folder)]
    seconds = {"--budget": budget, "--max-time": max_time, "--timeout": timeout}
    for option, value in seconds.items():
        parts += [] if value is None else [option, f"{value:g}s"]
    parts += ["--memory", str(memory)] if memory is not None else []
    parts += ["--isolate"] if isolate and timeout is None and memory is None else []
    parts += ["--waivers", str(waivers)] if isinstance(waivers, (str, Path)) else []
    return shlex.join(parts)


def _functions(target: Functions) -> Iterator[str]:
    for name, path in target.operations.items():
        yield f"{name}={path}"
    yield from ("--adapter", target.adapter)
    if target.device:
        yield from ("--device", target.device)
    for dtype in target.dtypes or ():
        yield from ("--dtype", dtype)
    for name, value in Conventions().difference(target.conventions).items():
        yield from ("--convention", f"{name}={value}")
    if target.derive:
        yield from ("--derive", target.derive)
    yield from restriction_options(target.restrictions)


def restriction_options(restrictions: Restrictions) -> Iterator[str]:
    """Restrictions as options of the command line.

    Examples:
        >>> from mathcore.verify import Restrictions
        >>> from mathcore.verify.run.command import restriction_options
        >>> list(restriction_options(Restrictions(widths=(64, 128), finite=True)))
        ['--widths', '64,128', '--finite']
    """
    given: Mapping[str, Any] = {k: v for k, v in vars(restrictions).items() if v != getattr(NONE, k)}
    for name, value in given.items():
        option = f"--{name.replace('_', '-')}"
        if name == "widths":
            yield from (option, ",".join(map(str, value)))
        elif name == "without":
            for each in value:
                yield from (option, each)
        elif name == "exclusive":
            for group in value:
                yield from (option, ",".join(group))
        elif value is True:
            yield option
        else:
            yield from (option, str(value))
