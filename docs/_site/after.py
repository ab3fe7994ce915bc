"""Sessions of a rendered page that copy as code. Pure."""

from __future__ import annotations

import html
import re

_SESSION = re.compile(r'(<div class="language-pycon[^"]*">.*?<code)(>)(.*?)(</code>)', re.DOTALL)
_TAG = re.compile(r"<[^>]+>")
_PROMPT = re.compile(r"^(?:>>>|\.\.\.) ?")


def copied_as_code(page: str) -> str:
    """Sessions whose copy button gives their code: without prompts, without what was printed."""
    return _SESSION.sub(lambda m: f'{m[1]} data-copy="{html.escape(typed(m[3]))}">{m[3]}{m[4]}', page)


def typed(session: str) -> str:
    """What somebody typed in a session, given as HTML."""
    lines = html.unescape(_TAG.sub("", session)).splitlines()
    return "\n".join(_PROMPT.sub("", line) for line in lines if _PROMPT.match(line)) + "\n"
