"""What must be true of a decoder of today, of whichever known family."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.models import decoder_mutants as wrong
from mathcore.models.decoder_inputs import decoders, parameters
from mathcore.models.decoder_textbook import SLIDING, scores_of
from mathcore.models.decoder_tolerances import decoder_rounding
from mathcore.verify import Claim, Limits, Operations, all_of, at_most, equal, raises
from mathcore.verify.promises import reproduced

SHORT = ("float16", "bfloat16")
EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"

is_the_formula = Claim(
    "decoder.is_the_formula",
    statement="The logits z of a decoder are what its family's formula says, up to rounding, written out head by head: "
    "Llama, Mistral, Qwen 3, Gemma 2 and 3 and GPT-OSS without its experts, each with its norms N, its "
    "windows, turns, sinks, biases, caps and its gate φ.",
    formula=r"x' = x + \mathrm{attention}(N(x)), \quad x'' = x' + \big(\varphi(N(x')\,G) \odot N(x')\,U\big) D, \quad "
    r"z = N(x_n)\,S",
    legend={"G": "the matrix of the gate", "U": "the matrix beside it", "D": "the matrix of an MLP's output",
            "S": "the matrix of the logits", "n": "the number of layers of both kinds",
            "x": "the vectors of the tokens"},
    limits=Limits(formats=SHORT, rows=8, width=8, fixed={"scale": "parameters of size 1"},
                  also=("at most 2 layers of width 8 and 6 tokens", "RoPE without scaling")),
    source="arXiv:2407.21783; arXiv:2310.06825; arXiv:2505.09388; arXiv:2503.19786; arXiv:2508.10925",
    needs=("decoder",),
    tolerances=(decoder_rounding,),
    refuted_by=(
        wrong.norm_afterwards, wrong.weight_as_it_is, wrong.cap_forgotten, wrong.embedding_not_scaled,
        wrong.norm_after_turning, wrong.windows_on_the_others, wrong.one_base, wrong.sink_forgotten,
        wrong.heads_in_turn, wrong.up_for_gate, wrong.one_key_more, wrong.head_of_its_own, wrong.single_too_large,
    ),
)  # fmt: skip


@is_the_formula.property(decoders())
def logits_match_the_formula(ops: Operations, params: Any, ids: Any, config: Any) -> Any:
    wide = {name: p.astype(np.float64) for name, p in params.items()}
    found = ops.decoder(params, ids, config)
    return all_of(
        equal(found, scores_of(ids, config)(wide), within=decoder_rounding(params, ids, config)),
        equal(found.dtype == params[EMBEDDING].dtype, True),
    )


no_look_ahead = Claim(
    "decoder.sees_no_future",
    statement="Which tokens come after a place changes nothing of the logits z at it, and what one text of a batch "
    "says nothing of another's: no bit if the target promises that, else no more than rounding.",
    formula=r"z_t = f(\mathrm{id}_0, \dots, \mathrm{id}_t)",
    needs=("decoder",),
    limits=Limits(formats=SHORT, rows=8, width=8),
    tolerances=(decoder_rounding,),
    refuted_by=(wrong.sees_the_future, wrong.rows_mixed),
)


@no_look_ahead.property(
    decoders(lengths=(9, 3, 2, 33), batches=((), (2,))), place=st.integers(0, 31), seed=st.integers(0, 999), effort=0.6
)
def later_tokens_change_nothing(ops: Operations, params: Any, ids: Any, config: Any, place: int, seed: int) -> Any:
    place, other = min(place, ids.shape[-1] - 2), np.array(ids)
    later = other[..., place + 1 :]
    other[..., place + 1 :] = (later + np.random.default_rng(seed).integers(0, 2, later.shape)) % config["vocab_size"]
    if ids.ndim > 1:
        other[0] = (ids[0] + 1) % config["vocab_size"]
    kept = (..., slice(0, place + 1), slice(None)) if ids.ndim == 1 else (slice(1, None), slice(0, place + 1))
    here, there = (ops.decoder(params, text, config)[kept] for text in (ids, other))
    return reproduced(
        ops, here, there, lambda: equal(here, there, within=decoder_rounding(params, ids, config)[kept] * 2)
    )


reach = Claim(
    "decoder.sees_no_farther_than_its_windows",
    statement="Where each of L layers sees a window of W tokens, its own among them, a token changes the logits z of "
    "no place more than L(W − 1) behind it: no bit if the target promises that, else no more than rounding.",
    formula=r"z_t = f(\mathrm{id}_{t - L(W - 1)}, \dots, \mathrm{id}_t)",
    source="Beltagy, Peters & Cohan, Longformer (2020), arXiv:2004.05150, section 3.1",
    needs=("decoder",),
    limits=Limits(formats=SHORT, rows=8, width=8, also=("models all of whose layers have windows",)),
    tolerances=(decoder_rounding,),
    refuted_by=(wrong.one_key_more, wrong.sees_the_first),
)
WINDOWED = decoders(families=("mistral", "gemma3_text", "gpt_oss", "qwen3"), lengths=(9, 7, 12), batches=((), (2,)))


def with_windows_everywhere(config: Any) -> dict[str, Any]:
    """The same model with a window in every layer."""
    kinds = {"layer_types": [SLIDING] * config["num_hidden_layers"]} if "layer_types" in config else {}
    return {**config, **kinds, "sliding_window": config["sliding_window"] or 2}


def first_token_changes_nothing(ops: Operations, params: Any, ids: Any, config: Any, layers: int) -> Any:
    """That the first token changes no logits of places that are farther away than windows of so many layers reach."""
    far, other = layers * (config["sliding_window"] - 1) + 1, np.array(ids)
    places = (..., slice(far, None), slice(None))
    other[..., 0] = (ids[..., 0] + 1) % config["vocab_size"]
    here, there = (ops.decoder(params, text, config)[places] for text in (ids, other))
    return reproduced(
        ops, here, there, lambda: equal(here, there, within=decoder_rounding(params, ids, config)[places] * 2)
    )


@reach.property(WINDOWED, effort=0.6)
def far_tokens_change_nothing(ops: Operations, params: Any, ids: Any, config: Any) -> Any:
    config = with_windows_everywhere(config)
    return first_token_changes_nothing(ops, params, ids, config, config["num_hidden_layers"])


steps_equal_whole = Claim(
    "decoder.steps_equal_the_whole",
    statement="Fed in pieces of any size, with caches in between, a text gets the logits that it gets at once, up to "
    "rounding, beyond the windows as well.",
    formula=r"f(\mathrm{id}_t \mid \text{caches of } \mathrm{id}_{<t}) = f(\mathrm{id}_{\le t})_t",
    needs=("decoder", "decoder_step"),
    limits=Limits(formats=SHORT, rows=8, width=8),
    tolerances=(decoder_rounding,),
    refuted_by=(wrong.cache_ignored, wrong.position_begins_anew, wrong.window_forgotten),
)


@steps_equal_whole.property(decoders(), cuts=st.lists(st.integers(0, 6), max_size=4), effort=0.5)
def steps_match_the_whole(ops: Operations, params: Any, ids: Any, config: Any, cuts: Any) -> Any:
    caches, pieces = (), []
    for piece in np.split(ids, sorted(min(cut, ids.shape[-1]) for cut in cuts), axis=-1):  # empty pieces among them
        scores, caches = ops.decoder_step(params, piece, config, caches)
        pieces.append(scores)
    whole = ops.decoder(params, ids, config)
    return equal(np.concatenate(pieces, axis=-2), whole, within=decoder_rounding(params, ids, config))


grouped = Claim(
    "decoder.grouped_heads_are_repeated_heads",
    statement="Heads that share their keys and values give what heads with keys and values of their own give, if those "
    "are the same, and in whatever order these stand, up to rounding.",
    formula=r"k_h = k'_{\lfloor h / g \rfloor}",
    legend={"k": "the keys of a head, k' those of a group", "g": "heads in a group", "h": "a head"},
    source="Ainslie et al., arXiv:2305.13245",
    needs=("decoder",),
    limits=Limits(formats=SHORT, rows=8, width=8),
    tolerances=(decoder_rounding,),
    refuted_by=(wrong.heads_in_turn,),
)


@grouped.property(decoders(layers=(1, 2)), seed=st.integers(0, 999), effort=0.4)
def repeated_heads_give_the_same(ops: Operations, params: Any, ids: Any, config: Any, seed: int) -> Any:
    d, heads = config["head_dim"], config["num_attention_heads"]
    order, repeated = np.random.default_rng(seed).permutation(heads), dict(params)
    for name, p in params.items():
        if ".o_proj.weight" in name:
            repeated[name] = p.reshape(-1, heads, d)[:, order].reshape(p.shape)
        elif "sinks" in name:
            repeated[name] = p[order]
        elif any(part in name for part in (".q_proj.", ".k_proj.", ".v_proj.")):
            of_heads = p.reshape(-1, d, *p.shape[1:])
            of_heads = of_heads.repeat(heads // len(of_heads), 0)[order]
            repeated[name] = of_heads.reshape(-1, *p.shape[1:])
    own = {**config, "num_key_value_heads": config["num_attention_heads"]}
    here, there = ops.decoder(params, ids, config), ops.decoder(repeated, ids, own)
    return equal(here, there, within=decoder_rounding(params, ids, config))


tied = Claim(
    "decoder.a_tied_head_is_the_embedding",
    statement="A tied head gives the logits that a head of its own gives which holds the embedding: the same bits if "
    "the target promises that, else up to rounding; another matrix beside it changes nothing.",
    formula=r"z = N(x_n)\,E^\top",
    legend={"E": "the embedding", "N": "the last norm", "x": "the vectors after all layers", "z": "the logits"},
    source="Press & Wolf, arXiv:1608.05859",
    needs=("decoder",),
    limits=Limits(formats=SHORT, rows=8, width=8),
    tolerances=(decoder_rounding,),
    refuted_by=(wrong.head_of_its_own,),
)


@tied.property(decoders(), effort=0.5)
def the_embedding_is_the_head(ops: Operations, params: Any, ids: Any, config: Any) -> Any:
    own = {**config, "tie_word_embeddings": False}
    here = ops.decoder({**params, HEAD: 0 * params[EMBEDDING]}, ids, {**config, "tie_word_embeddings": True})
    there = ops.decoder({**params, HEAD: params[EMBEDDING]}, ids, own)
    within = {**params, HEAD: params[EMBEDDING]}, ids, own
    return reproduced(ops, here, there, lambda: equal(here, there, within=decoder_rounding(*within)))


hidden_units = Claim(
    "decoder.hidden_units_may_change_places",
    statement="The hidden units of an MLP may change places, gate, up and down together, and the logits stay, up to "
    "rounding.",
    formula=r"\big(\varphi(xGP) \odot xUP\big) P^\top D = \big(\varphi(xG) \odot xU\big) D",
    legend={"φ": "the activation", "G": "the matrix of the gate", "U": "the matrix beside it",
            "D": "the matrix of the output", "P": "a permutation", "x": "a vector"},
    source="Hecht-Nielsen, On the algebraic structure of feedforward network weight spaces (1990)",
    needs=("decoder",),
    limits=Limits(formats=SHORT, rows=8, width=8),
    tolerances=(decoder_rounding,),
    refuted_by=(wrong.gate_interleaved,),
)  # fmt: skip


@hidden_units.property(decoders(layers=(1, 2)), seed=st.integers(0, 999), effort=0.4)
def permuted_units_give_the_same(ops: Operations, params: Any, ids: Any, config: Any, seed: int) -> Any:
    order, moved = np.random.default_rng(seed).permutation(config["intermediate_size"]), dict(params)
    for name, p in params.items():
        if ".gate_proj." in name or ".up_proj." in name:
            moved[name] = p[order]
        elif ".down_proj.weight" in name:
            moved[name] = p[:, order]
    here, there = (ops.decoder(p, ids, config) for p in (params, moved))
    return equal(here, there, within=decoder_rounding(params, ids, config))


silent = Claim(
    "decoder.a_silent_layer_changes_nothing",
    statement="A layer whose output matrices and their biases are zero passes on what came in: the model without it "
    "gives the same logits, the same bits if the target promises that, else up to rounding.",
    formula=r"x + 0 \cdot h = x",
    legend={"h": "the features of a block", "x": "what came in"},
    source="He et al., Identity Mappings in Deep Residual Networks, arXiv:1603.05027",
    needs=("decoder",),
    limits=Limits(formats=SHORT, rows=8, width=8),
    tolerances=(decoder_rounding,),
    refuted_by=(wrong.norm_afterwards,),
)


@silent.property(decoders(layers=(1, 2)), effort=0.4)
def the_model_without_it_is_the_same(ops: Operations, params: Any, ids: Any, config: Any) -> Any:
    last = config["num_hidden_layers"] - 1
    at, outputs = f"model.layers.{last}.", ("o_proj.weight", "o_proj.bias", "down_proj.weight", "down_proj.bias")
    still = {name: 0 * p if name.startswith(at) and name.endswith(outputs) else p for name, p in params.items()}
    rest = {name: p for name, p in params.items() if not name.startswith(at)}
    kinds = {"layer_types": config["layer_types"][:last]} if "layer_types" in config else {}
    fewer = {**config, **kinds, "num_hidden_layers": last}
    here, there = ops.decoder(still, ids, config), ops.decoder(rest, ids, fewer)
    return reproduced(ops, here, there, lambda: equal(here, there, within=decoder_rounding(still, ids, config)))


window_is_all = Claim(
    "decoder.a_window_is_all_that_it_sees",
    verdict="refuted",
    statement="Where every layer sees a window of W tokens, nothing before these tokens changes the logits.",
    corrected="A place of the second layer sees W places of the first, and each of them W tokens: what is more than "
    "2(W − 1) tokens before a place changes no bit of its logits z if the target promises that, else no more than "
    "rounding; what is nearer may change them.",
    formula=r"z_t = f(\mathrm{id}_{t - 2(W - 1)}, \dots, \mathrm{id}_t) \ne f(\mathrm{id}_{t - W + 1}, \dots, "
    r"\mathrm{id}_t)",
    source="Jiang et al., Mistral 7B, arXiv:2310.06825, section 2",
    needs=("decoder",),
    limits=Limits(formats=SHORT, rows=8, width=8, also=("models of two layers",)),
    tolerances=(decoder_rounding,),
    refuted_by=(wrong.one_key_more,),
    rests_on=("decoder.sees_no_farther_than_its_windows",),
)
OF_TWO = decoders(families=("mistral",), layers=(2,), lengths=(6, 9), batches=((),), windows=(2, 3))


@window_is_all.property(OF_TWO, effort=0.4)
def tokens_before_both_windows_change_nothing(ops: Operations, params: Any, ids: Any, config: Any) -> Any:
    return first_token_changes_nothing(ops, params, ids, with_windows_everywhere(config), layers=2)


@window_is_all.counterexample(window=st.integers(2, 3), seed=st.integers(0, 99))
def tokens_before_the_window_change_nothing(ops: Operations, window: int, seed: int) -> Any:
    config = {
        "model_type": "mistral", "vocab_size": 3, "hidden_size": 4, "hidden_act": "silu", "intermediate_size": 2,
        "num_hidden_layers": 2, "num_attention_heads": 1, "num_key_value_heads": 1, "head_dim": 2, "rms_norm_eps": 1e-6,
        "tie_word_embeddings": True, "rope_parameters": {"rope_type": "default", "rope_theta": 10.0},
        "sliding_window": window,
    }  # fmt: skip
    params = parameters(np.random.default_rng(seed), config)
    return first_token_changes_nothing(ops, params, np.zeros(2 * window, int), config, layers=1)


generation = Claim(
    "decoder.writes_what_it_predicts",
    statement="At temperature 0 every token written is the one with the highest logit z after all before it, but for "
    "logits that rounding may exchange; after a token that ends a text comes no other.",
    formula=r"\mathrm{id}_{t+1} = \operatorname*{argmax} z_t",
    legend={"t": "the number of tokens before"},
    needs=("decoder", "decoder_generate"),
    limits=Limits(options=("temperature", "rng"), formats=SHORT, rows=8, width=8,
                  said=("but for logits that rounding may exchange", "At temperature 0")),
    tolerances=(decoder_rounding,),
    refuted_by=(wrong.repeats_itself, wrong.prompt_forgotten, wrong.does_not_stop),
)  # fmt: skip


@generation.property(decoders(batches=((),), lengths=(3, 2)), count=st.integers(0, 3), effort=0.5)
def the_winner_is_written(ops: Operations, params: Any, ids: Any, config: Any, count: int) -> Any:
    new = ops.decoder_generate(params, ids, config, count)
    whole = np.concatenate([ids, new])
    scores, true = ops.decoder(params, whole, config), scores_of(whole, config)(params)
    ends = ops.decoder_generate(params, ids, config, count, stop=tuple(new[:1]))
    within = decoder_rounding(params, whole, config)
    rows = np.arange(len(ids) - 1, len(whole) - 1)  # after which tokens were written
    best = scores.argmax(-1)[rows]
    return all_of(
        equal(new.shape, (count,)),
        at_most(scores[rows, best], scores[rows, new], within=within[rows, best] + within[rows, new]),
        equal(ends, new[:1]),
        equal(scores, true, within=within),
    )


refusals = Claim(
    "decoder.refuses_what_it_does_not_know",
    statement="A key of a configuration that is not known, a family, a kind of layer, an activation or a mixture of "
    "experts, a parameter that is missing, strange or of another shape, caches of another model: each is an error that "
    "names it.",
    formula=r"\text{unknown} \Rightarrow \text{an error}",
    needs=("decoder", "decoder_step"),
    refuted_by=(wrong.unknown_passed_over,),
)


@refusals.exact(decoders(families=("gpt_oss",), layers=(1,), batches=((),)), effort=0.25)
def what_is_unknown_is_refused(ops: Operations, params: Any, ids: Any, config: Any) -> Any:
    other: list[dict[str, Any]] = [
        {"clip_qkv": 8.0}, {"model_type": "bert"}, {"hidden_act": "mish"}, {"num_local_experts": 4},
        {"layer_types": ["chunked_attention"]}, {"quantization_config": {"bits": 4}}, {"head_dim": 3},
    ]  # fmt: skip
    _, caches = ops.decoder_step(params, ids, config)
    fewer = {name: p for name, p in params.items() if name != EMBEDDING}
    narrow = {**params, EMBEDDING: params[EMBEDDING][:, 1:]}
    return all_of(
        *(
            raises(partial(ops.decoder, params, ids, {**config, **more}), ValueError, saying=(next(iter(more)),))
            for more in other
        ),
        raises(lambda: ops.decoder(fewer, ids, config), KeyError, saying=(EMBEDDING,)),
        raises(lambda: ops.decoder({**params, "router": ids * 1.0}, ids, config), ValueError, saying=("router",)),
        raises(lambda: ops.decoder(narrow, ids, config), ValueError, saying=(EMBEDDING, "(")),
        raises(lambda: ops.decoder_step(params, ids, config, (*caches, None)), ValueError, saying=("caches",)),
    )
