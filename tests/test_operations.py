"""The list of operations of today's models: true of the functions as they are, and counted as it stands."""

import dataclasses
import fnmatch
import re
from pathlib import Path

import pytest
from _site import operations_page
from _site.functions import described
from _site.model import Claim, Report, SiteError, Topic

import mathcore
from mathcore.verify import catalogue

SITE = Path(__file__).parents[1] / "docs" / "_site"
SOURCES = 15
LEAST = 3  # sources that name each


@pytest.fixture(scope="module")
def functions():
    return described()


@pytest.fixture(scope="module")
def operations():
    return operations_page.read_operations(SITE)


@pytest.fixture(scope="module")
def report():
    claims = (
        claim("softmax.sums_to_one", "The shares sum to 1.", ("softmax",)),
        claim("softmax.anything", "The shares are anything.", ("softmax",), verdict="refuted"),
        claim("attention.last_rows", "A causal mask lets the last row see all.", ("scaled_dot_product_attention",)),
        claim("attention.is_a_mean", "An output is a mean of values.", ("scaled_dot_product_attention",)),
    )
    return Report({}, 0, "quick", "mathcore", 1.0, "today", claims, "", "")


def claim(name, statement, needs, verdict="holds"):
    blank = {field.name: None for field in dataclasses.fields(Claim)}
    said = {"id": name, "statement": statement, "needs": needs, "verdict": verdict}
    return Claim(**{**blank, "outcome": "holds", "mutants": {}, **said})


def page(operations, functions, report):
    topics = [Topic("all", "All", tuple(mathcore.__all__))]
    return operations_page.overview(operations, functions, topics, report, "operations.md")


def changed(operations, called, **fields):
    """The same list with one operation changed."""
    with_one = [dataclasses.replace(one, **fields) if one.name == called else one for one in operations.all]
    assert with_one != list(operations.all)
    return dataclasses.replace(operations, all=tuple(with_one))


def test_the_list_is_true_of_the_functions(operations, functions):
    assert operations_page.problems(operations, functions) == []


def test_what_is_here_has_claims(operations):
    claims = catalogue()
    assert [one.name for one in operations.all if one.has and not operations_page.claims_about(one, claims)] == []
    ids = {claim.id for claim in claims}
    patterns = {pattern for one in operations.all for pattern in one.claims}
    assert [pattern for pattern in patterns if not fnmatch.filter(ids, pattern)] == []


def test_there_are_a_hundred_that_differ(operations):
    assert len(operations.all) == 100
    assert len({one.name for one in operations.all}) == 100
    assert len({one.anchor for one in operations.all}) == 100
    assert len({one.says for one in operations.all}) == 100
    assert all(re.fullmatch(r"[A-Z].*\.", one.says) for one in operations.all)


def test_sources_are_known_and_name_each_operation(operations):
    assert len(operations.sources) == SOURCES
    assert {source for one in operations.all for source in one.named} == set(operations.sources)
    assert all(LEAST <= len(one.named) <= SOURCES for one in operations.all)
    assert all(name.strip() for one in operations.all for name in one.named.values())
    assert all(source["title"] and source["version"] for source in operations.sources.values())


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("softmax", {"has": ("softmaxx",)}, "softmax: mathcore has no softmaxx"),
        ("softmax", {"has": ("softmax(beta)",)}, "softmax: mathcore has no softmax(beta)"),
        ("softmax", {"has": ("softmax(dtyp)",)}, "softmax: mathcore has no softmax(dtyp)"),
        ("softmax", {"has": ()}, "softmax: needs either `has` or `will_be`"),
        ("DPO", {"will_be": ("softmax",)}, "DPO: mathcore has softmax now"),
        ("DPO", {"will_be": ("softmax(where)",)}, "DPO: mathcore has softmax(where) now"),
        ("DPO", {"name": "PPO"}, "PPO: twice"),
        ("DPO", {"named": {"numpy": "dpo"}}, "DPO: no source is called numpy"),
        ("DPO", {"named": {}}, "DPO: no source names it"),
    ],
)
def test_what_is_not_so_stops_the_build(operations, functions, report, name, fields, message):
    wrong = changed(operations, name, **fields)
    assert operations_page.problems(wrong, functions) == [message]
    with pytest.raises(SiteError, match=re.escape(message)):
        page(wrong, functions, report)


def test_the_page_counts_what_the_list_has(operations, functions, report):
    text = page(operations, functions, report)
    have = sum(bool(one.has) for one in operations.all)
    many = [one for one in operations.all if len(one.named) >= operations_page.MANY]
    assert f"**{have} of 100** operations are here" in text
    assert f"Of the {len(many)} that 10 or more of 15 sources name, **{sum(bool(one.has) for one in many)}**" in text
    assert text.count('<i class="mc-square here">') == 2 * have  # in the picture, and before the name
    assert text.count('<i class="mc-square">') == 2 * (100 - have)
    assert text.count("In mathcore: ") == have
    assert text.count("Not yet.") == 100 - have
    groups = re.findall(r"<summary>([^<:]+): (\d+) of (\d+)</summary>", text)
    assert sum(int(here) for _, here, _ in groups) == have
    assert sum(int(of) for _, _, of in groups) == 100
    assert text.count("<details") == text.count("</details>") == 100 + len(groups)


def test_an_operation_has_its_function_its_claims_and_its_names(operations, functions, report):
    entries = {e.partition('"')[0]: e for e in page(operations, functions, report).split('<details id="op-')}
    softmax = entries["softmax"]
    assert "[`softmax`](import/all.md#softmax)" in softmax
    assert "Not refuted, 1 claim: [`softmax.sums_to_one`](claims/softmax.sums_to_one.md)." in softmax
    assert "Refuted as stated, 1 claim: [`softmax.anything`](claims/softmax.anything.md)." in softmax
    assert "ggml `ggml_soft_max`" in softmax
    assert "by `is_causal`" in entries["causal-mask"]
    assert "attention.last_rows" in entries["causal-mask"]
    assert "attention.is_a_mean" not in entries["causal-mask"]
    assert "Not yet." in entries["beam-search"]
