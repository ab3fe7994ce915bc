"""Sentences against what is declared of them: no sentence says more than its claim does."""

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest

import mathcore
from mathcore.verify import catalogue
from mathcore.verify.notation import COMMON, TOPICS, indices, keys, latex, meanings, named, symbols, unnamed

CLAIMS = catalogue()
BY_ID = {claim.id: claim for claim in CLAIMS}
SAME = re.compile(r"\b(the same|equals?|identical|exactly|unchanged)\b", re.IGNORECASE)
PACKAGE = Path(mathcore.__file__).parent


def each(claims):
    return pytest.mark.parametrize("claim", claims, ids=lambda claim: claim.id)


@each(CLAIMS)
def test_symbols_have_names(claim):
    assert unnamed(claim) == set(), f"{claim.formula} in «{claim.statement}»"


def test_a_symbol_without_a_name_is_seen():
    claim = BY_ID["softmax.sums_to_one"]
    planted = replace(claim, formula=r"\sum_i p_i = 1 + Q \cdot \omega \text{ for all } \mathbb Z")
    assert unnamed(planted) == {"Q", "ω"}


@pytest.mark.parametrize(
    ("formula", "letters"),
    [
        (r"\operatorname{relu}(xW_1 + b)_{ij} \le \tfrac{\theta}{2}\ \text{for } n", "xWbijθn"),
        (r"\sum_{i=1}^n a_i = \max_{1 \le m \le 10^{12}} b_m", "nab"),
        (r"\forall k : a_k c_k = 0, \qquad \#\{j : y_j = i\}", "acyi"),
        (r"R_m \text{ for every } m \in \mathbb Z", "R"),
        (r"x \in \mathbb R^{n \times d}, \qquad y \in \mathbb{Z}^k", "xndyk"),
        (r"\langle \bar x, dx\,W\rangle = \frac{d}{dt}\,f(x + td)\Big|_{t = 0}", "xWfd"),
        (r"e^{-x} + e_1 + O(u^2) + O_j + \pi + x^\top W^Q \mathrm{E} v", "xeuOjWv"),
        (r"\min_{w, b} |wx + b|, \qquad \nexists\, W, b:\ xW + b", "wbxW"),
    ],
)
def test_symbols_of_a_formula(formula, letters):
    assert symbols(formula) == set(letters)


def test_indices_stand_below_or_above_or_in_brackets():
    assert indices(r"x_j^{(i)} = [\,k = y_n\,] + \hat W_n, \qquad f_\theta, \quad \mathbb R^n") == set("ijk")


def test_articles_name_no_symbol():
    assert named("A net's width is a number: a + b, ‖A‖ and q") == set("abAq")


def test_a_legend_comes_before_a_topic():
    legend = {"x_i": "a score", r"\hat c, d": "numbers", "MHA": "heads"}
    claim = replace(BY_ID["softmax.shift_invariant"], formula=r"x_i + c = p", legend=legend)
    assert list(meanings(claim)) == [*legend, "p"]


def test_symbols_are_written_as_in_the_formula():
    assert latex("ε", r"1 + \epsilon") == r"\epsilon"
    assert latex("ε", r"1 + \varepsilon") == r"\varepsilon"
    assert latex("id_t") == r"\mathrm{id}_t"
    assert latex(r"\bar x") == r"\bar x"


@pytest.mark.parametrize("key", TOPICS)
def test_notation_is_of_use(key):
    formulas = [symbols(claim.formula) for claim in CLAIMS if key in keys(claim)]
    assert set(TOPICS[key]) <= set().union(*formulas)


def test_common_notation_is_of_use():
    assert set(COMMON) <= set().union(*(symbols(claim.formula) for claim in CLAIMS))


def sentence(claim):
    """What is said to be true."""
    return claim.corrected or claim.statement


def rounds(claim):
    """Whether what the claim says is the same need only be so within a tolerance."""
    return bool(claim.tolerances) and SAME.search(sentence(claim)) is not None


@each([claim for claim in CLAIMS if rounds(claim)])
def test_the_same_is_said_up_to_rounding(claim):
    said = f"{sentence(claim)} {claim.condition or ''}"
    assert "rounding" in said or "bit for bit" in said, said


def test_a_sentence_that_forgets_rounding_is_seen():
    claim = BY_ID["softmax.permutation_equivariant"]
    assert rounds(replace(claim, statement="Shifted scores give the same.", corrected=None))
    assert not rounds(replace(claim, statement="Shifted scores give the same.", tolerances=()))


@each([claim for claim in CLAIMS if claim.verdict != "holds"])
def test_a_condition_is_shown_to_be_needed(claim):
    assert any(check.counterexample for check in claim.checks)


# What narrows a domain is declared, and is no filter that nobody sees.


def narrowing(text):
    """The lines in which inputs are thrown away where no claim declares it."""
    tree = ast.parse(text)
    return [
        node.lineno
        for node in ast.walk(tree)
        if (isinstance(node, ast.ImportFrom) and any(a.name in ("assume", "reject") for a in node.names))
        or (isinstance(node, ast.Attribute) and node.attr in ("filter", "assume"))
    ]


# The verifier is what judges; no verdict on a claim rests on an exercise.
FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if not {"verify", "exercises"} & set(path.parts)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_input_is_thrown_away_in_silence(path):
    assert narrowing(path.read_text()) == []


def test_a_filter_is_seen():
    assert narrowing("from hypothesis import assume\nx = integers().filter(bool)\nhypothesis.assume(x)") == [1, 2, 3]
