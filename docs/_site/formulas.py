"""Formulas: TeX to HTML with MathML inside, by KaTeX in a small JavaScript engine, while the site is built."""

from __future__ import annotations

import html as escapes
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import quickjs

from _site.model import SiteError

_KATEX = Path(__file__).parent / "vendor" / "katex.min.js"
_ELEMENT = re.compile(r'<(span|div) class="arithmatex">(.*?)</\1>', re.DOTALL)
# A line may end on either side of a formula, since it is set in boxes: not between it and what belongs to it.
_CLINGING = re.compile(r"[(\[“‘]*" + _ELEMENT.pattern.replace("(span|div)", "(span)") + r"[.,;:!?)\]”’]*", re.DOTALL)

# Letters such as θ or − may stand in formulas as themselves; every other lapse is an error.
_RENDER = """
function render(tex, display) {
  try {
    return JSON.stringify({html: katex.renderToString(tex, {
      displayMode: display, output: "htmlAndMathml", throwOnError: true, trust: false,
      strict: (code) => code === "unicodeTextInMathMode" ? "ignore" : "error",
    })});
  } catch (error) { return JSON.stringify({error: error.message}); }
}
"""


@cache
def _engine() -> Any:
    context = quickjs.Context()
    context.eval(_KATEX.read_text(encoding="utf-8"))
    context.eval(_RENDER)
    return context.get("render")


@cache
def render(tex: str, display: bool = False) -> str:
    """One formula as HTML.

    Raises:
        SiteError: if KaTeX refuses it; the message has the TeX.
    """
    answer = json.loads(_engine()(tex, display))
    if "error" in answer:
        raise SiteError(f"formula {tex!r}: {answer['error']}")
    return str(answer["html"])


def set_formulas(page: str) -> str:
    """The page with every element that arithmatex left replaced by its formula."""
    return _ELEMENT.sub(_set_one, _CLINGING.sub(_kept_together, page))


def _kept_together(match: re.Match[str]) -> str:
    alone = match[0].startswith("<") and match[0].endswith(">")
    return match[0] if alone else f'<span class="mc-together">{match[0]}</span>'


def _set_one(match: re.Match[str]) -> str:
    tag, content = match[1], escapes.unescape(match[2]).strip()
    tex = re.sub(r"^\\[(\[]|\\[)\]]$", "", content).strip()
    # The spoken form is for ears and eyes, not for the search index.
    return f'<{tag} class="mc-math" data-search-exclude>{render(tex, tag == "div")}</{tag}>'
