"""The whole model on one page: its arrays in order, what each is made of, and the library's numbers for some texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mathcore as mc

FIRST = "the cat sat on the"
TEXTS = (FIRST, "the", "the puppy slept on the rug .", "bird nest . the the dog sat on the rug cat slept")
"""What the page opens with; it compares itself with the library at all of them."""

MOST = 12
"""How many words fit on the page."""


@dataclass(frozen=True)
class Step:
    """An array on the way from a text to the next word.

    Attributes:
        name: as `TinyModel.activations` calls it.
        sign: its letter in the formulas.
        part: the part of the page that it stands in.
        formula: how it comes from the arrays before it.
        says: the same in words.
        needs: the arrays that it comes from.
        weights: the parameters that it comes from.
        chapters: the questions that explain it; none for the norms.
    """

    name: str
    title: str
    sign: str
    part: str
    formula: str
    says: str
    needs: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    chapters: tuple[int, ...] = ()


_NORM = (
    "Each row is divided by its size, the root of the mean of its squares; then each column is multiplied by a learned "
    "number of its own. What counts from here on is the direction of a row."
)
_A, _M = "attention", "mlp"


def _projection(name: str, sign: str, says: str) -> Step:
    return Step(
        name, {"query": "Queries", "key": "Keys", "value": "Values"}[name], sign, _A, f"{sign} = n · W_{sign.upper()}",
        says, ("attention.normed",), (f"0.attention.{name}",), (20, 15),
    )  # fmt: skip


STEPS = (
    Step(
        "ids", "Word numbers", "i", "words", "i = place in the list of words",
        "Each word is looked up in the list of the twelve words that the model knows. Its place there, counted from 0, "
        "is its number.",
        chapters=(5,),
    ),
    Step(
        "embedding", "Vectors of the words", "x", "stream", "x = E[i]",
        "Number i picks row i of the table of vectors, so equal words start with equal rows. The table was learned.",
        ("ids",), ("embedding",), (2, 3),
    ),
    Step(
        "attention.normed", "Rows of one size", "n", _A, "n = x ÷ size · g", _NORM,
        ("embedding",), ("0.attention.norm",),
    ),
    _projection(
        "query", "q", "Row times matrix: what each word looks for. The first two columns are head 1, the others head 2."
    ),
    _projection("key", "k", "The same rows times another matrix: by what each word can be found."),
    _projection(
        "value", "v", "The same rows times a third matrix: what each word hands over if it is looked at."
    ),
    Step(
        "query.rotated", "Queries, rotated", "q′", _A, "q′ = q turned by its position",
        "The pair of numbers of each word is turned by one radian for each word before it. Its length stays, its "
        "direction tells the position.",
        ("query",), (), (19, 18),
    ),
    Step(
        "key.rotated", "Keys, rotated", "k′", _A, "k′ = k turned by its position",
        "The same turn as for the queries. In the dot product of a query and a key only the distance between the two "
        "words is left of all turning.",
        ("key",), (), (19, 18),
    ),
    Step(
        "attention.scores", "Scores", "s", _A, "s = q′ · k′ ÷ √2",
        "The dot product of the row’s query and the column’s key, divided by the root of the width of a head, which is "
        "2. A word may not look at what comes after it: there stands −∞.",
        ("query.rotated", "key.rotated"), (), (20, 21),
    ),
    Step(
        "attention.weights", "Attention", "w", _A, "w = softmax of each row of s",
        "Each row of scores becomes shares that add up to 1: how much the word of the row takes from the word of the "
        "column.",
        ("attention.scores",), (), (17, 20),
    ),
    Step(
        "attention.heads", "What each head brings", "h", _A, "h = w · v",
        "For each word the mix of the values, in the shares of its row.",
        ("attention.weights", "value"), (), (20, 22),
    ),
    Step(
        "attention.output", "Output of attention", "a", _A, "a = [h of head 1, h of head 2] · W_O",
        "What both heads bring, side by side, times a matrix: back to rows of four numbers.",
        ("attention.heads",), ("0.attention.output",), (22,),
    ),
    Step(
        "attention.residual", "Words that have looked around", "x′", "stream", "x′ = x + a",
        "Attention does not replace the vectors, it adds to them: the yellow line runs through.",
        ("embedding", "attention.output"), (), (14,),
    ),
    Step(
        "mlp.normed", "Rows of one size", "m", _M, "m = x′ ÷ size · g", _NORM,
        ("attention.residual",), ("0.mlp.norm",),
    ),
    Step(
        "mlp.hidden", "Hidden units", "u", _M, "u = m · U",
        "Row times matrix: eight numbers for each word, each a question about its four.",
        ("mlp.normed",), ("0.mlp.up",), (9, 12),
    ),
    Step(
        "mlp.relu", "After ReLU", "r", _M, "r = u where u > 0, else 0",
        "What is negative becomes 0: a unit speaks or is silent.",
        ("mlp.hidden",), (), (10, 13),
    ),
    Step(
        "mlp.output", "Output of the layer", "o", _M, "o = r · D",
        "Row times matrix: what the units that speak add to each word.",
        ("mlp.relu",), ("0.mlp.down",), (9, 11),
    ),
    Step(
        "mlp.residual", "Words that have been thought over", "x″", "stream", "x″ = x′ + o",
        "Again the result is added. A larger model would now do attention and a layer again, and again.",
        ("attention.residual", "mlp.output"), (), (14,),
    ),
    Step("normed", "Rows of one size", "y", "prediction", "y = x″ ÷ size · g", _NORM, ("mlp.residual",), ("norm",)),
    Step(
        "logits", "Logits", "z", "prediction", "z = y · S",
        "Row times matrix: for each of the twelve words a score to be the next after the word of the row.",
        ("normed",), ("scores",), (8,),
    ),
    Step(
        "shares", "Shares of the next word", "p", "prediction", "p = softmax of each row of z",
        "Each row of logits becomes shares that add up to 1. The last row is the answer of the model: the next word.",
        ("logits",), (), (17,),
    ),
)  # fmt: skip

WEIGHTS = {
    "embedding": "E, the table of vectors",
    "0.attention.norm": "g, a number for each column",
    "0.attention.query": "W of the queries",
    "0.attention.key": "W of the keys",
    "0.attention.value": "W of the values",
    "0.attention.output": "W behind the heads",
    "0.mlp.norm": "g, a number for each column",
    "0.mlp.up": "U, the matrix to the hidden units",
    "0.mlp.down": "D, the matrix back",
    "norm": "g, a number for each column",
    "scores": "S, the matrix of the logits",
}
"""What the page calls the parameters."""


def told() -> dict[str, Any]:
    """What the page needs: words, parameters, and what the library makes of `TEXTS`."""
    tiny = mc.course.tiny_model()
    first = {name: array.tolist() for name, array in tiny.activations(FIRST).items()}
    checked = ("attention.weights", "logits", "shares")
    return {
        "words": list(tiny.words),
        "params": {name: array.tolist() for name, array in tiny.params.items()},
        "first": first,
        "cases": [
            {"text": text, "values": {name: tiny.activations(text)[name].tolist() for name in checked}}
            for text in TEXTS
        ],
    }
