"""Which claims changed since a revision."""

import ast
import subprocess
from dataclasses import replace

import pytest

from mathcore.verify import catalogue, equal
from mathcore.verify.run.changed import FOLDER, _dumped, changed_since

CLAIMS = catalogue()

in_a_checkout = pytest.mark.skipif(
    subprocess.run(["git", "-C", str(FOLDER), "rev-parse", "HEAD"], capture_output=True, check=False).returncode != 0,
    reason="this is no checkout",
)


def in_head(claims):
    """Whether HEAD has these claims as they are: true but for work that is not committed."""
    clean = ["git", "-C", str(FOLDER), "diff", "--quiet", "HEAD", "--", "."]
    return subprocess.run(clean, check=False).returncode != 0 or changed_since(claims, "HEAD") == []


@in_a_checkout
def test_nothing_changed_since_head():
    assert in_head(CLAIMS)


@in_a_checkout
def test_a_sentence_or_a_check_that_changed_is_seen():
    claim = next(c for c in CLAIMS if c.id == "softmax.sums_to_one")
    said = replace(claim, statement="The outputs of softmax sum to 2.")
    said.checks.extend(claim.checks)
    checked = replace(claim)
    checked.property(x=None)(lambda ops, x: equal(ops.softmax(x), 17))
    same = replace(claim)
    same.checks.extend(claim.checks)
    assert changed_since([said, checked, same], "HEAD") == [said, checked]


@in_a_checkout
def test_a_revision_must_exist():
    with pytest.raises(LookupError, match="git does not know the revision 'nonsense'"):
        changed_since(CLAIMS, "nonsense")


def test_a_new_name_is_no_change():
    one, two, other = (ast.parse(text).body[0] for text in ("def _(x): x", "def holds(x): x", "def _(x): 2 * x"))
    assert _dumped(one) == _dumped(two) != _dumped(other)
