"""Parts of a run: each claim in one of them, and their reports as one, however they are put together."""

import copy
import functools
import importlib
import json

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from mathcore.cli import main
from mathcore.verify import Target, catalogue, mathcore_target, verify
from mathcore.verify.run.code import target_hash
from mathcore.verify.run.results import PROFILES, Profile
from mathcore.verify.run.shards import MergeError, Shard, lost, merge

CLAIMS = catalogue()


@pytest.mark.parametrize("count", [1, 2, 8, 50])
def test_each_claim_is_in_one_part(count):
    parts = [[c.id for c in Shard(k, count).claims(CLAIMS)] for k in range(1, count + 1)]
    assert sorted(i for part in parts for i in part) == sorted(c.id for c in CLAIMS)
    order = [c.id for c in CLAIMS]
    assert all(part == sorted(part, key=order.index) for part in parts)


def test_the_parts_are_about_equally_large():
    from mathcore.verify.run.shards import _cost

    costs = [sum(map(_cost, Shard(k, 8).claims(CLAIMS))) for k in range(1, 9)]
    assert max(costs) - min(costs) <= max(map(_cost, CLAIMS))


@pytest.mark.parametrize("text", ["", "3", "0/8", "9/8", "3/0", "-1/2", "a/b", "1/2/3"])
def test_what_is_no_part_is_refused(text):
    with pytest.raises(LookupError, match="K/N"):
        Shard.parse(text)


def test_a_part_needs_a_seed():
    with pytest.raises(LookupError, match="seed"):
        verify(None, "relu", shard="1/2")


def report(part, of, ids, outcomes, **more):
    """A report as JSON, with as much as a merge reads."""
    claims = [{"id": i, "outcome": o, "mutants": {"m": o != "survived"}, "detail": ""} for i, o in outcomes.items()]
    for claim in claims:
        claim["outcome"] = "holds" if claim["outcome"] == "survived" else claim["outcome"]
    return {
        "schema": 1,
        "environment": {"python": "3.11.2", "numpy": "2.3.0", "platform": f"Linux {part}", "cpu": "x86_64"},
        "seed": 0,
        "profile": "quick",
        "target": "mine",
        "subject": {"framework": "numpy"},
        "command": "mathcore verify",
        "shard": {"of": of, "parts": [part], "ids": list(ids), "effort": [25, 0.2, 0], "code": "c0de"},
        "passed": False,
        "date": f"2026-01-0{part}T00:00:00+00:00",
        "seconds": part / 10,
        "counts": {"claims": len(claims)},
        "not_checked": {"bfloat16": [i for i, o in outcomes.items() if o == "not_offered"]} if outcomes else {},
        "claims": claims,
        **more,
    }


OUTCOMES = ["holds", "holds", "refuted", "not_offered", "inconclusive", "waived", "unexpected", "error", "survived"]


@st.composite
def runs(draw):
    """The reports of all parts of a run."""
    of, ids = draw(st.integers(1, 6)), [f"claim.{i}" for i in range(draw(st.integers(1, 9)))]
    where = {i: draw(st.integers(1, of)) for i in ids}
    outcomes = {i: draw(st.sampled_from(OUTCOMES)) for i in ids}
    made = []
    for part in range(1, of + 1):
        mine = {i: outcomes[i] for i in ids if where[i] == part}
        made.append(report(part, of, ids, mine))
        made[-1]["not_checked"] = {k: v for k, v in made[-1]["not_checked"].items() if v}
    return made, outcomes


@settings(max_examples=60, deadline=None)
@given(runs(), st.data())
def test_merging_is_commutative_and_associative(run, data):
    parts, outcomes = run
    whole = merge(parts)
    shuffled = data.draw(st.permutations(parts))
    cut = data.draw(st.integers(1, len(parts)))
    groups = [g for g in (shuffled[:cut], shuffled[cut:]) if g]
    grouped = merge([merge(group) for group in groups])
    assert grouped == whole == merge(shuffled)
    assert [c["id"] for c in whole["claims"]] == list(outcomes)
    assert whole["counts"]["claims"] == len(outcomes) == sum(whole["counts"].values()) - len(outcomes)
    good = {"holds", "not_offered", "waived"}
    assert whole["passed"] == (set(outcomes.values()) <= good and "holds" in outcomes.values())


@settings(max_examples=30, deadline=None)
@given(runs(), st.data())
def test_a_lost_part_is_no_pass(run, data):
    parts, _ = run
    gone = data.draw(st.integers(0, len(parts) - 1))
    left = parts[:gone] + parts[gone + 1 :]
    if not left:
        return
    merged = merge(left)
    assert not merged["passed"]
    assert lost(merged) == ([gone + 1], [c["id"] for c in parts[gone]["claims"]])
    with pytest.raises(MergeError, match="is there twice"):
        merge([*parts, parts[gone]])


IDS = ["a.b", "c.d", "e.f"]


def changed(path, value):
    made = [report(1, 2, IDS, {"a.b": "holds"}), report(2, 2, IDS, {"c.d": "holds", "e.f": "holds"})]
    *folders, name = path
    inside = made[1]
    for folder in folders:
        inside = inside[folder]
    inside[name] = value
    return made


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (["seed"], 1, "another seed: 0 and 1"),
        (["profile"], "default", "another profile"),
        (["target"], "theirs", "another target"),
        (["subject"], {"framework": "torch"}, "another subject"),
        (["schema"], 2, "schema 1"),
        (["shard", "of"], 3, "another number of shards"),
        (["shard", "ids"], IDS[:2], "another choice of claims"),
        (["shard", "effort"], [100, 1.0, 0], "another number of examples"),
        (["shard", "code"], "beef", "another code"),
        (["shard", "target"], "beef", "another code of the target"),
        (["shard"], None, "no shard"),
        (["environment", "numpy"], "2.4.0", r"numpy 2\.4\.0 instead of 2\.3\.0"),
        (["claims"], [], "0 claims where 2 were counted"),
    ],
)
def test_what_does_not_belong_together_is_refused(path, value, words):
    with pytest.raises(MergeError, match=words):
        merge(changed(path, value))


ODD = [None, True, 0, -1, 10**30, 1.5, float("nan"), "x", [], [[]], {}, {"x": []}, [None]]


def altered(value):
    """`value` with one part of it replaced by something odd, or left out."""
    yield from ODD
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    for key in keys:
        for part in altered(value[key]):
            other = value.copy()
            other[key] = part
            yield other
        if isinstance(value, dict):
            yield {name: part for name, part in value.items() if name != key}


def test_whatever_is_in_a_report_is_merged_or_refused():
    made = [report(1, 2, IDS, {"a.b": "holds"}), report(2, 2, IDS, {"c.d": "holds", "e.f": "refuted"})]
    made[1]["causes"] = [{"operation": "f", "kinds": ["k"], "claims": ["e.f"], "words": "w"}]
    refused = 0
    for other in altered(made[1]):
        try:
            lost(merge([other]))
            merge([made[0], other])
        except MergeError as error:
            refused += 1
            assert len(str(error)) < 400  # noqa: PT017 (some alterations mean nothing)
    assert refused > 100


def test_a_claim_that_is_in_two_parts_or_in_none_is_refused():
    one = report(1, 2, IDS, {"a.b": "holds"})
    with pytest.raises(MergeError, match="in two shards"):
        merge([one, report(2, 2, IDS, {"a.b": "holds"})])
    with pytest.raises(MergeError, match=r"does not have: x\.y"):
        merge([one, report(2, 2, IDS, {"x.y": "holds"})])
    with pytest.raises(MergeError, match="nothing"):
        merge([])


def test_machines_stand_side_by_side():
    merged = merge(changed(["environment", "cpu"], "aarch64"))
    assert merged["environment"]["cpu"] == "aarch64, x86_64"
    assert merged["passed"]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The reports of the three parts of a small run."""
    folder = tmp_path_factory.mktemp("parts")
    names, few = ("relu.algebra", "relu.gradient", "softmax.sums_to_one"), Profile("few", 3, 0.1)
    for k in (1, 2, 3):
        part = verify(None, *names, profile=few, seed=0, workers=1, shard=f"{k}/3")
        (folder / f"{k}.json").write_text(json.dumps(part.to_json()))
    return folder, verify(None, *names, profile=few, seed=0, workers=1).to_json()


def command(*args):
    return CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"}).invoke(main, ["merge", *map(str, args)])


def test_the_parts_together_are_the_run(written):
    folder, whole = written
    parts = sorted(folder.glob("?.json"))
    done = command(*parts, "--json", folder / "all.json")
    assert done.exit_code == 0, done.output
    merged = json.loads((folder / "all.json").read_text())
    times = ("seconds", "date")
    claims = [[{k: v for k, v in c.items() if k not in times} for c in r["claims"]] for r in (merged, whole)]
    assert claims[0] == claims[1]
    same = [k for k in whole if k not in (*times, "claims", "shard")]
    assert {k: merged[k] for k in same} == {k: whole[k] for k in same}


def test_exit_statuses_of_merge(written):
    folder, _ = written
    two = command(folder / "1.json", folder / "3.json")
    assert two.exit_code == 1
    assert "lost: shard 2 of 3" in two.output
    again = command(folder / "1.json", folder / "1.json")
    assert again.exit_code == 2
    assert "shard 1 of 3 is there twice" in again.output
    (folder / "broken").write_text('{"schema": 1')
    assert "is no report" in command(folder / "broken").output
    failed = json.loads((folder / "2.json").read_text())
    spoilt = copy.deepcopy(failed)
    spoilt["claims"][0]["outcome"] = "refuted"
    (folder / "spoilt").write_text(json.dumps(spoilt))
    bad = command(folder / "1.json", folder / "spoilt", folder / "3.json")
    assert bad.exit_code == 1
    assert f"{spoilt['claims'][0]['id']}: refuted" in bad.output


def test_the_effort_of_a_profile_is_part_of_a_shard():
    described = Shard(1, 2).described(CLAIMS[:2], PROFILES["quick"], mathcore_target())
    assert described["effort"] == [25, 0.2, 0]


def test_the_code_of_a_target_is_part_of_a_shard(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)

    def written_as(text, name):
        (tmp_path / f"{name}.py").write_text(text)
        return target_hash(Target.numpy("mine", relu=functools.partial(importlib.import_module(name).relu)))

    one, other = "def relu(x):\n    return x * (x > 0)\n", "relu = abs\n"
    assert written_as(one, "kernels_a") == written_as(one, "kernels_b")
    assert len({written_as(one, "kernels_c"), written_as(other, "kernels_d"), target_hash(mathcore_target())}) == 3
