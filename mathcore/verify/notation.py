r"""The symbols of formulas: which ones a formula has, and what those mean that a whole topic uses in one sense.

A formula is LaTeX, so that its symbols can be read off: single letters, Greek letters by name. Letters that count
(indices under a sum or behind ∀), constants of mathematics and words in `\text{…}` are none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mathcore.verify.claims import Claim

_WORDS = re.compile(r"\\(?:text|mathrm|operatorname\*?|mathit|mathtt|texttt|begin|end|mathbb|mathsf|ell)\s*\{[^{}]*\}")
_MATHBB = re.compile(r"\\(?:mathbb|mathrm|mathcal)\s*[A-Za-z]")
_GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "varepsilon": "ε", "epsilon": "ε", "eta": "η", "theta": "θ",
    "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "rho": "ρ", "sigma": "σ", "tau": "τ", "varphi": "φ", "phi": "φ",
    "omega": "ω", "Omega": "Ω", "Theta": "Θ", "Phi": "Φ", "Delta": "Δ", "ell": "ℓ",
}  # fmt: skip
_INDICES = frozenset("ijklmnst")
_CONSTANTS = frozenset({"e", "π", "O", "T", "d"})


def symbols(formula: str) -> set[str]:
    """The letters of a formula, Greek ones as such."""
    bare = _MATHBB.sub(" ", _WORDS.sub(" ", formula))
    greek = {_GREEK[name] for name in re.findall(r"\\([A-Za-z]+)", bare) if name in _GREEK}
    return greek | set(re.findall(r"(?<![A-Za-z\\])[A-Za-z](?![A-Za-z])", re.sub(r"\\[A-Za-z]+", " ", bare)))


def named(words: str) -> set[str]:
    """The single letters that a text speaks of."""
    return set(re.findall(r"(?<![A-Za-z])[A-Za-zα-ωΑ-Ωℓ](?![A-Za-z])", words))


def meanings(claim: Claim) -> dict[str, str]:
    """What the symbols of a claim's formula mean: its own legend, then its topic's notation, then everybody's."""
    known = {**COMMON, **TOPICS.get(claim.id.partition(".")[0], {}), **claim.legend}
    found = symbols(claim.formula)
    return {symbol: known[symbol] for symbol in known if symbol in found}


def unnamed(claim: Claim) -> set[str]:
    """The symbols that neither the statement names, nor what it is true under, nor a legend."""
    said = named(f"{claim.statement} {claim.condition or ''} {claim.corrected or ''}")
    return symbols(claim.formula) - said - set(meanings(claim)) - _INDICES - _CONSTANTS


def latex(symbol: str) -> str:
    """A symbol as a formula has it."""
    return next((rf"\{name}" for name, letter in _GREEK.items() if letter == symbol), symbol)


COMMON: Mapping[str, str] = {
    "f": "the operation",
    "x": "its input",
    "y": "its result",
    "g": "a cotangent: the derivative of a loss by the result",
    "u": "the unit roundoff of the format",
}
"""What a letter means wherever no topic or claim says otherwise."""

TOPICS: Mapping[str, Mapping[str, str]] = {
    "softmax": {"x": "a row of scores", "p": "its softmax"},
}
"""The first part of a claim's id → what letters mean in its formulas."""
