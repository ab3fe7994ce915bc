"""What must be true of the transformer as a whole."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import reject
from hypothesis import strategies as st

from mathcore import models_mutants as wrong
from mathcore.gradients_rows import step
from mathcore.models_tolerances import formula_rounding, slope_rounding
from mathcore.probability_tolerances import central_difference
from mathcore.verify import (
    Claim,
    Operations,
    Target,
    all_of,
    at_most,
    differs,
    domain,
    equal,
    identical,
    raises,
    seeds,
)
from mathcore.verify.domains import Draw
from mathcore.verify.numbers import derivative, third_derivative_bound

NUM_HEADS, BASE = 2, 100.0


@domain
def models(
    draw: Draw,
    target: Target,
    *,
    layers: tuple[int, ...] = (2, 1, 0),
    words: int = 5,
    lengths: tuple[int, ...] = (4, 3, 2),
    batch: bool = True,
    width: int = 8,
) -> dict[str, Any]:
    """A small transformer whose every parameter is at work, and a text of at least two tokens."""
    rng, vocabulary = draw(seeds()), draw(st.integers(2, words))
    num_layers, hidden = draw(st.sampled_from(layers)), draw(st.integers(1, 4))
    lead = draw(st.sampled_from([(), (2,)])) if batch else ()
    ids = rng.integers(0, vocabulary, (*lead, draw(st.sampled_from(lengths))))
    return {"params": parameters(rng, vocabulary, width, num_layers, hidden), "ids": ids}


def parameters(rng: Any, vocabulary: int, width: int, num_layers: int, hidden: int) -> dict[str, Any]:
    """Normal numbers under the names of the parameters."""
    shapes: dict[str, tuple[int, ...]] = {"embedding": (vocabulary, width)}
    for i in range(num_layers):
        shapes[f"{i}.attention.norm"] = shapes[f"{i}.mlp.norm"] = (width,)
        shapes |= {f"{i}.attention.{name}": (width, width) for name in ("query", "key", "value", "output")}
        shapes |= {f"{i}.mlp.up": (width, hidden), f"{i}.mlp.down": (hidden, width)}
    shapes |= {"norm": (width,), "scores": (width, vocabulary)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


# The textbook: one text, explicit loops over places and heads, for floats and for numbers that carry more.


def textbook_scores(params: Any, ids: Any, heads: int, base: Any) -> Any:
    """The scores after each token of one text."""
    x = params["embedding"][ids]
    for i in range(sum(name.endswith("mlp.up") for name in params)):
        p = {name.split(".", 1)[1]: value for name, value in params.items() if name.startswith(f"{i}.")}
        x = x + _attention(_norm(x, p["attention.norm"]), p, heads, base)
        x = x + _relu(_norm(x, p["mlp.norm"]) @ p["mlp.up"]) @ p["mlp.down"]
    return _norm(x, params["norm"]) @ params["scores"]


def _relu(x: Any) -> Any:
    return np.where(np.asarray(_at_start(x) > 0, bool), x, x * 0)


def _at_start(x: Any) -> Any:
    """The constant terms, where x holds power series. No derivative exists where one may lie on either side of 0."""
    if x.dtype != object:
        return x
    from flint import arb_series

    def constant(v: Any) -> Any:
        if not isinstance(v, arb_series):
            return v
        return reject() if v[0].contains(0) else v[0]

    return np.frompyfunc(constant, 1, 1)(x)


def _norm(x: Any, weight: Any) -> Any:
    return x / np.sqrt((x * x).sum(-1, keepdims=True) / x.shape[-1] + 1e-6) * weight


def _attention(x: Any, p: Any, heads: int, base: Any) -> Any:
    d = x.shape[-1] // heads
    columns = []
    for h in range(heads):
        own = slice(h * d, (h + 1) * d)
        q, k, v = ((x @ p[f"attention.{name}"])[:, own] for name in ("query", "key", "value"))
        rows = []
        for t in range(len(x)):
            turned = [_turned(k[s], s, base) for s in range(t + 1)]
            products = [(_turned(q[t], t, base) * key).sum(keepdims=True) for key in turned]
            e = np.exp(np.concatenate(products) / _root(d, x))
            rows.append((e[:, None] / e.sum(keepdims=True) * v[: t + 1]).sum(0))
        columns.append(np.stack(rows))
    return np.concatenate(columns, axis=-1) @ p["attention.output"]


def _root(d: int, x: Any) -> Any:
    if x.dtype != object:
        return math.sqrt(d)
    from flint import arb

    return arb(d).sqrt()


def _turned(row: Any, place: int, base: Any) -> Any:
    """Pair (i, i + d/2) turned by place · base^(−2i/d)."""
    half = len(row) // 2
    if row.dtype == object:
        from flint import arb

        angles = [arb(place) * arb(base) ** (arb(-i) / half) for i in range(half)]
        cos, sin = (np.array([getattr(a, f)() for a in angles], dtype=object) for f in ("cos", "sin"))
    else:
        angle = place * base ** (-np.arange(half) / half)
        cos, sin = np.cos(angle), np.sin(angle)
    a, b = row[:half], row[half:]
    return np.concatenate([a * cos - b * sin, a * sin + b * cos])


def textbook_loss(params: Any, ids: Any, heads: int, base: Any) -> Any:
    """The mean surprise over all texts."""
    losses = []
    for text in np.atleast_2d(ids):
        scores = textbook_scores(params, text[:-1], heads, base)
        right = scores[np.arange(len(text) - 1), text[1:]]
        losses.append(np.log(np.exp(scores).sum(-1)) - right)
    mean = np.concatenate(losses).sum(keepdims=True) / (np.size(ids) - len(losses))
    return mean.reshape(())  # never a bare number: NumPy takes a power series for an array


def on_arrays(params: Any, formula: Any) -> Any:
    """`formula` of the parameters as a function of their arrays in order."""
    names = list(params)
    return lambda *arrays: formula(dict(zip(names, arrays, strict=True)))


OPTIONS: dict[str, Any] = {"num_heads": NUM_HEADS, "rope_base": BASE}


def scores_of(ids: Any) -> Any:
    """The textbook's scores of all texts of a batch, as a formula of the parameters."""

    def formula(params: Any) -> Any:
        rows = [textbook_scores(params, text, NUM_HEADS, BASE) for text in np.atleast_2d(ids)]
        return np.stack(rows).reshape(*np.shape(ids), -1)

    return formula


def loss_of(ids: Any) -> Any:
    """The textbook's mean surprise, as a formula of the parameters."""
    return lambda params: textbook_loss(params, ids, NUM_HEADS, BASE)


def off(formula: Any, params: Any) -> Any:
    """What rounding may do to a formula of the parameters."""
    return formula_rounding(on_arrays(params, formula), params.values())


is_the_formula = Claim(
    "transformer.is_the_formula",
    statement="The scores are what the formula says, written out place by place and head by head: lookup, attention "
    "with turned queries and keys, ReLU between two matrices, each added to what came in, a norm before each.",
    formula=r"x' = x + \mathrm{MHA}(\mathrm{norm}(x)), \qquad x'' = x' + \operatorname{relu}(\mathrm{norm}(x')\,U)\,D",
    source="Vaswani et al., arXiv:1706.03762; Xiong et al., arXiv:2002.04745",
    needs=("transformer", "transformer_loss"),
    tolerances=(formula_rounding,),
    refuted_by=(
        wrong.sees_the_future, wrong.always_turned_alike, wrong.one_head, wrong.rows_mixed, wrong.first_layer_alone,
        wrong.shifted_twice,
    ),
)  # fmt: skip


@is_the_formula.property(models(layers=(1, 2, 0)), effort=0.2)
def _(ops: Operations, params: Any, ids: Any) -> Any:
    scores, loss = scores_of(ids), loss_of(ids)
    return all_of(
        equal(ops.transformer(params, ids, **OPTIONS), scores(params), within=off(scores, params)),
        equal(ops.transformer_loss(params, ids, **OPTIONS), loss(params), within=off(loss, params)),
    )


whole_gradient = Claim(
    "transformer.backprop_is_the_derivative",
    statement="The gradient of a whole transformer, every parameter of every layer, is the derivative of its loss.",
    formula=r"\langle \bar\theta, d\rangle = \frac{d}{dt}\,\ell(\theta + t d)\Big|_{t = 0}",
    source="Griewank & Walther, Evaluating Derivatives (2008), §3",
    needs=("transformer_gradient", "transformer_vjp", "transformer_loss"),
    tolerances=(slope_rounding, formula_rounding, central_difference),
    refuted_by=(
        *wrong.FORGOTTEN, wrong.zero_gradient, wrong.summed_not_averaged, wrong.past_the_block_forgotten,
        wrong.cotangent_ignored,
    ),
)  # fmt: skip


TINY = models(layers=(1,), words=3, lengths=(4, 3), batch=False, width=4)


@whole_gradient.property(TINY, seed=st.integers(0, 999), effort=0.25)
def _(ops: Operations, params: Any, ids: Any, seed: int) -> Any:
    rng, formula = np.random.default_rng(seed), loss_of(ids)
    loss, grads = ops.transformer_gradient(params, ids, **OPTIONS)
    directions = [rng.normal(size=p.shape) for p in params.values()]
    inputs, run = tuple(params.values()), on_arrays(params, formula)
    along = sum((np.asarray(grads[name], np.float64) * d).sum() for name, d in zip(params, directions, strict=True))
    allowed = slope_rounding(run, inputs, directions, [grads[name] for name in params])
    return all_of(
        equal(along, derivative(run, inputs, tuple(directions)), within=allowed),
        equal(loss, formula(params), within=off(formula, params)),
        equal([grads[name].shape == p.shape for name, p in params.items()], True),
    )


@whole_gradient.property(TINY, seed=st.integers(0, 999), effort=0.15)
def _(ops: Operations, params: Any, ids: Any, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    g = rng.normal(size=(*ids.shape, len(params["embedding"])))
    directions = [rng.normal(size=p.shape) for p in params.values()]
    inputs = tuple(params.values())
    run = on_arrays(params, lambda p: np.asarray((scores_of(ids)(p) * g).sum()))
    grads = ops.transformer_vjp(g, params, ids, **OPTIONS)
    along = sum((np.asarray(grads[name], np.float64) * d).sum() for name, d in zip(params, directions, strict=True))
    allowed = slope_rounding(run, inputs, directions, [grads[name] for name in params])
    return equal(along, derivative(run, inputs, tuple(directions)), within=allowed)


@whole_gradient.property(TINY, seed=st.integers(0, 999), effort=0.1)
def _(ops: Operations, params: Any, ids: Any, seed: int) -> Any:
    # Central differences of the loss itself, with parameters and steps so round that no sum of them is rounded.
    rng, formula = np.random.default_rng(seed), loss_of(ids)
    params = {name: np.round(p * 2**20) / 2**20 for name, p in params.items()}
    moves = {name: step(np.float64) * rng.integers(-8, 9, p.shape) / 8 for name, p in params.items()}
    ahead, behind = ({name: p + sign * moves[name] for name, p in params.items()} for sign in (1, -1))
    high, low = (ops.transformer_loss(p, ids, **OPTIONS) for p in (ahead, behind))
    _, grads = ops.transformer_gradient(params, ids, **OPTIONS)
    inputs, steps, run = tuple(params.values()), tuple(moves.values()), on_arrays(params, formula)
    within = central_difference(third_derivative_bound(run, inputs, steps), abs(high - low))
    within = within + (off(formula, ahead) + off(formula, behind)) * 0.5
    within = within + slope_rounding(run, inputs, steps, [grads[name] for name in params])
    along = sum((np.asarray(grads[name], np.float64) * d).sum() for name, d in moves.items())
    return equal((high - low) / 2, along, within=within)


no_look_ahead = Claim(
    "transformer.sees_no_future",
    statement="Whatever comes after a place changes no bit of the scores at it, and no text of a batch changes "
    "another.",
    formula=r"z_t = f(\mathrm{id}_0, \dots, \mathrm{id}_t)",
    needs=("transformer",),
    refuted_by=(wrong.sees_the_future, wrong.rows_mixed),
)


@no_look_ahead.property(models(lengths=(9, 4, 3, 2)), place=st.integers(0, 7), seed=st.integers(0, 999))
def _(ops: Operations, params: Any, ids: Any, place: int, seed: int) -> Any:
    place = min(place, ids.shape[-1] - 2)
    other = np.array(ids)
    other[..., place + 1 :] = np.random.default_rng(seed).integers(
        0, len(params["embedding"]), other[..., place + 1 :].shape
    )
    parts = [identical(*(ops.transformer(params, text, **OPTIONS)[..., : place + 1, :] for text in (ids, other)))]
    if ids.ndim > 1:
        strange = np.stack([ids[0], (ids[1] + 1) % len(params["embedding"])])
        parts.append(identical(*(ops.transformer(params, text, **OPTIONS)[0] for text in (ids, strange))))
    return all_of(*parts)


steps_equal_whole = Claim(
    "transformer.steps_equal_the_whole",
    statement="Fed in pieces of any size, with caches in between, a text gets the scores that it gets at once.",
    formula=r"f(\mathrm{id}_t \mid \text{caches of } \mathrm{id}_{<t}) = f(\mathrm{id}_{\le t})_t",
    needs=("transformer", "transformer_step"),
    tolerances=(formula_rounding,),
    refuted_by=(wrong.cache_ignored, wrong.other_rotation_in_steps),
)


@steps_equal_whole.property(models(layers=(1, 0, 2), lengths=(5, 3, 2)), cuts=st.sets(st.integers(1, 4)), effort=0.25)
def _(ops: Operations, params: Any, ids: Any, cuts: Any) -> Any:
    caches, pieces = (), []
    for piece in np.split(ids, sorted(c for c in cuts if c < ids.shape[-1]), axis=-1):
        scores, caches = ops.transformer_step(params, piece, caches, **OPTIONS)
        pieces.append(scores)
    whole = ops.transformer(params, ids, **OPTIONS)
    return equal(np.concatenate(pieces, axis=-2), whole, within=off(scores_of(ids), params))


generation = Claim(
    "transformer.writes_what_it_predicts",
    statement="At temperature 0 every token written is the one with the highest score after all before it; the same "
    "seed writes the same text; and a temperature draws each token with the probability that softmax gives it.",
    formula=r"\mathrm{id}_{t+1} \sim \operatorname{softmax}(z_t / T), \qquad T \to 0: \operatorname*{argmax} z_t",
    source="Hoeffding, J. Amer. Statist. Assoc. 58 (1963), doi:10.1080/01621459.1963.10500830",
    needs=("transformer", "generate"),
    refuted_by=(
        wrong.repeats_itself, wrong.temperature_ignored, wrong.always_at_one, wrong.own_random_numbers,
        wrong.prompt_forgotten, wrong.next_in_the_list,
    ),
)  # fmt: skip


@generation.property(models(batch=False, words=4), count=st.integers(0, 6), effort=0.5)
def _(ops: Operations, params: Any, ids: Any, count: int) -> Any:
    new = ops.generate(params, ids, count, **OPTIONS)
    whole = np.concatenate([ids, new])
    scores = ops.transformer(params, whole, **OPTIONS)[len(ids) - 1 : len(whole) - 1]
    best = np.sort(scores, -1)
    clear = best[:, -1] - best[:, -2] > 2.0**-20  # far above what a cache may change
    return all_of(equal(new.shape, (count,)), equal(scores.argmax(-1)[clear], new[clear]))


@generation.property(
    models(batch=False), seed=st.integers(0, 999), temperature=st.sampled_from([0.1, 1.0, 9.0]), effort=0.5
)
def _(ops: Operations, params: Any, ids: Any, seed: int, temperature: float) -> Any:
    one, again = (
        ops.generate(params, ids, 8, temperature=temperature, rng=np.random.default_rng(seed), **OPTIONS)
        for _ in range(2)
    )
    return all_of(equal(one, again), at_most(one, len(params["embedding"]) - 1), at_most(0, one))


DRAWS = 1200


@generation.statistical
def _(ops: Operations, rng: Any) -> Any:
    # Hoeffding: the share of n draws is off by more than √(ln(2k/α)/2n) for one of k tokens with probability α at most.
    # A model without layers whose scores are 0, 1, 2 and 3, but for what ε does to the norm.
    params = {"embedding": np.ones((4, 4)), "norm": np.ones(4), "scores": np.tile(np.arange(4.0) / 4, (4, 1))}
    far, parts = math.sqrt(math.log(2 * 4 * 2 / 1e-10) / 2 / DRAWS), []
    for temperature in (0.5, 2.0):
        options = {**OPTIONS, "temperature": temperature, "rng": rng}
        drawn = [int(ops.generate(params, np.array([1]), 1, **options)[0]) for _ in range(DRAWS)]
        e = np.exp(textbook_scores(params, np.array([1]), NUM_HEADS, BASE)[-1] / temperature)
        parts.append(at_most(abs(np.bincount(drawn, minlength=4) / DRAWS - e / e.sum()), far))
    return all_of(*parts)


first_guess = Claim(
    "transformer.starts_without_opinion",
    statement="Before training every token is equally likely, so that the loss is ln V; the same seed starts the same "
    "model, another seed another.",
    formula=r"\ell(\theta_0) = \ln V",
    needs=("init_transformer", "transformer", "transformer_loss"),
    tolerances=(formula_rounding,),
    refuted_by=(wrong.seed_pinned, wrong.scores_start_random),
)


@first_guess.property(
    seed=st.integers(0, 2**32 - 1), vocabulary=st.integers(2, 40), num_layers=st.integers(0, 3),
    dtype=st.sampled_from(["float32", "float64"]), effort=0.5,
)  # fmt: skip
def _(ops: Operations, seed: int, vocabulary: int, num_layers: int, dtype: str) -> Any:
    one, again, other = (
        ops.init_transformer(
            np.random.default_rng(s), vocabulary=vocabulary, width=4, num_layers=num_layers, hidden=6, dtype=dtype
        )
        for s in (seed, seed, seed + 1)
    )
    ids = np.arange(min(vocabulary, 5))
    return all_of(
        *(identical(one[name], again[name]) for name in one),
        differs(one["embedding"], other["embedding"]),
        equal([p.dtype.name == dtype for p in one.values()], True),
        equal(ops.transformer(one, ids, **OPTIONS), np.zeros((len(ids), vocabulary))),
    )


refusals = Claim(
    "transformer.refuses_what_does_not_fit",
    statement="An id out of range, a text with nothing to predict, caches of another model, a temperature without "
    "random numbers: each is an error that says so.",
    formula=r"\mathrm{id} \notin \{0, \dots, V - 1\} \Rightarrow \text{an error}",
    needs=("transformer", "transformer_loss", "transformer_step", "generate", "init_transformer"),
    refuted_by=(wrong.ids_wrap,),
)


@refusals.exact(models(batch=False), far=st.sampled_from([-1, 1]), effort=0.25)
def _(ops: Operations, params: Any, ids: Any, far: int) -> Any:
    outside = np.array([-1 if far < 0 else len(params["embedding"])])
    _, caches = ops.transformer_step(params, ids, **OPTIONS)
    return all_of(
        raises(lambda: ops.transformer(params, outside, **OPTIONS), IndexError, saying=(str(outside[0]),)),
        raises(lambda: ops.transformer_loss(params, ids[:1], **OPTIONS), ValueError, saying=("ids", "predict")),
        raises(lambda: ops.transformer_step(params, ids, (*caches, None), **OPTIONS), ValueError, saying=("caches",)),
        raises(lambda: ops.generate(params, ids[:0], 1, **OPTIONS), ValueError, saying=("ids",)),
        raises(lambda: ops.generate(params, ids, 1, temperature=1.0, **OPTIONS), ValueError, saying=("rng",)),
        raises(
            lambda: ops.generate(params, ids, 1, temperature=-1.0, rng=np.random.default_rng(0), **OPTIONS),
            ValueError, saying=("temperature",),
        ),
    )  # fmt: skip
