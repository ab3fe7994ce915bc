"""Right implementations that were reported as wrong: the claims must accept them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from mathcore.verify.claims import Claim
from mathcore.verify.errors import NotTriedError
from mathcore.verify.real_bugs import sized, tried
from mathcore.verify.reports import Thread, threads
from mathcore.verify.run.catalogue import catalogue, select
from mathcore.verify.run.results import CheckResult
from mathcore.verify.run.runner import derived_seed, run_check
from mathcore.verify.source import source_of
from mathcore.verify.targets.target import Target, mathcore_target

Operations: TypeAlias = Mapping[str, Callable[..., Any]]


@dataclass(frozen=True, eq=False)
class FalseAlarm:
    """A right implementation that was reported as wrong.

    Attributes:
        function: given mathcore's operations by name, the reported ones by name.
        reports: where it was reported.
        why: why it is harmless.
        conventions: what the implementation declares, where that is a matter of convention.
    """

    function: Callable[[Operations], Operations]
    reports: tuple[Thread, ...]
    why: str
    conventions: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Its name on the page."""
        return self.function.__name__

    @property
    def title(self) -> str:
        """What was reported."""
        return inspect.cleandoc(self.function.__doc__ or "").splitlines()[0]

    @property
    def source(self) -> str:
        """The implementation, without its decorator and docstring."""
        return source_of(self.function)

    def target(self) -> Target:
        """The implementation alone, as somebody else's: no operation of mathcore stands beside it."""
        reference = mathcore_target()
        conventions = replace(reference.conventions, **self.conventions)
        return replace(reference, name=self.id, operations=self.function(reference.operations), exact=False,
                       conventions=conventions, silent=False, guarded=True)  # fmt: skip


def false_alarm(
    *, why: str, reports: str, **conventions: Any
) -> Callable[[Callable[[Operations], Operations]], FalseAlarm]:
    """Make a function a false alarm; its docstring says what was reported."""

    def decorate(function: Callable[[Operations], Operations]) -> FalseAlarm:
        return FalseAlarm(function, threads(reports), why, conventions)

    return decorate


def accepted(
    alarm: FalseAlarm, *names: str, profile: str = "quick", seed: int = 0, part: float = 1.0
) -> Iterator[tuple[Claim, CheckResult]]:
    """Every check, or those of the claims named, that a false alarm offers the operations for, with its result.

    `part` is that of the profile's examples which are tried.
    """
    target, size = alarm.target(), sized(profile, part)
    for claim in (c for c in select(catalogue(), names) if set(c.needs) & set(target.operations)):
        for i, check in tried(claim, part):
            result = run_check(claim, check, target, size, derived_seed(seed, claim.id, i))
            if result.outcome != "not_offered":
                yield claim, result


def alarms_to_json(alarms: Sequence[FalseAlarm], *, seed: int = 0) -> list[dict[str, Any]]:
    """Claim → whether it does without refuting, of every false alarm, as JSON values; a look at a few inputs each."""
    described = []
    for alarm in alarms:
        by_claim: dict[str, bool] = {}
        for claim, result in accepted(alarm, seed=seed, part=0.1):
            by_claim[claim.id] = by_claim.get(claim.id, True) and result.outcome != "refuted"
        described.append(
            {
                "id": alarm.id,
                "title": alarm.title,
                "reports": [thread.to_json() for thread in alarm.reports],
                "source": alarm.source,
                "why": alarm.why,
                "claims": by_claim,
            }
        )
    return described


def false_alarms() -> list[FalseAlarm]:
    """All that are written here."""
    return [alarm for alarm in globals().values() if isinstance(alarm, FalseAlarm)]


@false_alarm(
    why="Queries and keys are each divided by the fourth root of d, so that the product is divided by its root.",
    reports="""
    openai/guided-diffusion #38 (2022)
    openai/improved-diffusion #54 (2022)
    pytorch/pytorch #109366 (2023)
    """,
)
def root_taken_twice(correct: Operations) -> Operations:
    """The square root is taken twice."""

    def scaled_dot_product_attention(
        query: Any, key: Any, value: Any, *, scale: float | None = None, **options: Any
    ) -> Any:
        attention = correct["scaled_dot_product_attention"]
        if scale is not None or {query.dtype, key.dtype} != {np.dtype(np.float64)}:
            return attention(query, key, value, scale=scale, **options)
        root = query.shape[-1] ** -0.25
        return attention(query * root, key * root, value, scale=1.0, **options)

    return {"scaled_dot_product_attention": scaled_dot_product_attention}


@false_alarm(
    why="Adding 1 to every score that is seen changes no weight.",
    reports="tinygrad/tinygrad PR#2425 (2023)",
)
def one_added_to_what_is_kept(correct: Operations) -> Operations:
    """The additive mask holds 1 where a key is kept, not 0."""

    def scaled_dot_product_attention(query: Any, key: Any, value: Any, *, mask: Any = None, **options: Any) -> Any:
        attention = correct["scaled_dot_product_attention"]
        told = any(options.get(name) is not None for name in ("bias", "sinks")) or options.get("return_lse")
        if mask is None or told or mask.dtype != bool:  # a 1 beside a sink would not cancel
            return attention(query, key, value, mask=mask, **options)
        return attention(query, key, value, **{**options, "bias": np.where(mask, 1.0, -np.inf).astype(query.dtype)})

    return {"scaled_dot_product_attention": scaled_dot_product_attention}


@false_alarm(
    why="Keys and values have the same width there.",
    reports="openai/gpt-2 #49 (2019)",
)
def scaled_by_the_value_width(correct: Operations) -> Operations:
    """Scores are divided by the root of the width of the values, not of the keys."""

    def scaled_dot_product_attention(
        query: Any, key: Any, value: Any, *, scale: float | None = None, **options: Any
    ) -> Any:
        if value.shape[-1] != key.shape[-1]:
            raise NotTriedError("scaled_dot_product_attention", "values of another width than keys")
        scale = value.shape[-1] ** -0.5 if scale is None and value.shape[-1] else scale
        return correct["scaled_dot_product_attention"](query, key, value, scale=scale, **options)

    return {"scaled_dot_product_attention": scaled_dot_product_attention}


@false_alarm(
    why="A turn by −θ keeps everything that depends on distances; it only means that weights cannot be exchanged.",
    reports="karpathy/nanochat PR#489 (2026) declined, with a note added",
    rope_sign=-1,
)
def turned_the_other_way(correct: Operations) -> Operations:
    """The rotation has its sign reversed."""

    def rope(x: Any, positions: Any = None, **options: Any) -> Any:
        return correct["rope_vjp"](x, x, positions, **options)

    def apply_rope(x: Any, cos: Any, sin: Any, **options: Any) -> Any:
        return correct["apply_rope_vjp"](x, x, cos, sin, **options)

    return {"rope": rope, "apply_rope": apply_rope}


@false_alarm(
    why="The features are the same ones in another order.",
    reports="""
    EleutherAI/gpt-neox #834 (2023)
    NVIDIA-NeMo/Speech #6923 (2023)
    keras-team/keras-hub #1416 (2024)
    karpathy/nanochat #264 (2025)
    """,
    rope_pairing="half",
)
def halves_paired(correct: Operations) -> Operations:
    """Pairing the two halves is not the rotation of the paper, which pairs neighbours."""

    def rope(
        x: Any, positions: Any = None, *, base: float = 1e4, rotary_dim: int | None = None, offset: int = 0
    ) -> Any:
        return correct["rope"](x, positions, base=base, rotary_dim=rotary_dim, offset=offset, interleaved=False)

    return {"rope": rope}


@false_alarm(
    why="The same numbers in another order: inner products of codes are the same. One library's repair of it broke "
    "trained models.",
    reports="""
    tensorflow/tensor2tensor PR#177 (2017)
    allenai/allennlp #2993 (2019)
    tatp22/multidim-positional-encoding #20 (2022)
    """,
    code_layout="halves",
)
def sines_before_cosines(correct: Operations) -> Operations:
    """Sines and cosines are laid one after the other, not in turns."""

    def sinusoidal_positional_encoding(positions: Any, dim: int, *, base: float = 10_000.0) -> Any:
        return correct["sinusoidal_positional_encoding"](positions, dim, base=base, interleaved=False)

    return {"sinusoidal_positional_encoding": sinusoidal_positional_encoding}


@false_alarm(
    why="Log-softmax of log-softmax is log-softmax.",
    reports="princeton-vl/SimpleView #13 (2023)",
)
def log_softmax_before_the_loss(correct: Operations) -> Operations:
    """Log-softmax is applied before a loss that applies it again."""

    def cross_entropy(logits: Any, targets: Any, **options: Any) -> Any:
        wide = logits.astype(np.float64) if logits.dtype.kind not in "iubO" else logits
        once = correct["log_softmax"](wide, options.get("axis", -1))
        return correct["cross_entropy"](once, targets, **options).astype(logits.dtype)

    return {"cross_entropy": cross_entropy}
