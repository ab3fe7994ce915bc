"""What must be true of the transformer as a whole."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.gradients.records import step
from mathcore.models import transformer_mutants as wrong
from mathcore.models.transformer_tolerances import formula_rounding, slope_rounding
from mathcore.probability.cross_entropy_tolerances import cross_entropy_rounding
from mathcore.probability.row_tolerances import central_difference
from mathcore.training.inputs import Fresh
from mathcore.training.training_tolerances import softmax_of
from mathcore.verify import (
    Claim,
    Limits,
    Operations,
    Target,
    all_of,
    at_most,
    differs,
    domain,
    equal,
    given_that,
    identical,
    raises,
    seeds,
)
from mathcore.verify.domains import Draw
from mathcore.verify.laws import LAWS, Called, defaults, many_rows
from mathcore.verify.operation import Operation
from mathcore.verify.oracle.dual import derivative, third_derivative_bound
from mathcore.verify.promises import reproduced
from mathcore.verify.tolerances import rounding

NO_KINK = "no unit of a ReLU stands at 0"


@domain
def models(
    draw: Draw,
    target: Target,
    *,
    layers: tuple[int, ...] = (2, 1, 0),
    words: int = 5,
    lengths: tuple[int, ...] = (4, 3, 2),
    batches: tuple[tuple[int, ...], ...] = ((), (2,), (1,), (2, 2)),
    width: int = 8,
    dtypes: tuple[str, ...] = ("float64",),
) -> dict[str, Any]:
    """A small transformer whose every parameter is at work, and a text of at least two tokens; heads and base vary."""
    rng, vocabulary = draw(seeds()), draw(st.integers(2, words))
    num_layers, hidden = draw(st.sampled_from(layers)), draw(st.integers(1, 4))
    ids = rng.integers(0, vocabulary, (*draw(st.sampled_from(batches)), draw(st.sampled_from(lengths))))
    params = parameters(rng, vocabulary, width, num_layers, hidden)
    dtype = draw(st.sampled_from([d for d in dtypes if d in target.dtypes] or [dtypes[0]]))
    heads = [heads for heads in (2, 1, 4) if width % (2 * heads) == 0]
    base = draw(st.sampled_from([{"rope_base": 100.0}, {"rope_base": 7.0}, {}]))
    return {
        "params": {name: p.astype(dtype) for name, p in params.items()},
        "ids": ids,
        "options": {"num_heads": draw(st.sampled_from(heads)), **base},
    }


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
    """The constant terms, where x holds power series: at a kink there is no derivative."""
    if x.dtype != object:
        return x
    from flint import arb_series

    def constant(v: Any) -> Any:
        if not isinstance(v, arb_series):
            return v
        given_that(not v[0].contains(0), NO_KINK)
        return v[0]

    return np.frompyfunc(constant, 1, 1)(x)


def _norm(x: Any, weight: Any) -> Any:
    return x / np.sqrt((x * x).sum(-1, keepdims=True) / x.shape[-1] + 1e-6) * weight


def _attention(x: Any, p: Any, heads: int, base: Any) -> Any:
    d = x.shape[-1] // heads
    turns = [_turn(place, d // 2, base, x) for place in range(len(x))]
    q, k, v = (x @ p[f"attention.{name}"] for name in ("query", "key", "value"))
    columns = []
    for h in range(heads):
        own = slice(h * d, (h + 1) * d)
        queries, keys = ([_turned(row, *turn) for row, turn in zip(y[:, own], turns, strict=True)] for y in (q, k))
        rows = []
        for t in range(len(x)):
            products = [(queries[t] * key).sum(keepdims=True) for key in keys[: t + 1]]
            e = np.exp(np.concatenate(products) / _root(d, x))
            rows.append((e[:, None] / e.sum(keepdims=True) * v[: t + 1, own]).sum(0))
        columns.append(np.stack(rows))
    return np.concatenate(columns, axis=-1) @ p["attention.output"]


def _root(d: int, x: Any) -> Any:
    if x.dtype != object:
        return math.sqrt(d)
    from flint import arb

    return arb(d).sqrt()


def _turn(place: int, half: int, base: Any, x: Any) -> tuple[Any, Any]:
    """The cosines and sines of a place's angles, place · base^(−i/half)."""
    if x.dtype == object:
        from flint import arb

        angles = [arb(place) * arb(base) ** (arb(-i) / half) for i in range(half)]
        cos, sin = (np.array([getattr(a, f)() for a in angles], dtype=object) for f in ("cos", "sin"))
        return cos, sin
    angle = place * base ** (-np.arange(half) / half)
    return np.cos(angle), np.sin(angle)


def _turned(row: Any, cos: Any, sin: Any) -> Any:
    """Pair (i, i + d/2) rotated by its angle."""
    a, b = np.split(row, 2)
    return np.concatenate([a * cos - b * sin, a * sin + b * cos])


def textbook_loss(params: Any, ids: Any, heads: int, base: Any) -> Any:
    """The mean surprise over all texts."""
    losses = []
    for text in np.reshape(ids, (-1, np.shape(ids)[-1])):
        scores = textbook_scores(params, text[:-1], heads, base)
        right = scores[np.arange(len(text) - 1), text[1:]]
        losses.append(np.log(np.exp(scores).sum(-1)) - right)
    mean = np.concatenate(losses).sum(keepdims=True) / (np.size(ids) - len(losses))
    return mean.reshape(())  # never a bare number: NumPy takes a power series for an array


def on_arrays(params: Any, formula: Any) -> Any:
    """`formula` of the parameters as a function of their arrays in order."""
    names = list(params)
    return lambda *arrays: formula(dict(zip(names, arrays, strict=True)))


OPTIONS: dict[str, Any] = {"num_heads": 2, "rope_base": 100.0}


def _heads_and_base(options: Any) -> tuple[int, float]:
    return options["num_heads"], options.get("rope_base", 10_000.0)


def scores_of(ids: Any, options: Any) -> Any:
    """The textbook's scores of all texts of a batch, as a formula of the parameters."""
    texts = np.reshape(ids, (-1, np.shape(ids)[-1]))

    def formula(params: Any) -> Any:
        rows = [textbook_scores(params, text, *_heads_and_base(options)) for text in texts]
        return np.stack(rows).reshape(*np.shape(ids), -1)

    return formula


def loss_of(ids: Any, options: Any) -> Any:
    """The textbook's mean surprise, as a formula of the parameters."""
    return lambda params: textbook_loss(params, ids, *_heads_and_base(options))


def off(formula: Any, params: Any) -> Any:
    """What rounding may do to a formula of the parameters."""
    return formula_rounding(on_arrays(params, formula), params.values(), params["embedding"].dtype)


is_the_formula = Claim(
    "transformer.is_the_formula",
    statement="The scores are what the formula says, up to rounding, written out place by place and head by head: "
    "lookup; causal attention with turned queries and keys, and ReLU between two matrices, each added to what came in; "
    "a norm before each and before the matrix of the scores.",
    formula=r"x_0 = E_{\mathrm{ids}}, \quad x' = x + \mathrm{MHA}(\mathrm{norm}(x)), \quad "
    r"x'' = x' + \operatorname{relu}(\mathrm{norm}(x')\,U)\,D, \quad z = \mathrm{norm}(x_n)\,S, \quad "
    r"\mathrm{norm}(x)_i = g_i\,x_i \Big/ \sqrt{\tfrac1d \sum_j x_j^2 + 10^{-6}}",
    legend={
        "E": "the embedding", "S": "the matrix of the scores", "g": "the weights of a norm",
        "n": "the number of layers of both kinds", "x": "the vectors of the tokens",
    },
    limits=Limits(
        formats=("float16", "bfloat16"),
        rows=8,
        width=8,
        fixed={"scale": "parameters of size 1"},
        also=("at most 2 layers of width 8 and 4 tokens",),
    ),
    source="Vaswani et al., arXiv:1706.03762; Xiong et al., arXiv:2002.04745",
    needs=("transformer", "transformer_loss"),
    tolerances=(formula_rounding,),
    refuted_by=(
        wrong.sees_the_future, wrong.always_turned_alike, wrong.one_head, wrong.rows_mixed, wrong.first_layer_alone,
        wrong.shifted_twice, wrong.two_heads_always, wrong.scores_of_single_too_large, wrong.batch_wraps,
    ),
)  # fmt: skip


@is_the_formula.property(models(layers=(1, 2, 0), dtypes=("float64", "float32")), effort=0.2)
def scores_and_loss_match_the_formula(ops: Operations, params: Any, ids: Any, options: Any) -> Any:
    scores, loss = scores_of(ids, options), loss_of(ids, options)
    wide = {name: p.astype(np.float64) for name, p in params.items()}
    found = ops.transformer(params, ids, **options)
    return all_of(
        equal(found, scores(wide), within=off(scores, params)),
        equal(ops.transformer_loss(params, ids, **options), loss(wide), within=off(loss, params)),
        equal(found.dtype == params["embedding"].dtype, True),
    )


def batched(draw: Draw, dtype: str, rows: int) -> dict[str, Any]:
    """Many short texts on one or two leading axes, and a model without layers: the textbook of one is soon written."""
    rng = draw(seeds())
    ids = rng.integers(0, 5, draw(st.sampled_from([(rows, 2), (rows, 1), (rows, 2, 1), (2, rows, 1)])))
    kept = np.float32 if dtype == "float32" else np.float64
    params = {name: p.astype(kept) for name, p in parameters(rng, 5, 8, 0, 1).items()}
    return {"params": params, "ids": ids, "num_heads": 2}


def of_each_text(ops: Operations, found: Any, params: Any, ids: Any, num_heads: int) -> Any:
    """That every place has what the formula says of its token."""
    each = scores_of(np.arange(5)[:, None], {"num_heads": num_heads})
    wide = {name: p.astype(np.float64) for name, p in params.items()}
    return equal(found, each(wide)[ids, 0], within=off(each, params)[ids, 0])


whole_gradient = Claim(
    "transformer.backprop_is_the_derivative",
    statement="The gradient of a whole transformer, every parameter of every layer, over a batch of texts, is the "
    "derivative of its loss, up to rounding, wherever there is one: where no unit of a ReLU stands at 0.",
    formula=r"\langle \bar\theta, d\rangle = \frac{d}{dt}\,\ell(\theta + t d)\Big|_{t = 0}",
    legend={"d": "a direction in all parameters"},
    limits=Limits(
        formats=("float32", "float16", "bfloat16"),
        rows=4,
        width=4,
        assumes=("no unit of a ReLU stands at 0",),
        fixed={"scale": "parameters of size 1"},
        also=("one or two layers of width 4, at most 4 tokens and 2 texts",),
        said=("where no unit of a ReLU stands at 0",),
    ),
    source="Griewank & Walther, Evaluating Derivatives (2008), §3",
    needs=("transformer_gradient", "transformer_vjp", "transformer_loss"),
    tolerances=(slope_rounding, formula_rounding, central_difference),
    refuted_by=(
        *wrong.FORGOTTEN, wrong.zero_gradient, wrong.summed_not_averaged, wrong.past_the_block_forgotten,
        wrong.cotangent_ignored, wrong.first_layer_forgotten, wrong.summed_over_texts,
    ),
)  # fmt: skip


TINY = models(layers=(1,), words=3, lengths=(4, 3), batches=((),), width=4)
DEEP = models(layers=(2,), words=3, lengths=(3, 2), batches=((2,), (), (2,)), width=4)


@whole_gradient.property(TINY, seed=st.integers(0, 999), effort=0.15)
def gradient_matches_the_derivative(ops: Operations, params: Any, ids: Any, options: Any, seed: int) -> Any:
    return slope_agrees(ops, params, ids, options, seed)


@whole_gradient.property(DEEP, seed=st.integers(0, 999), effort=0.1)
def gradient_of_deeper_models_matches_the_derivative(
    ops: Operations, params: Any, ids: Any, options: Any, seed: int
) -> Any:
    return slope_agrees(ops, params, ids, options, seed)


def slope_agrees(ops: Operations, params: Any, ids: Any, options: Any, seed: int) -> Any:
    """That loss and gradient are the textbook's, along one direction in all parameters."""
    rng, formula = np.random.default_rng(seed), loss_of(ids, options)
    loss, grads = ops.transformer_gradient(params, ids, **options)
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
def vjp_matches_the_derivative(ops: Operations, params: Any, ids: Any, options: Any, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    g = rng.normal(size=(*ids.shape, len(params["embedding"])))
    directions = [rng.normal(size=p.shape) for p in params.values()]
    inputs = tuple(params.values())
    run = on_arrays(params, lambda p: np.asarray((scores_of(ids, options)(p) * g).sum()))
    grads = ops.transformer_vjp(g, params, ids, **options)
    along = sum((np.asarray(grads[name], np.float64) * d).sum() for name, d in zip(params, directions, strict=True))
    allowed = slope_rounding(run, inputs, directions, [grads[name] for name in params])
    return equal(along, derivative(run, inputs, tuple(directions)), within=allowed)


@whole_gradient.property(TINY, seed=st.integers(0, 999), effort=0.1)
def gradient_matches_central_differences(ops: Operations, params: Any, ids: Any, options: Any, seed: int) -> Any:
    # Central differences of the loss itself, with parameters and steps so round that no sum of them is rounded.
    rng, formula = np.random.default_rng(seed), loss_of(ids, options)
    params = {name: np.round(p * 2**20) / 2**20 for name, p in params.items()}
    moves = {name: step(np.float64) * rng.integers(-8, 9, p.shape) / 8 for name, p in params.items()}
    ahead, behind = ({name: p + sign * moves[name] for name, p in params.items()} for sign in (1, -1))
    high, low = (ops.transformer_loss(p, ids, **options) for p in (ahead, behind))
    _, grads = ops.transformer_gradient(params, ids, **options)
    inputs, steps, run = tuple(params.values()), tuple(moves.values()), on_arrays(params, formula)
    within = central_difference(third_derivative_bound(run, inputs, steps), abs(high - low))
    within = within + (off(formula, ahead) + off(formula, behind)) * 0.5
    within = within + slope_rounding(run, inputs, steps, [grads[name] for name in params])
    along = sum((np.asarray(grads[name], np.float64) * d).sum() for name, d in moves.items())
    return equal((high - low) / 2, along, within=within)


no_look_ahead = Claim(
    "transformer.sees_no_future",
    statement="Which tokens come after a place changes nothing of the scores at it, and what one text of a batch says "
    "nothing of another's: no bit if the target promises that, else no more than rounding, as does how many tokens "
    "come after.",
    formula=r"z_t = f(\mathrm{id}_0, \dots, \mathrm{id}_t)",
    needs=("transformer",),
    limits=Limits(formats=("float32", "float16", "bfloat16"), rows=8, width=8),
    tolerances=(formula_rounding,),
    refuted_by=(wrong.sees_the_future, wrong.rows_mixed, wrong.last_place_from_twelve_on, wrong.as_many_as_there_are),
)


@no_look_ahead.property(
    models(lengths=(9, 4, 3, 2, 33, 65), batches=((), (2,), (2, 2), (9,))),
    place=st.integers(0, 63), seed=st.integers(0, 999),
)  # fmt: skip
def later_tokens_change_nothing(ops: Operations, params: Any, ids: Any, options: Any, place: int, seed: int) -> Any:
    place, rng, other = min(place, ids.shape[-1] - 2), np.random.default_rng(seed), np.array(ids)
    other[..., place + 1 :] = rng.integers(0, len(params["embedding"]), other[..., place + 1 :].shape)
    within = off(scores_of(ids, options), params)
    here, there = (ops.transformer(params, text, **options)[..., : place + 1, :] for text in (ids, other))
    parts = [reproduced(ops, here, there, lambda: equal(here, there, within=within[..., : place + 1, :] * 2))]
    if ids.ndim > 1:
        changed = rng.integers(0, len(ids))
        strange = np.array(ids)
        strange[changed] = (ids[changed] + 1) % len(params["embedding"])
        rest = np.arange(len(ids)) != changed
        one, two = (ops.transformer(params, text, **options)[rest] for text in (ids, strange))
        parts.append(reproduced(ops, one, two, lambda: equal(one, two, within=within[rest] * 2)))
    return all_of(*parts)


@no_look_ahead.property(models(lengths=(5, 3, 2), batches=((), (2,))), place=st.integers(1, 4), effort=0.2)
def a_prefix_gives_the_same_scores(ops: Operations, params: Any, ids: Any, options: Any, place: int) -> Any:
    begun = ids[..., : min(place, ids.shape[-1] - 1)]
    alone, longer = (ops.transformer(params, text, **options) for text in (begun, ids))
    return equal(alone, longer[..., : begun.shape[-1], :], within=off(scores_of(begun, options), params))


steps_equal_whole = Claim(
    "transformer.steps_equal_the_whole",
    statement="Fed in pieces of any size, with caches in between, a text gets the scores that it gets at once, up to "
    "rounding.",
    formula=r"f(\mathrm{id}_t \mid \text{caches of } \mathrm{id}_{<t}) = f(\mathrm{id}_{\le t})_t",
    needs=("transformer", "transformer_step"),
    limits=Limits(formats=("float32", "float16", "bfloat16"), rows=8, width=8),
    tolerances=(formula_rounding,),
    refuted_by=(wrong.cache_ignored, wrong.other_rotation_in_steps),
)


@steps_equal_whole.property(
    models(layers=(1, 0, 2), lengths=(5, 3, 2, 8)), cuts=st.lists(st.integers(0, 8), max_size=4), effort=0.25
)
def steps_match_the_whole(ops: Operations, params: Any, ids: Any, options: Any, cuts: Any) -> Any:
    caches, pieces = (), []
    for piece in np.split(ids, sorted(min(c, ids.shape[-1]) for c in cuts), axis=-1):  # empty pieces among them
        scores, caches = ops.transformer_step(params, piece, caches, **options)
        pieces.append(scores)
    whole = ops.transformer(params, ids, **options)
    return equal(np.concatenate(pieces, axis=-2), whole, within=off(scores_of(ids, options), params))


generation = Claim(
    "transformer.writes_what_it_predicts",
    statement="At temperature 0 every token written is the one with the highest score after all before it, but for "
    "scores that rounding may exchange; a seed writes one text; and a temperature T > 0 draws each token, whatever was "
    "drawn before, with the probability that softmax gives it.",
    formula=r"\mathrm{id}_{t+1} \sim \operatorname{softmax}(z_t / T), \qquad T = 0: \operatorname*{argmax} z_t",
    legend={"t": "the number of tokens before"},
    limits=Limits(
        formats=("float32", "float16", "bfloat16"),
        rows=8,
        width=8,
        also=("draws counted: 2,500 tokens in a row at T = 0.5, 500 at 2, of one model without layers",),
        said=("but for scores that rounding may exchange",),
    ),
    source="Hoeffding, J. Amer. Statist. Assoc. 58 (1963), doi:10.1080/01621459.1963.10500830; Bernstein's inequality, "
    "Boucheron, Lugosi & Massart, Concentration Inequalities (2013), §2.8",
    needs=("transformer", "generate"),
    refuted_by=(
        wrong.repeats_itself, wrong.temperature_ignored, wrong.always_at_one, wrong.own_random_numbers,
        wrong.prompt_forgotten, wrong.next_in_the_list, wrong.three_best_alone, wrong.a_fifth_too_warm,
        wrong.one_number_for_all, wrong.greedy_after_the_first,
    ),
)  # fmt: skip


DRAWS, TOKENS, FALSE_ALARM = {0.5: 2500, 2.0: 500}, 64, 1e-10


@generation.statistical
def draws_follow_the_softmax(ops: Operations, rng: Any) -> Any:
    # A model whose scores are the same after every token, so that what it writes are independent draws. Three things
    # are counted. The share of each token, and how often two in a row are equal, of pairs that do not overlap, lie in
    # [0, 1]. Hoeffding: the share of n is off by more than √(x/2n), and Bernstein: the mean score by more than
    # √(2σ²x/n) + range · x/3n, with probability 2e⁻ˣ at most.
    # One token has a score of 2 and the others next to none: at T = ½ it is drawn in about half of the cases, and the
    # mean score tells temperatures apart that differ by a fifth.
    scores = np.r_[2.0, np.arange(1, TOKENS) / 256]
    params = {"embedding": np.ones((TOKENS, 4)), "norm": np.ones(4), "scores": np.tile(scores / 4, (4, 1))}
    z, parts = textbook_scores(params, np.array([1]), 2, 100.0)[-1], []
    x = math.log(2 * 2 * (TOKENS + 2) / FALSE_ALARM)
    for temperature, count in DRAWS.items():
        drawn = ops.generate(params, np.array([1]), count, temperature=temperature, rng=rng, **OPTIONS)
        e = np.exp(z / temperature)
        p = e / e.sum()
        mean, variance = p @ z, p @ z**2 - (p @ z) ** 2
        off_mean = math.sqrt(2 * variance * x / count) + float(np.ptp(z)) * x / 3 / count
        parts += [
            at_most(abs(np.bincount(drawn, minlength=TOKENS) / count - p), math.sqrt(x / 2 / count)),
            at_most(abs(z[drawn].mean() - mean), off_mean),
            at_most(abs((drawn[::2] == drawn[1::2]).mean() - p @ p), math.sqrt(x / count)),
        ]
    return all_of(*parts)


@generation.property(models(batches=((),), words=4), count=st.integers(0, 6), effort=0.5)
def greedy_choice_has_the_highest_score(ops: Operations, params: Any, ids: Any, options: Any, count: int) -> Any:
    new = ops.generate(params, ids, count, **options)
    whole = np.concatenate([ids, new])
    scores = ops.transformer(params, whole, **options)[len(ids) - 1 : len(whole) - 1]
    best = np.sort(scores, -1)
    clear = best[:, -1] - best[:, -2] > 2.0**-20  # far above what a cache may change
    return all_of(equal(new.shape, (count,)), equal(scores.argmax(-1)[clear], new[clear]))


@generation.property(
    models(batches=((),)), seed=st.integers(0, 999), temperature=st.sampled_from([0.1, 1.0, 9.0]), effort=0.5
)
def one_seed_writes_one_text(
    ops: Operations, params: Any, ids: Any, options: Any, seed: int, temperature: float
) -> Any:
    one, again = (
        ops.generate(params, ids, 8, temperature=temperature, rng=np.random.default_rng(seed), **options)
        for _ in range(2)
    )
    return all_of(equal(one, again), at_most(one, len(params["embedding"]) - 1), at_most(0, one))


first_guess = Claim(
    "transformer.starts_without_opinion",
    statement="Before training every one of the V tokens is equally likely, so that the loss is ln V, up to rounding; "
    "a seed always starts one model, another seed another.",
    formula=r"\ell(\theta_0) = \ln V",
    needs=("init_transformer", "transformer", "transformer_loss"),
    limits=Limits(formats=("float16", "bfloat16")),
    tolerances=(cross_entropy_rounding, rounding),
    refuted_by=(wrong.seed_pinned, wrong.scores_start_random, wrong.loss_in_bits),
)


@first_guess.property(
    seed=st.integers(0, 2**32 - 1), vocabulary=st.integers(1, 40) | st.just(600), num_layers=st.integers(0, 3),
    dtype=st.sampled_from(["float32", "float64"]), effort=0.5,
)  # fmt: skip
def start_is_uniform_and_seeded(ops: Operations, seed: int, vocabulary: int, num_layers: int, dtype: str) -> Any:
    one, again, other = (
        ops.init_transformer(
            np.random.default_rng(s), vocabulary=vocabulary, width=4, num_layers=num_layers, hidden=6, dtype=dtype
        )
        for s in (seed, seed, seed + 1)
    )
    ids, alike = np.arange(5) % vocabulary, np.zeros((4, vocabulary), dtype)
    allowed = cross_entropy_rounding(alike, softmax_of(alike), np.zeros(4, int), dtype, ops.conventions.summation)
    return all_of(
        equal(
            ops.transformer_loss(one, ids, **OPTIONS),
            math.log(vocabulary),
            within=allowed + rounding(math.log(vocabulary), "float64"),
        ),
        *(identical(one[name], again[name]) for name in one),
        differs(one["embedding"], other["embedding"]),
        equal([p.dtype.name == dtype for p in one.values()], True),
        equal(ops.transformer(one, ids, **OPTIONS), np.zeros((len(ids), vocabulary))),
    )


refusals = Claim(
    "transformer.refuses_what_does_not_fit",
    statement="An id out of range, a text with nothing to predict, caches of another model, a temperature below 0 or "
    "without random numbers: each is an error that says so.",
    formula=r"\mathrm{id} \notin \{0, \dots, V - 1\} \Rightarrow \text{an error}",
    needs=("transformer", "transformer_loss", "transformer_step", "generate", "init_transformer"),
    refuted_by=(wrong.ids_wrap,),
)


@refusals.exact(models(batches=((),)), far=st.sampled_from([-1, 1]), effort=0.25)
def misuse_is_refused(ops: Operations, params: Any, ids: Any, options: Any, far: int) -> Any:
    outside = np.array([-1 if far < 0 else len(params["embedding"])])
    _, caches = ops.transformer_step(params, ids, **options)
    return all_of(
        raises(lambda: ops.transformer(params, outside, **options), IndexError, saying=(str(outside[0]),)),
        raises(lambda: ops.transformer_loss(params, ids[:1], **options), ValueError, saying=("ids", "predict")),
        raises(lambda: ops.transformer_step(params, ids, (*caches, None), **options), ValueError, saying=("caches",)),
        raises(lambda: ops.generate(params, ids[:0], 1, **options), ValueError, saying=("ids",)),
        raises(lambda: ops.generate(params, ids, 1, temperature=1.0, **options), ValueError, saying=("rng",)),
        raises(
            lambda: ops.generate(params, ids, 1, temperature=-1.0, rng=np.random.default_rng(0), **options),
            ValueError, saying=("temperature",),
        ),
    )  # fmt: skip


# Many texts, and options left out.

transformer_rows = many_rows(
    Operation(
        "transformer",
        lambda draw, dtype, width, long, rows: batched(draw, dtype, rows or 3),  # noqa: ARG005  (one signature for all)
        of_each_text,
        {},
        (formula_rounding,),
        options=("num_heads",),
        stacked=batched,
        repeats=0,
        exempt=dict.fromkeys(LAWS[:3] + LAWS[4:7], "it is made of operations of which that is claimed"),
    ),
)


@domain
def calls(draw: Draw, target: Target, *more: tuple[str, Any]) -> dict[str, Any]:
    """A call of a transformer with one layer on a text whose places count."""
    rng = draw(seeds())
    params, ids = parameters(rng, 5, 8, 1, 3), rng.integers(0, 5, draw(st.sampled_from([9, 5])))
    given = {name: make(rng, ids) if callable(make) else make for name, make in more}
    return {**given, "params": params, "ids": ids, "num_heads": 2}


@domain
def starts(draw: Draw, target: Target) -> dict[str, Any]:
    """What the start of a model is made from; the generator begins anew at every call."""
    shape = {"vocabulary": draw(st.integers(1, 9)), "width": 4, "num_layers": draw(st.integers(0, 2)), "hidden": 3}
    return {"rng": Fresh(draw(st.integers(0, 2**32 - 1))), **shape}


class OfScores(Called):
    """An operation of whose answers the first is compared: caches are no numbers."""

    def answers(self, ops: Operations, **arguments: Any) -> tuple[Any, ...]:
        """The scores alone."""
        return super().answers(ops, **arguments)[:1]


OTHER_BASE = (10_000.0, 50.0)

options_left_out = (
    *(
        defaults(Called(name, calls()), rope_base=OTHER_BASE)
        for name in ("transformer", "transformer_loss", "transformer_gradient")
    ),
    defaults(OfScores("transformer_step", calls()), rope_base=OTHER_BASE),
    defaults(
        Called("transformer_vjp", calls(("cotangent", lambda rng, ids: rng.normal(size=(len(ids), 5))))),
        rope_base=OTHER_BASE,
    ),
    defaults(Called("generate", calls(("count", 6), ("rng", Fresh(0)))), rope_base=OTHER_BASE, temperature=(0.0, 3.0)),
    defaults(Called("init_transformer", starts()), dtype=(np.float32, np.float64)),
)  # fmt: skip
