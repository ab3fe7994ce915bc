"""What must be true of keys and values that are made from a latent: multi-head latent attention."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.attention import dot_product_mutants as wrong
from mathcore.attention.dot_product_mutants import ATTENTION as MIX
from mathcore.attention.dot_product_tolerances import attention_rounding
from mathcore.attention.exact_inputs import powers
from mathcore.attention.inputs import Dice
from mathcore.attention.scaling_mutants import scaled_by
from mathcore.attention.textbook import Case, figures
from mathcore.verify import Allowance, Claim, Limits, Operations, Target, domain, equal, seeds
from mathcore.verify.domains import Draw, as_dtype
from mathcore.verify.errors import ExactOnlyError
from mathcore.verify.tolerances import dot_product

SOURCE = "DeepSeek-AI, arXiv:2405.04434, §2.1"
LEGEND = {
    "q": "a query", "c": "the latent of a key", "W": "the matrices that make keys (K) and values (V) from it",
    "R": "the turn of RoPE at a position", "i": "the place of the query", "j": "that of the key",
}  # fmt: skip

# Mistakes that need one key head, or a scale of one's own, to show.
scale_ignored = scaled_by("own_scale", "Divides by √d, whatever the scale.", lambda a, _: a[0].shape[-1] ** -0.5)


def drawn(rng: Any, dice: Dice, turned: int) -> dict[str, Any]:
    """Whole numbers: queries of some heads, a latent that they share, their matrices, and a part beside the latent."""
    heads, t, n, r = dice.of(1, 2, 3), int(rng.integers(1, 4)), int(rng.integers(1, 6)), dice.of(2, 3)
    width, values = dice.of(1, 2, 3), dice.of(2, 1)
    shapes = {
        "q": (heads, t, width), "c": (1, n, r), "w_k": (heads, r, width), "w_v": (heads, r, values),
        "q_r": (heads, t, turned), "k_r": (1, n, turned),
    }  # fmt: skip
    drawn = {name: rng.integers(-2, 3, size=shape) for name, shape in shapes.items()}
    return {**drawn, "is_causal": dice.of(False, True), "query_offset": n - t}


def materialised(q: Any, c: Any, w_k: Any, w_v: Any, q_r: Any, k_r: Any, **options: Any) -> Case:
    """Keys and values of every head, made from the latent."""
    k_r = np.broadcast_to(k_r, (len(q), *k_r.shape[1:]))
    return {
        "query": np.concatenate([q, q_r], -1),
        "key": np.concatenate([c @ w_k, k_r], -1),
        "value": c @ w_v,
        **options,
    }


def absorbed(q: Any, c: Any, w_k: Any, w_v: Any, q_r: Any, k_r: Any, **options: Any) -> Case:
    """The latent as the one key head, and as its values; the matrix of the keys is folded into the query."""
    return {
        "query": np.concatenate([q @ w_k.swapaxes(-1, -2), q_r], -1),
        "key": np.concatenate([c, k_r], -1),
        "value": c,
        **options,
    }


equal_forms = Claim(
    "mla.absorbed_equals_materialised",
    statement="Keys and values that are made from a latent need not be made: with the matrix of the keys folded into "
    "the query, attention to the latent itself, then multiplied by the matrix of the values, gives the same, up to "
    "rounding. The latent may change its basis, if the matrices follow.",
    formula=r"q^\top (W_K^\top c) = (W_K q)^\top c, \qquad \sum_j p_j W_V^\top c_j = W_V^\top \sum_j p_j c_j",
    legend={**LEGEND, "p": "the weights"},
    source=SOURCE,
    needs=(MIX,),
    tolerances=(attention_rounding, dot_product),
    limits=Limits(options=("mask", "bias", "return_lse", "window", "softcap", "sinks"), width=4),
    refuted_by=(
        scale_ignored(MIX), wrong.values_in_reverse(MIX), wrong.values_of_the_first_head(MIX),
    ),
)  # fmt: skip


@domain
def exact_latents(draw: Draw, target: Target) -> dict[str, Any]:
    """Whole numbers with a power of two as exponential, and a change of the latent's basis of whole numbers."""
    if not target.exact:
        raise ExactOnlyError(MIX, "exact numbers")
    rng, dice = draw(seeds()), Dice(draw(st.integers(0, 2**32 - 1)))
    case = drawn(rng, dice, dice.of(0, 1))
    basis = np.triu(rng.integers(-1, 2, size=(case["c"].shape[-1],) * 2), 1) + np.eye(case["c"].shape[-1], dtype=int)
    return {"case": case, "basis": basis, "inverse": np.round(np.linalg.inv(basis)).astype(int)}


@equal_forms.exact(exact_latents(), effort=0.5)
def both_forms_are_exact(ops: Operations, case: Any, basis: Any, inverse: Any) -> Any:
    case = {**case, **{n: powers(x) for n, x in case.items() if isinstance(x, np.ndarray)}, "scale": 1}
    moved = {**case, "c": case["c"] @ basis, **{n: inverse @ case[n] for n in ("w_k", "w_v")}}
    latent, others = (ops.scaled_dot_product_attention(**absorbed(**x)) for x in (case, moved))
    made = ops.scaled_dot_product_attention(**materialised(**case))
    return equal(np.stack([latent @ case["w_v"], others @ moved["w_v"]]), np.stack([made, made]))


@domain
def latents(draw: Draw, target: Target, *, turned: tuple[int, ...] = (0, 1)) -> dict[str, Any]:
    """The same in any dtype, and small enough that all products before attention are exact."""
    name, rng, dice = draw(st.sampled_from(target.dtypes)), draw(seeds()), Dice(draw(st.integers(0, 2**32 - 1)))
    case = drawn(rng, dice, dice.of(*turned))
    return {n: as_dtype(x, name) if isinstance(x, np.ndarray) else x for n, x in case.items()}


def forms_agree(ops: Operations, case: Any) -> Any:
    """That attention to the latent and attention to keys and values made from it are the same but for rounding."""
    case = {**case, "scale": 0.5}
    wide = {n: x.astype(np.float64) if isinstance(x, np.ndarray) else x for n, x in case.items()}
    name = case["q"].dtype.name
    forms = [
        {n: as_dtype(x, name) if isinstance(x, np.ndarray) else x for n, x in form(**wide).items()}
        for form in (absorbed, materialised)
    ]
    latent, made = (ops.scaled_dot_product_attention(**form) for form in forms)
    of_latent, of_made = (attention_rounding(figures(form), made.dtype) for form in forms)
    latent, w_v = latent.astype(np.float64), wide["w_v"]
    product = dot_product(abs(latent) @ abs(w_v), w_v.shape[-2], np.float64)
    within = of_made + product + Allowance(of_latent.values @ abs(w_v), of_latent.names)
    return equal(made, latent @ w_v, within=within)


@equal_forms.property(latents(), effort=0.5)
def both_forms_agree(ops: Operations, **case: Any) -> Any:
    return forms_agree(ops, case)


turned_alone = Claim(
    "mla.rope_can_be_absorbed",
    verdict="refuted",
    statement="If RoPE turns the keys, the matrix that makes them from the latent can be folded into the query all the "
    "same: turn the folded query and the latent instead.",
    corrected="A turn stands between the latent and the matrix, and differs from key to key: it cannot be folded into "
    "the query. So a few features of their own are turned and kept beside the latent; with them both forms are the "
    "same, up to rounding.",
    formula=r"(R_i q)^\top R_j W_K^\top c \ne (R_i W_K q)^\top R_j c",
    legend=LEGEND,
    source=SOURCE,
    needs=("rope", MIX),
    tolerances=(attention_rounding, dot_product),
    limits=Limits(
        options=(
            "mask",
            "bias",
            "return_lse",
            "window",
            "softcap",
            "sinks",
            "base",
            "interleaved",
            "rotary_dim",
            "rope.offset",
            "frequencies",
            "attention_factor",
        ),
        width=4,
    ),
    refuted_by=(scale_ignored(MIX), wrong.values_in_reverse(MIX), wrong.values_of_the_first_head(MIX)),
)


def places(case: Any) -> tuple[Any, Any]:
    """Where queries and keys stand."""
    return case["query_offset"] + np.arange(case["q"].shape[-2]), np.arange(case["c"].shape[-2])


@turned_alone.property(latents(turned=(2, 4)), effort=0.5)
def turned_features_are_kept_beside(ops: Operations, **case: Any) -> Any:
    of_queries, of_keys = places(case)
    beside = {"q_r": ops.rope(case["q_r"], of_queries), "k_r": ops.rope(case["k_r"], of_keys)}
    return forms_agree(ops, {**case, **beside})


@domain
def even_latents(draw: Draw, target: Target) -> dict[str, Any]:
    """Latents and keys of an even width, nothing beside them, in float64."""
    del target
    rng = draw(seeds())
    shapes = {"q": (1, 1, 2), "c": (1, 3, 2), "w_k": (1, 2, 2), "w_v": (1, 2, 1), "q_r": (1, 1, 0), "k_r": (1, 3, 0)}
    case = {name: rng.integers(-2, 3, size=shape).astype(np.float64) for name, shape in shapes.items()}
    return {**case, "is_causal": False, "query_offset": 2}


@turned_alone.counterexample(even_latents())
def turned_latents_are_turned_keys(ops: Operations, **case: Any) -> Any:
    of_queries, of_keys = places(case)
    made, latent = materialised(**case, scale=1.0), absorbed(**case, scale=1.0)
    for form in (made, latent):
        form |= {"query": ops.rope(form["query"], of_queries), "key": ops.rope(form["key"], of_keys)}
    whole, folded = (ops.scaled_dot_product_attention(**form) for form in (made, latent))
    return equal(folded @ case["w_v"], whole, within=attention_rounding(figures(made), whole.dtype))
