"""The front matter of a page, read as MkDocs reads it; but what MkDocs would print as text is refused. Pure."""

from __future__ import annotations

import re
from typing import Any

import yaml

from _site.model import SiteError

_FRONT = re.compile(r"\A---\n(.*?)^---\n", re.DOTALL | re.MULTILINE)


def split(text: str, path: str) -> tuple[dict[str, Any], str]:
    """What a page says of itself, and the rest of it.

    Raises:
        SiteError: if the front matter is not YAML, or no mapping; the message names the page.
    """
    front = _FRONT.match(text)
    if front is None:
        return {}, text
    try:
        meta = yaml.safe_load(front[1])
    except yaml.YAMLError as error:
        raise SiteError(f"the front matter of {path} is not YAML: {error}") from error
    if not isinstance(meta, dict):
        raise SiteError(f"the front matter of {path} must have names and values, got {meta!r}")
    return meta, text[front.end() :]
