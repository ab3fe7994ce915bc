r"""Symbols of formulas: which symbols a formula contains, and their meanings by topic.

Every letter of a LaTeX formula is a symbol, Greek letters by name. Words in `\text{…}`, names of functions,
mathematical constants and differentials are not, and neither are bound variables such as the index of a sum or a
variable after ∀.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mathcore.verify.claims import Claim

_GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "rho": "ρ", "sigma": "σ", "tau": "τ",
    "phi": "φ", "varphi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ",
    "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω", "ell": "ℓ",
}  # fmt: skip
_COUNTING = frozenset("hijklmnrst")

_WORDS = re.compile(
    r"\\(?:text|math(?:rm|it|tt|sf)|texttt|operatorname\*?|begin|end)\s*\{[^{}]*\}"
    r"|\\math(?:bb|rm|cal)\s*(?:[A-Za-z]|\{[A-Za-z]+\})\s*\^?"  # and the ^ behind ℝ: a size follows
)
_CONSTANTS = re.compile(r"e(?=\s*\^)|O(?=\s*\()|\^[A-Z]|\{d\}\{d[A-Za-z]\}|(?<![A-Za-z])d(?=[A-Za-z])")
_GROUP = r"\{(?:[^{}]|\{[^{}]*\})*\}"
_SCRIPTS = re.compile(rf"_\s*(?:{_GROUP}|\w)|\^\s*\{{\([^{{}}]*\)\}}|\[[^]<>;]*=[^]]*\]")
_LIST = r"((?:\\?[\s,;!]|[A-Za-z])+)"
_UNDER = re.compile(
    rf"\\(?:sum|prod|big[a-z]+|max|min|sup|inf|operatorname\*?\{{arg(?:max|min)\}})\s*_\s*({_GROUP}|[A-Za-z])"
)
_BEHIND = re.compile(
    rf"\\(?:forall|n?exists){_LIST}|\\text\{{[^{{}}]*\bfor (?:all|every|any)\b[^{{}}]*\}}{_LIST}|\\\{{([^{{}}:]*):"
    r"|\\frac\{d\}\{d([A-Za-z])\}"
)
_MANY = re.compile(r"(?<![A-Za-z\\])[A-Za-z]{2,}")
_RELATION = re.compile(r"[=:<>]|\\(?:in|neq?|leq?|geq?)\b")


def _letters(formula: str) -> str:
    """A formula without words and commands, with Greek letters as characters."""
    bare = re.sub(r"\\([A-Za-z]+)", lambda command: _GREEK.get(command[1], " "), _WORDS.sub(" ", formula))
    return _CONSTANTS.sub(" ", bare)


def _single(text: str) -> set[str]:
    return {letter for letter in text if letter.isalpha()}


def _counted(formula: str) -> Iterator[str]:
    """The bound variables of sums, maxima and quantifiers: m of “1 ≤ m ≤ 9”, i of “yᵢ = j”."""
    for under in _UNDER.findall(formula):
        first = next((part for part in map(_letters, _RELATION.split(under)) if _single(part)), "")
        yield first.partition("_")[2] or first
    for behind in _BEHIND.findall(formula):
        yield "".join(behind)


def symbols(formula: str) -> set[str]:
    """The symbols of a formula, Greek letters as characters, without bound variables."""
    counted = _single("".join(_counted(formula)))
    return _single(_letters(formula)) - (counted & (_COUNTING | indices(formula)))


def indices(formula: str) -> set[str]:
    """The Latin letters that occur only as subscripts, as superscripts in brackets, or in [i = j]."""
    letters = _letters(formula)
    below = _single(letters) - _single(_SCRIPTS.sub(" ", letters))
    return {letter for letter in below if letter in _COUNTING | set("abc") or "A" <= letter <= "Z"}


def named(words: str) -> set[str]:
    """The single letters that a text mentions, except articles and the possessive s."""
    return set(re.findall(r"(?<![A-Za-z'’])(?![aA] [\w`“])[A-Za-zα-ωΑ-Ωℓ](?![A-Za-z])", words))


def _defined(legend: Mapping[str, str]) -> set[str]:
    """The symbols that a legend defines or mentions: E for `E_a` and `E(a)`, both for `s, t`, none for `offset`."""
    keys = re.sub(r"\([^()]*\)", " ", _SCRIPTS.sub(" ", " ; ".join(map(_letters, legend))))
    return _single(_MANY.sub(" ", keys)) | named(" ; ".join(legend.values()))


def keys(claim: Claim) -> tuple[str, str, str]:
    """The keys of `TOPICS` that apply to a claim, the most specific last."""
    topic, _, name = claim.id.partition(".")
    return topic, f"*.{name}", claim.id


def meanings(claim: Claim) -> dict[str, str]:
    """The meanings of a formula's symbols: from the claim's legend, then its topic's notation, then `COMMON`."""
    known = {letter: COMMON[letter] for letter in COMMON if letter not in indices(claim.formula)}
    for key in keys(claim):
        known |= TOPICS.get(key, {})
    found = (symbols(claim.formula) & set(known)) - _defined(claim.legend)
    return {**claim.legend, **{symbol: known[symbol] for symbol in sorted(found, key=_letters(claim.formula).find)}}


def unnamed(claim: Claim) -> set[str]:
    """The symbols that neither the statement, the condition nor a legend explains."""
    said = named(f"{claim.statement} {claim.condition or ''} {claim.corrected or ''}")
    return symbols(claim.formula) - indices(claim.formula) - said - _defined(meanings(claim))


def latex(symbol: str, formula: str = "") -> str:
    """A key of a legend as LaTeX: words upright, Greek letters by the name that the formula uses."""
    if "\\" in symbol:
        return symbol
    greek = {_GREEK[name]: name for name in sorted(_GREEK, key=lambda name: (f"\\{name}" in formula, len(name)))}
    upright = _MANY.sub(r"\\mathrm{\g<0>}", symbol)
    return "".join(rf"\{greek[letter]} " if letter in greek else letter for letter in upright).strip()


COMMON: Mapping[str, str] = {
    "f": "the operation",
    "x": "the input",
    "y": "the result",
    "n": "the width of a row",
    "d": "the width of a vector",
    "W": "a matrix of weights",
    "b": "a bias",
    "c": "a number",
    "g": "the cotangent: the derivative of a loss with respect to the result",
    "p": "the probabilities: the softmax of the scores",
    "X": "a stack of rows",
    "I": "the identity matrix",
    "J": "the Jacobian, the matrix of all derivatives",
    "V": "the size of the vocabulary",
    "θ": "the parameters",
    "ℓ": "the loss",
}
"""Meanings of symbols that hold unless a topic or claim says otherwise."""

_TURN = "the rotation matrix of a position"
_WHERE = "the mask: which scores count"

TOPICS: Mapping[str, Mapping[str, str]] = {
    "digits": {
        "x": "an image, as a row of numbers", "X": "the images, one in each row", "n": "the number of images",
        "w": "a template", "W": "the matrix with a template in each column", "s": "the scores",
        "y": "a digit, with a hat the predicted one", "v": "any point", "σ": "a singular value",
        "L": "a bound on how the loss bends", "A": "the training images",
        "B": "the held-out images", "C": "the images of one class",
        "k": "the number of correctly classified images", "p": "a rate", "z": "a number of standard deviations",
        "Φ": "the distribution function of the normal distribution",
    },
    "embedding": {
        "E": "the embedding matrix, a row for each word", "i": "an id", "a": "the vector of a word",
        "b": "the vector of another word", "c": "the vector of a third word", "e": "the entries of the vectors",
        "s": "the score of two words", "α": "a number", "β": "a number", "S": "the table of all scores",
        "L": "a matrix with a vector in each row", "R": "another such matrix",
        "σ": "the singular values of S, the largest first", "N": "the number of vectors", "P": "the probability",
    },
    "training": {
        "E": "the embedding matrix, a row for each word", "e": "the vector of the current word",
        "W": "the matrix of weights, a column for each word", "w": "a word, by its id", "z": "the scores",
        "y": "the observed neighbour", "r": "the error: the probabilities, less 1 at the right word",
        "g": "the gradient", "α": "the learning rate", "η": "the learning rate",
        "L": "a bound on how the loss bends", "A": "the matrix that maps the error to the change of the scores",
        "P": "the probability", "a": "a word", "b": "another word", "h": "a small step", "x": "the words of the text",
        "t": "the number of a step", "m": "the running mean of the gradients",
        "v": "the running mean of their squares", "β": "how much of a running mean a step keeps",
        "ε": "a small number that keeps the divisor above 0", "λ": "the rate at which matrices decay",
        "n": "the number of all steps", "k": "the number of steps before the stop", "c": "a checkpoint",
    },
    "tokenizer": {"t": "a text", "w": "a word", "i": "an id, or the ids of a text", "n": "the normal form"},
    "argmax": {"x": "a row of scores", "a": "a number", "b": "a number"},
    "logits": {"x": "a row of scores"},
    "linear": {
        "U": "a matrix of weights", "V": "another matrix of weights", "w": "a column of weights",
        "c": "the bias of the second layer", "α": "a number", "β": "a number", "A": "a matrix", "B": "another matrix",
        "C": "their product", "r": "the width between both matrices", "m": "the number of rows of the first matrix",
        "k": "the number of rows of the second matrix",
    },
    "relu": {
        "r": "ReLU", "U": "a matrix of weights", "V": "another matrix of weights",
    },
    "approximation": {
        "f": "a function, with a hat or with θ that of the net", "n": "the number of points", "w": "the weight",
        "h": "the distance between neighbouring points", "ω": "how far f changes at most within a distance",
        "L": "a bound on how steep f is", "M": "a bound on the second derivative of f",
        "α": "the learning rate", "v": "a direction to move the parameters in", "ε": "how far they move",
    },
    "depth": {
        "y": "the kinds of the inputs, 1 or −1", "w": "weights", "a": "weights", "λ": "a weight for each input",
        "s": "how many lines are full", "k": "the pixels of a line", "T": "the tent map", "n": "the number of units",
    },
    "lowrank": {
        "W": "the matrix", "L": "the left one of the thin matrices", "R": "the right one",
        "σ": "the singular values of W, the largest first", "m": "the number of rows", "n": "the number of columns",
        "r": "the width between the thin matrices",
    },
    "softmax": {
        "x": "a row of scores", "T": "the temperature", "P": "a matrix that reorders", "b": "the mask that is added",
        "w": _WHERE, "v": "any vector", "d": "how far each score is below the highest",
        "u": "the unit roundoff of the format", "h": "how many additions a number goes through in a sum",
        "E": "how far the exponential function may be off, in units in the last place",
    },
    "logsumexp": {
        "x": "a row of scores", "w": _WHERE, "s": "the sum over the others", "k": "the highest score's place",
    },
    "position": {
        "m": "a position", "n": "another position", "s": "another position", "R": _TURN,
        "w": "the vector of a word", "p": "the vector of its position", "v": "the vector of another word",
        "q": "the vector of that one's position", "A": "the lane of the words", "B": "the lane of the positions",
        "x": "the sum for a word", "y": "the sum for another word",
    },
    "rope": {
        "R": _TURN, "m": "a position", "q": "a query", "k": "a key", "s": "a shift of both positions",
        "i": "the number of a pair, from 0", "θ": "the angle by which a pair rotates per position",
        "L": "the number of layers",
        "P": "the swap of the members of each pair, one sign flipped", "Π": "a permutation of the features",
    },
    "attention": {
        "q": "a query", "k": "a key", "v": "a value", "Q": "the queries, one in each row",
        "K": "the keys, one in each row", "V": "the values, one in each row", "O": "the outputs, one for each query",
        "P": "the weights, a row for each query", "S": "the keys that a query sees", "s": "the scores of the keys",
        "B": "the bias that is added to the scores", "M": "the mask",
        "n": "the number of words", "i": "the number of a query", "j": "the number of a key",
        "c": "the number of a column", "h": "the number of a head", "w": "the number of the key that wins",
        "g": "the gap between the two highest scores", "a": "one part of the keys", "b": "the other part",
        "ℓ": "the log-sum-exp of the scores", "σ": "the scale", "u": "any vector", "Π": "a permutation of the words",
    },
    "heads": {
        "x": "the words, one in each row", "i": "the number of a word", "j": "the number of another word",
        "a": "a place in the text", "b": "another place in the text", "T": "the number of words",
        "H": "the number of heads", "h": "the number of a head", "p": "the weights of the words", "Π": "a permutation",
    },
    "scaling": {
        "q": "a query", "k": "a key", "K": "the keys, one in each row", "n": "the number of keys", "c": "the scale",
        "g": "the gap between the two highest scores", "x": "the scores", "y": "the right answer", "H": "the entropy",
    },
    "large_arrays": {
        "X": "an array of three axes", "a": "the length of the first", "b": "the length of the second",
        "c": "the length of the third", "q": "a query", "Q": "the queries, one in each row",
        "K": "the keys, one in each row", "V": "the values, one in each row", "n": "the number of threads",
    },
    "embedding_vjp": {"i": "an id"},
    "one_hot": {"i": "an id", "j": "a class", "t": "a place in the text"},
    "cosine_similarity": {
        "a": "a vector", "b": "another vector", "A": "a stack of vectors", "B": "another stack of as many",
        "k": "a whole number",
    },
    "gradient": {
        "d": "a direction to move the input in", "u": "a cotangent", "v": "a step", "R": _TURN, "m": "a position",
        "k": "the number of operations",
    },
    "multi_head_attention": {"b": "the number of a text"},
    "text": {"b": "the blocks", "n": "the number of blocks", "k": "of how many one is held out"},
    "word_bigram": {
        "p": "the probability of a word", "w": "a word", "v": "the word before it",
        "c": "how often a word or a pair of words occurs", "δ": "the discount",
        "n": "how many different pairs of words there are, a dot for any word",
    },
    "language_model": {
        "p": "the probability of a token", "s": "the number of shards", "α": "the learning rate",
        "t": "the number of a step", "n": "the number of all steps", "k": "the number of steps before the stop",
    },
    "transformer": {
        "x": "the vectors of the tokens", "U": "the matrix into the hidden layer", "D": "the matrix out of it",
        "z": "the scores", "t": "a place in the text", "T": "the temperature", "f": "the transformer",
    },
    "rms_norm": {
        "x": "a row", "w": "the weights", "ε": "a small number that keeps the divisor above 0",
        "d": "a direction to move the row in", "r": "the root mean square of the row", "u": "the row divided by it",
        "h": "the cotangent times the weights",
    },
    "sinusoidal_positional_encoding": {
        "m": "a position", "i": "the number of a pair, from 0", "θ": "the angle by which a pair rotates per position",
    },
    "log_softmax": {
        "x": "a row of scores", "t": "the log-probabilities", "w": _WHERE, "s": "the sum over the others",
        "k": "the highest score's place",
    },
    "cross_entropy": {
        "x": "the logits: a row of scores", "y": "the right class", "j": "a class", "ε": "how much labels are smoothed",
        "q": "the target: 1 at the right class, 0 elsewhere, then smoothed", "X": "the logits, one row for each answer",
        "A": "a batch", "B": "another batch", "Σ": "the mark of a total instead of a mean",
    },
    "temperature_softmax": {"x": "a row of scores"},
    "bpe": {
        "t": "a text", "w": "a word", "i": "an id", "T": "a tokenizer", "f": "a file",
        "m": "the merges, in the order in which they were learned", "r": "the number of a merge",
    },
    "pretrained": {"t": "a text", "s": "a special token", "c": "a character"},
    "*.keeps_dtype": {"y": "the result"},
    "*.rows_are_independent": {"X": "a stack of rows"},
    "digits.split_is_fair": {"s": "the share that is held out"},
    "digits.confusion_counts_pairs": {"C": "the confusion matrix"},
    "embedding.cosine_in_range": {"s": "a number"},
    "embedding.size_bounds_rank": {"n": "the number of words"},
    "embedding.room_grows": {"t": "a cosine"},
    "training.backprop_is_the_derivative": {"e": "a vector with 1 at one place and 0 at all others"},
    "training.step_aligns": {"w": "the weight vectors of the words"},
    "training.both_sides_learn": {"i": "any other word, by its id"},
    "training.rate_rises_and_falls": {"w": "the number of steps of the warmup"},
    "linear.is_linear": {"y": "another input"},
    "linear.high_score_means_aligned": {"y": "another input"},
    "linear.shapes_must_touch": {"m": "the width of the input", "k": "the number of rows of W"},
    "relu.algebra": {"y": "another input"},
    "relu.beats_linear": {"a": "an input", "b": "another input"},
    "relu.piecewise_linear": {"y": "another input", "f": "the net"},
    "depth.beats_width": {"k": "the number of hidden layers"},
    "position.vector_beats_scalar": {"s": "the numbers that stand for the positions"},
    "attention.gradient": {"S": "the scores"},
    "attention.grouped_heads": {"g": "how many query heads share a key head"},
    "attention.errors_come_back_where_they_were_seen": {"k": "the number of a key", "j": "the number of a column"},
    "scaling.gradient_vanishes": {"p": "the highest probability, with an index that of the right answer"},
    "heads.gradient": {"d": "a direction to move the inputs in"},
    "language_model.bits_are_those_of_its_probabilities": {"s": "the first token that is looked at"},
    "transformer.backprop_is_the_derivative": {"d": "a direction to move the parameters in"},
    "cross_entropy.partition": {"n": "how many rows of a batch count"},
    "cross_entropy.alignment": {"g": "the gap between the right class and the others"},
}  # fmt: skip
"""The first part of a claim's id, or `*.` and its second part, or the whole id → meanings of symbols there."""
