"""The page of the whole model as HTML: every array of the first text is there before a script runs."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from _site.course import Course
from _site.live.html_of import shown
from _site.markup import for_scripts
from _site.whole import FIRST, MOST, STEPS, WEIGHTS, Step
from _site.words import url

Told = Mapping[str, Any]  # as `_site.whole.told` tells it

_PARTS = {
    "attention": ("Attention", "Every word looks at the words before it and takes something from them."),
    "mlp": ("A layer with ReLU", "Every word alone goes through a small network."),
    "prediction": ("The next word", "Every word gives a score to each word that may follow."),
}


_NOTED = ("attention.normed", "attention.scores", "attention.weights", "normed")  # with room beside them
_KEY = (
    '<p class="mc-key"><span><i class="plus"></i>above 0</span><span><i class="minus"></i>below 0</span>'
    '<span><i class="taken"></i>touched</span><span><i class="from"></i>what it was made from</span></p>'
)


def whole_model(told: Told, course: Course, path: str) -> str:
    """The figure at its first text, with what its script needs."""
    steps = {step.name: _array(step, told, course, path) for step in STEPS}
    parts = {part: "".join(steps[s.name] for s in STEPS if s.part == part) for part in (*_PARTS, "words")}
    data = {key: told[key] for key in ("words", "params", "cases")}
    data |= {"most": MOST, "weights": WEIGHTS, "steps": [_known(step) for step in STEPS]}
    up = url("assets", path)
    flow = (
        parts["words"] + steps["embedding"] + _block("attention", parts) + steps["attention.residual"]
        + _block("mlp", parts) + steps["mlp.residual"] + _block("prediction", parts) + _next(told)
    )  # fmt: skip
    return (
        f'<link rel="stylesheet" href="{up}whole.css">'
        '<section class="mc-whole" data-whole data-search-exclude aria-label="The whole model">'
        f'{_form()}{_KEY}<div class="mc-whole-body"><div class="mc-flow">{flow}</div>'
        '<aside class="mc-about" aria-label="About what was chosen"></aside></div>'
        '<p class="mc-whole-heard" role="status"></p>'
        '<p class="mc-meta" data-agreement>These numbers are the library’s, from this build.</p>'
        f'{for_scripts(data)}</section><script defer src="{up}whole.js"></script>'
    )


def _known(step: Step) -> dict[str, Any]:
    """What the script asks of a step; its words it reads from the page."""
    return {"name": step.name, "title": step.title, "sign": step.sign, "needs": step.needs, "weights": step.weights}


def _form() -> str:
    return (
        '<form class="mc-whole-form"><fieldset disabled><legend>A text for the model</legend>'
        f'<p class="mc-whole-text"><label for="whole-text">Text, of the words that the model knows</label>'
        f'<input id="whole-text" type="text" value="{FIRST}" maxlength="120" autocomplete="off" autocapitalize="off" '
        'spellcheck="false" aria-describedby="whole-said"></p>'
        '<p class="mc-whole-keys"><button type="button" data-do="likely">Take the most likely word</button>'
        '<button type="button" data-do="draw">Draw one</button>'
        '<button type="button" data-do="back">Remove the last</button>'
        '<button type="button" data-do="walk">Walk through the steps</button>'
        '<label>temperature <input type="range" min="0.1" max="3" step="0.1" value="1"> '
        "<output>1.0</output></label></p></fieldset>"
        '<p class="mc-whole-said" id="whole-said" role="status"></p></form>'
    )


def _block(part: str, parts: Mapping[str, str]) -> str:
    title, says = _PARTS[part]
    return (
        f'<section class="mc-block" data-part="{part}" aria-label="{title}"><header><b>{title}</b> {says}</header>'
        f'<div class="mc-block-arrays">{parts[part]}</div></section>'
    )


def _array(step: Step, told: Told, course: Course, path: str) -> str:
    array = told["first"][step.name]
    named = {"title": step.title, "sign": step.sign, "shape": shape(array)}
    noted = " noted" if step.name in _NOTED else ""
    caption = " ".join(f'<span class="mc-array-{part}">{words}</span>' for part, words in named.items())
    return (
        f'<figure class="mc-array{noted}" data-array="{step.name}"><figcaption>{caption}</figcaption>'
        f'<div class="mc-array-numbers">{"".join(tables(step.name, array, told["words"]))}</div>'
        f'<div class="mc-array-says"><p class="mc-formula">{_lowered(step.formula)}</p><p>{step.says}</p>'
        f"<p>{_explained(step, course, path)}</p></div></figure>"
    )


def _lowered(formula: str) -> str:
    """W_Q with its index below the line."""
    return re.sub(r"_(\w)", r"<sub>\1</sub>", formula)


def _explained(step: Step, course: Course, path: str) -> str:
    if not step.chapters:
        target = url("learn/beyond/normalisation.md", path)
        return f'Explained in <a href="{target}">Normalisation</a>.'
    links = (
        f'<a href="{url(course[n].path, path)}">{n}. {html.escape(course[n].title)}</a>'
        for n in step.chapters
        if n in course
    )
    return f"Explained in {' and '.join(links)}."


def shape(array: Any) -> str:
    """5 × 4."""
    sizes = []
    while isinstance(array, list):
        sizes.append(str(len(array)))
        array = array[0]
    return " × ".join(sizes)


def tables(name: str, array: Any, words: Sequence[str]) -> Iterable[str]:
    """The array as a table, or one for each head."""
    text = FIRST.split()
    if name == "ids":
        yield _table(name, [[i] for i in array], text, (), 0)
    elif isinstance(array[0][0], list):
        for head, rows in enumerate(array, start=1):
            columns = text if name in ("attention.scores", "attention.weights") else ()
            yield _table(name, rows, text, columns, 2, f"head {head}")
    else:
        yield _table(name, array, text, words if name in ("logits", "shares") else (), 2)


def _table(
    name: str, rows: Sequence[Any], text: Sequence[str], columns: Sequence[str], decimals: int, title: str = ""
) -> str:
    most = max((abs(x) for row in rows for x in row if math.isfinite(x)), default=1) or 1
    caption = f"<caption>{title}</caption>" if title else ""
    columns_of = "".join(f'<th scope="col">{word}</th>' for word in columns)
    head = f"<thead><tr><td></td>{columns_of}</tr></thead>" if columns else ""
    body = "".join(
        f'<tr><th scope="row">{word}</th>' + "".join(_cell(name, x, most, decimals) for x in row) + "</tr>"
        for word, row in zip(text, rows, strict=True)
    )
    return f'<table class="mc-grid">{caption}{head}<tbody>{body}</tbody></table>'


def _cell(name: str, x: float, most: float, decimals: int) -> str:
    if math.isinf(x):
        return '<td class="never">−∞</td>'
    kind = ' class="below"' if x < 0 else ""
    depth = 0 if name == "ids" else abs(x) / most
    return f'<td{kind} style="--depth: {depth:.3f}">{shown(x, decimals)}</td>'


def _next(told: Told) -> str:
    rows = "".join(
        f'<li style="--share: {share:.4f}"><span>{word}</span><span class="mc-bar"></span>'
        f"<span>{shown(100 * share, 1)} %</span></li>"
        for word, share in zip(told["words"], told["first"]["shares"][-1], strict=True)
    )
    return f'<section class="mc-next" aria-label="The next word"><p>After the last word:</p><ol>{rows}</ol></section>'
