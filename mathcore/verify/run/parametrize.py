"""Claims as tests in the user's own pytest suite, without a plugin."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mathcore.verify.claims import Claim
from mathcore.verify.report.formats import failure_text
from mathcore.verify.run.catalogue import select
from mathcore.verify.run.diagnosis import check_and_diagnose, waived
from mathcore.verify.run.given import Given, everything, given_claims
from mathcore.verify.run.results import PROFILES, ClaimResult
from mathcore.verify.run.session import find_target
from mathcore.verify.run.waivers import read_waivers
from mathcore.verify.targets.target import Target


def parametrize_claims(
    target: Target | str,
    *names: str,
    claims: Given | None = None,
    waivers: Mapping[str, Any] | Path | str | None = None,
    profile: str = "quick",
    seed: int = 0,
) -> Any:
    """Parametrize a test over every claim that can be checked on the target.

        @parametrize_claims(TARGET)
        def test_my_kernels(check):
            check()

    The test takes `check`. Calling it runs the claim as `verify` does, returns the result, and raises an AssertionError
    that describes the failure if the claim does not hold. A claim that cannot be checked after all is skipped, or an
    error if it was named by its id. A waived claim is an expected failure; if it holds, that is an error.

    Args:
        target: the target, or its path as "MODULE:NAME".
        *names: claim ids, topics or `faq17`; none for all.
        claims: claims of your own, as for `verify`: without names, those alone.
        waivers: claim id → reason, or a TOML file of them.
        profile: "quick", "default" or "thorough".
        seed: the seed of all random inputs.

    Raises:
        LookupError: if a name or a waiver matches no claim, the target has no operation that a claim needs, or `claims`
            cannot be loaded.
        ValueError: for an unknown profile.

    Examples:
        >>> from mathcore.verify import Target, parametrize_claims
        >>> mark = parametrize_claims(Target.numpy("mine", softmax=mc.softmax), "softmax.sums_to_one")
        >>> [check.id for check in mark.args[1]]
        ['softmax.sums_to_one']
    """
    import pytest

    if profile not in PROFILES:
        raise ValueError(f"`profile` must be one of {', '.join(PROFILES)}, got {profile!r}")
    subject, own = find_target(target), given_claims(claims)
    known = everything(own)
    reasons = read_waivers(waivers, known)
    chosen = select(own if own and not names else known, names)
    wanted = [c for c in chosen if c.id in names or c.speaks_of(subject.operations)]
    if not any(c.speaks_of(subject.operations) for c in wanted):
        have = ", ".join(sorted(subject.operations)) or "none"
        raise LookupError(f"no claim can be checked on {subject.name}: its operations are {have}")
    checks = [_Check(c, subject, profile, seed, reasons.get(c.id, ""), named=c.id in names) for c in wanted]
    return pytest.mark.parametrize("check", [pytest.param(c, id=c.claim.id) for c in checks])


class _Check:
    """One claim, which a test calls."""

    def __init__(self, claim: Claim, target: Target, profile: str, seed: int, waiver: str, *, named: bool) -> None:
        self.claim, self._target, self._profile, self._seed = claim, target, profile, seed
        self._waiver, self._named = waiver, named

    def __call__(self) -> ClaimResult:
        import pytest

        __tracebackhide__ = True
        result = check_and_diagnose(self.claim, self._target, PROFILES[self._profile], self._seed)
        if self._waiver:
            result = waived(result, self._waiver)
        if result.outcome == "waived":
            pytest.xfail(self._waiver)
        if result.outcome == "not_offered" and not self._named:
            pytest.skip(result.detail)
        if result.outcome != "holds":
            raise AssertionError(failure_text(self.claim, result))
        return result

    def __repr__(self) -> str:
        return f"<check of {self.claim.id} on {self._target.name}>"
