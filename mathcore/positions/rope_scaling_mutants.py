"""Wrong scalings of RoPE's frequencies, on purpose."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.positions.rope_scaling_textbook import ORIGINAL, base_of, rotated
from mathcore.verify.claims import Mutant, mutant, reported
from mathcore.verify.common_mutants import Operation

Parameters = dict[str, Any]


# Other parameters than those that were given.
def asked(change: Callable[[Parameters, Any], Parameters]) -> Mutant:
    """A mutant that asks the correct function for something else: `change` takes the parameters and M."""

    def wrong(correct: Operation) -> Operation:
        def rope_scaling(head_dim: int, parameters: Any, **more: Any) -> Any:
            changed = change(dict(parameters), more.get("max_position_embeddings"))
            return correct(head_dim, changed, **more)

        return rope_scaling

    wrong.__doc__, wrong.__name__ = change.__doc__, change.__name__
    return mutant("rope_scaling", wraps=True)(wrong)


def _without(parameters: Parameters, *names: str) -> Parameters:
    return {name: value for name, value in parameters.items() if name not in names}


@asked
def factor_twice(parameters: Parameters, most: Any) -> Parameters:
    """Applies the factor twice, as to positions and to frequencies."""
    return {**parameters, "factor": parameters["factor"] ** 2} if "factor" in parameters else parameters


@asked
def factor_forgotten(parameters: Parameters, most: Any) -> Parameters:
    """Leaves the frequencies as they are."""
    return {**parameters, "factor": 1.0} if "factor" in parameters else parameters


@asked
def base_forgotten(parameters: Parameters, most: Any) -> Parameters:
    """Takes 10,000 for the base whatever was given."""
    return _without(parameters, "rope_theta")


@asked
def all_features_rotated(parameters: Parameters, most: Any) -> Parameters:
    """Forgets that only a part of the features is rotated."""
    return _without(parameters, "partial_rotary_factor")


@asked
def multiplied_base(parameters: Parameters, most: Any) -> Parameters:
    """Multiplies the base by the factor itself, without the exponent d/(d − 2)."""
    if parameters["rope_type"] != "ntk":
        return parameters
    changed = {**_without(parameters, "factor"), "rope_type": "default"}
    return {**changed, "rope_theta": base_of(parameters) * parameters["factor"]}


@asked
def whatever_the_length(parameters: Parameters, most: Any) -> Parameters:
    """Takes dynamic NTK for NTK by the factor."""
    return {**parameters, "rope_type": "ntk"} if parameters["rope_type"] == "dynamic" else parameters


@asked
def longest_for_original(parameters: Parameters, most: Any) -> Parameters:
    """Takes the length that the model is stretched to for the one that it was trained on."""
    return {**parameters, ORIGINAL: most} if ORIGINAL in parameters and most else parameters


@asked
def wavelength_without_two_pi(parameters: Parameters, most: Any) -> Parameters:
    """Takes 1/θ for the wavelength."""
    if parameters["rope_type"] not in ("yarn", "llama3"):
        return parameters
    return {**parameters, ORIGINAL: round(2 * math.pi * parameters[ORIGINAL])}


@asked
def always_truncated(parameters: Parameters, most: Any) -> Parameters:
    """Widens the ramp to whole pairs even where that is not wanted."""
    return _without(parameters, "truncate")


@asked
def usual_betas(parameters: Parameters, most: Any) -> Parameters:
    """Takes 32 and 1 for the two betas."""
    return _without(parameters, "beta_fast", "beta_slow")


@reported(
    "rope_scaling.is_its_formula",
    """
    sgl-project/sglang PR#22711 (2026)
    vllm-project/vllm PR#48623 (2026)
    """,
    alias="mscale_unread",
)
@asked
def mscale_forgotten(parameters: Parameters, most: Any) -> Parameters:
    """Knows neither mscale nor mscale_all_dim."""
    return _without(parameters, "mscale", "mscale_all_dim")


@reported(
    "rope_scaling.is_its_formula",
    """
    vllm-project/vllm PR#48351 (2026) open
    ml-explore/mlx-lm PR#1507 (2026)
    """,
)
@asked
def attention_factor_unread(parameters: Parameters, most: Any) -> Parameters:
    """Computes the attention factor although one was given."""
    return _without(parameters, "attention_factor")


@asked
def long_and_short_exchanged(parameters: Parameters, most: Any) -> Parameters:
    """Takes the factors for long texts where the text is short."""
    if parameters["rope_type"] != "longrope":
        return parameters
    return {**parameters, "long_factor": parameters["short_factor"], "short_factor": parameters["long_factor"]}


@mutant("rope_scaling", wraps=True)
def grows_too_early(correct: Operation) -> Operation:
    """Scales dynamic NTK from half of the trained length on."""

    def rope_scaling(head_dim: int, parameters: Any, **more: Any) -> Any:
        most = more.get("max_position_embeddings")
        return correct(head_dim, parameters, **{**more, "max_position_embeddings": most and max(most // 2, 1)})

    return rope_scaling


@reported(
    "rope_scaling.dynamic_decoding_is_prefill",
    """
    huggingface/transformers #25104 (2023)
    """,
    alias="dynamic_base_never_shrinks",
)
@mutant("rope_scaling", wraps=True)
def never_shrinks(correct: Operation) -> Operation:
    """Keeps the base of the longest text that it has seen."""
    longest = [0]

    def rope_scaling(head_dim: int, parameters: Any, **more: Any) -> Any:
        longest[0] = max(longest[0], more.get("length") or 0)
        return correct(head_dim, parameters, **{**more, "length": longest[0]})

    return rope_scaling


# Other answers.
def answered(change: Callable[[Any, float, Any, Parameters], tuple[Any, float]]) -> Mutant:
    """A mutant that changes the answer: frequencies, attention factor, the plain frequencies and the parameters."""

    def wrong(correct: Operation) -> Operation:
        def rope_scaling(head_dim: int, parameters: Any, **more: Any) -> Any:
            theta, factor = correct(head_dim, parameters, **more)
            dim = rotated(head_dim, parameters)
            plain = base_of(parameters) ** (-np.arange(0, dim, 2) / max(dim, 1))
            return change(theta, factor, plain, parameters)

        return rope_scaling

    wrong.__doc__, wrong.__name__ = change.__doc__, change.__name__
    return mutant("rope_scaling", wraps=True)(wrong)


@answered
def ramp_reversed(theta: Any, factor: float, plain: Any, parameters: Parameters) -> tuple[Any, float]:
    """Divides the fast pairs and leaves the slow ones."""
    if parameters["rope_type"] not in ("yarn", "llama3"):
        return theta, factor
    return plain + plain / parameters["factor"] - theta, factor


@answered
def all_pairs_divided(theta: Any, factor: float, plain: Any, parameters: Parameters) -> tuple[Any, float]:
    """Divides every frequency by the factor, whatever the type."""
    return plain / parameters.get("factor", 1.0), factor


@answered
def step_for_ramp(theta: Any, factor: float, plain: Any, parameters: Parameters) -> tuple[Any, float]:
    """Has a step where the ramp is: a pair is divided, or it is not."""
    if parameters["rope_type"] not in ("yarn", "llama3"):
        return theta, factor
    s = parameters["factor"]
    return np.where(theta > plain * (1 + 1 / s) / 2, plain, plain / s), factor


@answered
def fastest_divided(theta: Any, factor: float, plain: Any, parameters: Parameters) -> tuple[Any, float]:
    """Lets no frequency be 1: the base is stretched by one pair too many."""
    if parameters["rope_type"] not in ("ntk", "dynamic"):
        return theta, factor
    return theta * (theta[-1] / plain[-1]) ** (1 / max(len(plain), 1)), factor


@reported("rope_scaling.is_its_formula", "sgl-project/sglang PR#33558 (2026) merged", alias="mscale_applied_twice")
@answered
def lengths_squared(theta: Any, factor: float, plain: Any, parameters: Parameters) -> tuple[Any, float]:
    """Returns the square of the attention factor: what scores grow by."""
    return theta, factor**2


@answered
def lengths_kept(theta: Any, factor: float, plain: Any, parameters: Parameters) -> tuple[Any, float]:
    """Returns 1 for the attention factor."""
    return theta, 1.0


@answered
def in_float32(theta: Any, factor: float, plain: Any, parameters: Parameters) -> tuple[Any, float]:
    """Carries frequencies in float32."""
    return theta.astype(np.float32).astype(np.float64), factor


@mutant("rope_scaling", wraps=True)
def betas_exchanged(correct: Operation) -> Operation:
    """Begins the ramp of YaRN where it is to end."""

    def rope_scaling(head_dim: int, parameters: Any, **more: Any) -> Any:
        theta, factor = correct(head_dim, parameters, **more)
        if parameters["rope_type"] != "yarn":
            return theta, factor
        dim, b = rotated(head_dim, parameters), base_of(parameters)
        fast, slow = parameters.get("beta_fast", 32.0), parameters.get("beta_slow", 1.0)
        first, last = (
            dim * math.log(parameters[ORIGINAL] / (2 * math.pi * v)) / (2 * math.log(b)) for v in (slow, fast)
        )
        r = np.clip((np.arange(dim // 2) - first) / (last - first), 0, 1)
        plain = b ** (-np.arange(0, dim, 2) / max(dim, 1))
        return (1 - r) * plain + r * plain / parameters["factor"], factor

    return rope_scaling


@mutant("rope_scaling", wraps=True)
def errors_swallowed(correct: Operation) -> Operation:
    """Returns frequencies of the base where parameters make no sense."""

    def rope_scaling(head_dim: int, parameters: Any, **more: Any) -> Any:
        try:
            return correct(head_dim, parameters, **more)
        except (TypeError, ValueError):
            return correct(head_dim // 2 * 2, {})

    return rope_scaling


@mutant("rope_scaling", wraps=True)
def unknown_ignored(correct: Operation) -> Operation:
    """Passes over a parameter that the type does not have."""

    def rope_scaling(head_dim: int, parameters: Any, **more: Any) -> Any:
        try:
            return correct(head_dim, parameters, **more)
        except ValueError as error:
            if "is no parameter" not in str(error):
                raise
            name = str(error).split("`")[1]
            return rope_scaling(head_dim, _without(parameters, name), **more)

    return rope_scaling


# Other fields of a configuration.
def read(change: Callable[[Parameters], Parameters]) -> Mutant:
    """A mutant that reads another configuration than the one that was given."""

    def wrong(correct: Operation) -> Operation:
        return lambda config, **more: correct(change(dict(config)), **more)

    wrong.__doc__, wrong.__name__ = change.__doc__, change.__name__
    return mutant("rope_from_config", wraps=True)(wrong)


@read
def older_name_unread(config: Parameters) -> Parameters:
    """Knows `rope_parameters` alone, and takes what is written as `rope_scaling` for nothing."""
    return _without(config, "rope_scaling")


@read
def type_unread(config: Parameters) -> Parameters:
    """Knows `rope_type` alone, not `type`."""
    old = config.get("rope_scaling", {})
    return {**config, "rope_scaling": {"rope_type": "default"}} if "type" in old else config


@read
def head_from_the_width(config: Parameters) -> Parameters:
    """Takes the width over the number of heads for the features of a head, whatever `head_dim` says."""
    return _without(config, "head_dim")


@read
def local_base_unread(config: Parameters) -> Parameters:
    """Takes one base for all layers."""
    return {**config, "rope_local_base_freq": config["rope_theta"]} if "rope_local_base_freq" in config else config


@read
def local_layers_scaled(config: Parameters) -> Parameters:
    """Scales the layers with a window as well."""
    if "rope_local_base_freq" not in config:
        return config
    scaled = dict(config["rope_scaling"])
    return {
        **_without(config, "rope_local_base_freq", "rope_scaling"),
        "rope_parameters": {
            "full_attention": scaled,
            "sliding_attention": {**scaled, "rope_theta": config["rope_local_base_freq"]},
        },
    }


@read
def part_unread(config: Parameters) -> Parameters:
    """Rotates all features."""
    return _without(config, "partial_rotary_factor", "rotary_pct")
