"""The catalogue is complete: no row that it must hold is missing, weaker than it was, or of another verdict."""

import tomllib
from pathlib import Path

import pytest

from mathcore.verify import Claim, catalogue

TABLE = tomllib.loads(Path(__file__).with_name("catalogue.toml").read_text())
CLAIMS = {claim.id: claim for claim in catalogue()}
OF_EACH = [f"{name}.{kind}" for kind, names in TABLE["of_each"].items() for name in names]


def faults(claim: Claim | None, row: dict) -> list[str]:
    """What a row asks for that the catalogue does not have."""
    if claim is None:
        return ["missing"]
    lacking = set(row["evidence"]) - set(claim.evidence)
    return [
        *([f"verdict {claim.verdict}, not {row['verdict']}"] if claim.verdict != row["verdict"] else []),
        *([f"question {claim.faq}, not {row.get('faq')}"] if claim.faq != row.get("faq") else []),
        *([f"lacks {', '.join(sorted(lacking))}"] if lacking else []),
    ]


@pytest.mark.parametrize("name", TABLE["claims"])
def test_row_stands(name):
    assert faults(CLAIMS.get(name), TABLE["claims"][name]) == []


@pytest.mark.parametrize("name", OF_EACH)
def test_operation_has_its_claims(name):
    assert name in CLAIMS


def test_every_question_is_answered():
    assert {row.get("faq") for row in TABLE["claims"].values()} >= set(range(1, 23))


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"verdict": "refuted"}, "verdict holds, not refuted"),
        ({"faq": 3}, "question 17, not 3"),
        ({"evidence": ["property", "experiment"]}, "lacks experiment"),
    ],
)
def test_the_comparison_can_fail(row, fault):
    assert faults(CLAIMS["softmax.sums_to_one"], {**TABLE["claims"]["softmax.sums_to_one"], **row}) == [fault]
    assert faults(None, TABLE["claims"]["softmax.sums_to_one"]) == ["missing"]
