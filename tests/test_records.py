"""Every public operation has a record, and every record has every law that applies to it."""

import inspect
import re

import numpy as np
import pytest

import mathcore as mc
from mathcore.verify import catalogue, equal, mathcore_target
from mathcore.verify.laws import LAWS, rows_are_independent
from mathcore.verify.operation import Operation
from mathcore.verify.records import records
from mathcore.verify.run.results import PROFILES
from mathcore.verify.run.runner import run_claim

CLAIMS = {claim.id: claim for claim in catalogue()}
RECORDS = records()
WITHOUT = {
    "alibi_bias": "numbers for places: `alibi.is_a_slope_times_the_distance`",
    "alibi_slopes": "numbers for a number of heads: `alibi.slopes_are_geometric`",
    "document_ids": "integers from integers: `packed.documents_are_alone`",
    "packed_attention": "documents, each by `scaled_dot_product_attention`: `packed.documents_are_alone`",
    "packed_attention_vjp": "documents, each by `scaled_dot_product_attention_vjp`: `packed.documents_are_alone`",
    "paged_attention": "pages, each text by `scaled_dot_product_attention`: `paged_attention.pages_are_invisible`",
    "t5_relative_position_bucket": "integers from integers: `t5_buckets.are_their_formula`",
    "adam_init": "the zeros that `adam_step` begins with",
    "adam_step": "parameters by name, not rows: claims of the optimisers",
    "sgd_step": "parameters by name, not rows: claims of the optimisers",
    "warmup_cosine": "a number for a number of steps: claims of the optimisers",
    **dict.fromkeys(
        ("causal_mask", "document_mask", "padding_mask", "prefix_mask", "window_mask"),
        "bools from places: `masks.are_their_rules`",
    ),
    **dict.fromkeys(("decoder", "decoder_generate", "decoder_step"), "parameters by name: claims of the decoder"),
    "generate": "a text from a model: claims of the transformer",
    "init_transformer": "parameters from a seed: claims of the transformer",
    "transformer_gradient": "parameters by name: `transformer.backprop_is_the_derivative`",
    "transformer_loss": "parameters by name: claims of the transformer",
    "transformer_step": "parameters by name and a cache: `transformer.steps_equal_the_whole`",
    "transformer_vjp": "parameters by name: `transformer.backprop_is_the_derivative`",
    "multi_head_attention_step": "one word and a cache: `heads.decode_equals_prefill`",
    "load_checkpoint": "files: claims of checkpoints",
    "load_decoder": "files: tests of decoders",
    "load_tokenizer": "files: claims of tokenizers from files",
    "save_checkpoint": "files: claims of checkpoints",
    "mrope_cos_sin": "positions on several axes: claims of RoPE along axes",
    "normalise": "texts: claims of tokenizers",
    "rope_frequencies": "numbers for a width: claims of RoPE",
    "rope_from_config": "fields of a configuration: claims of RoPE",
    "rope_scaling": "parameters by name: claims of RoPE",
    "rope_permutation": "places for a width: claims of RoPE",
    "start_language_model": "files of text: claims of language models",
    "train": "steps of any optimiser: claims of training",
    "train_language_model": "steps of any optimiser: claims of language models",
}
"""Public functions that the laws of operations on arrays do not fit, and what is claimed of them instead."""


def has_defaults(name):
    parameters = inspect.signature(getattr(mc, name)).parameters.values()
    return any(p.default is not p.empty for p in parameters)


def lacking(record, claims, defaults=True):
    """The laws that are neither claimed of an operation nor exempt, and those that are both."""
    laws = [law for law in LAWS if defaults or law != "defaults"]
    return [law for law in laws if (f"{record.name}.{law}" in claims) == (law in record.exempt)]


@pytest.mark.parametrize("name", [name for name in RECORDS if not name.endswith("_vjp")])
def test_every_record_has_every_law(name):
    assert lacking(RECORDS[name], CLAIMS, has_defaults(name)) == []


@pytest.mark.parametrize("name", [name for name in RECORDS if name.endswith("_vjp")])
def test_the_laws_of_an_operation_are_those_of_its_derivative(name):
    of = name.removesuffix("_vjp")
    laws = [law for law in ("layout_free", "pure", "many_rows") if law not in RECORDS[of].exempt]
    assert [law for law in laws if name not in CLAIMS[f"{of}.{law}"].needs] == []


def test_every_public_function_has_a_record_or_a_reason():
    public = {name for name in mc.__all__ if inspect.isfunction(getattr(mc, name))}
    assert public - set(RECORDS) == set(WITHOUT)


def compared(name):
    """The claims that compare a derivative with the exact one, or with differences."""
    words = ("gradient", "derivative", "finite_differences")
    return [c.id for c in CLAIMS.values() if name in c.needs and any(word in c.id for word in words)]


@pytest.mark.parametrize("name", [name for name in RECORDS if name.endswith("_vjp")])
def test_every_derivative_is_compared_with_differences(name):
    assert compared(name)


def test_a_derivative_that_nothing_compares_is_seen():
    assert compared("planted_vjp") == []


def unknown(reasons):
    """The claims that reasons point to and that do not exist."""
    named = {name for reason in reasons for name in re.findall(r"`(\w+\.\w+)`", reason)}
    return sorted(named - set(CLAIMS))


def test_reasons_point_to_claims_that_exist():
    exempt = [reason for record in RECORDS.values() for reason in record.exempt.values()]
    assert unknown([*exempt, *WITHOUT.values()]) == []


def test_a_reason_that_points_nowhere_is_seen():
    assert unknown(["`softmax.planted` says so, and `softmax.sums_to_one`"]) == ["softmax.planted"]


def test_an_operation_without_a_law_is_seen():
    planted = Operation("planted", dict, lambda: equal(0, 0), {}, exempt={"pure": "it is not", "any_width": "none"})
    claims = {f"planted.{law}" for law in LAWS if law not in ("pure", "many_rows")}
    assert lacking(planted, claims) == ["any_width", "many_rows"]


def spoilt_beside_nan(correct):
    """Keeps the first answer, and spoils the second one wherever another row holds NaN."""

    def wrong(*arguments, **options):
        first, second = correct(*arguments, **options)
        return first, np.full_like(second, np.nan) if np.isnan(arguments[0]).any() else second

    return wrong


@pytest.mark.parametrize("name", ["merge_attention", "cross_entropy_and_grad", "rms_norm_vjp"])
def test_rows_are_independent_in_every_answer_that_has_rows(name):
    claim = rows_are_independent(RECORDS[name], refuted_by=())
    correct = mathcore_target()
    wrong = correct.replacing("planted", **{name: spoilt_beside_nan(correct.operations[name])})
    result = run_claim(claim, wrong, None, PROFILES["quick"], 0)
    # The weights of a norm have a gradient of all rows, which one that is NaN does spoil.
    assert result.outcome == ("holds" if name == "rms_norm_vjp" else "refuted")
