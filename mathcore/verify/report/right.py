"""What a call should have returned, in the target's conventions: mathcore's answer, and the textbook's judgement."""

from __future__ import annotations

import contextlib
import inspect
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from mathcore.verify.records import record_of
from mathcore.verify.relations import Conjunction, Relation, ratios
from mathcore.verify.targets.signatures import defaults_of, is_default, public, reference_signature
from mathcore.verify.targets.target import MATHCORE, Operations

if TYPE_CHECKING:
    from mathcore.verify.targets.caller import Call
    from mathcore.verify.targets.target import Target

_MAX_SIZE = 4096  # of an answer that is judged by the slow, exact oracle
_OF_NOTHING = {"softmax_of_nothing", "attention_of_nothing"}
_TRANSLATED = {
    *("mask_polarity", "rope_pairing", "rope_sign", "code_layout", "causal_alignment", "attention_layout"),
    *("attention_scale", "grouped_heads", "linear_weight"),
}
_ROUNDING = {
    *("summation", "log_softmax", "temperature", "cosine", "activation_tails", "rope_angles", "rms_norm_rounding"),
    *("half_precision", "subnormals", "intermediates", "hidden_values", "errors", "repeatable"),
}
"""Conventions under which the value is mathcore's: only the last digits differ, or such inputs are not tried."""


def right_answer(call: Call, target: Target) -> Any:
    """mathcore's answer in the target's form; None if it is not known, e.g. under a convention that changes values."""
    declared = {name for name, value in MATHCORE.difference(target.conventions).items() if value != "any"}
    if call.given is None or call.back is None or declared - _TRANSLATED - _ROUNDING - _OF_NOTHING:
        return None
    with contextlib.suppress(Exception):
        right = _called(call)
        right = _in_the_form_of_target(call, right)
        return _with_rows_of_nothing(call, right) if declared & _OF_NOTHING else right
    return None


def is_refused(call: Call) -> bool:
    """Whether mathcore raises an error for these arguments."""
    if call.given is None:
        return False
    try:
        _called(call)
    except Exception:
        return True
    return False


def _called(call: Call) -> Any:
    signature = reference_signature(call.operation)
    assert signature is not None
    assert call.given is not None
    bound = inspect.BoundArguments(signature, dict(call.given))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return public()[call.operation](*bound.args, **bound.kwargs)


def positions(call: Call) -> Any:
    """For each element of the translated answer, its place in the target's answer, row by row.

    Raises:
        ValueError: if the translation does more than move elements.
    """
    assert call.back is not None
    answers = call.answer if isinstance(call.answer, tuple) else (call.answer,)
    places = tuple(np.arange(np.size(a)).reshape(np.shape(a)) for a in answers)
    moved = call.back(places if isinstance(call.answer, tuple) else places[0])
    moved = moved if isinstance(moved, tuple) else (moved,)
    back = call.back(call.answer)
    for place, answer, translated in zip(moved, answers, back if isinstance(back, tuple) else (back,), strict=True):
        if np.asarray(answer).ravel()[np.asarray(place)].tobytes() != np.asarray(translated).tobytes():
            raise ValueError("the translation changes values")
    return moved


def _in_the_form_of_target(call: Call, right: Any) -> Any:
    answers = call.answer if isinstance(call.answer, tuple) else (call.answer,)
    parts = right if isinstance(right, tuple) else (right,)
    if call.answer is None or call.back(call.answer) is call.answer:  # type: ignore[misc]
        return right
    found = []
    for place, answer, part in zip(positions(call), answers, parts, strict=True):
        flat = np.empty(np.size(answer), np.asarray(part).dtype)
        flat[np.asarray(place).ravel()] = np.asarray(part).ravel()
        found.append(flat.reshape(np.shape(answer)))
    return tuple(found) if isinstance(right, tuple) else found[0]


def _with_rows_of_nothing(call: Call, right: Any) -> Any:
    """The target's own rows where mathcore's are all 0, which a convention may make NaN, or a mean."""
    if isinstance(right, tuple):
        return None
    nothing = ~np.asarray(right).astype(bool).any(-1, keepdims=True)
    return np.where(nothing, call.answer, right)


def judged(call: Call, target: Target) -> list[Relation]:
    """What the record of the operation says of the answer, as relations that do not hold; none if that is not known."""
    record = record_of(call.operation)
    parts = call.answer if isinstance(call.answer, tuple) else (call.answer,)
    if record is None or call.given is None or call.back is None or sum(map(np.size, parts)) > _MAX_SIZE:
        return []
    defaults, answer = defaults_of(call.operation), call.back(call.answer)
    answer = answer[0] if call.given.get("return_lse") else answer
    required = [v for k, v in call.given.items() if defaults[k] is inspect.Parameter.empty]
    by_name = dict(zip(record.sample, required, strict=False))
    by_name |= {k: v for k, v in call.given.items() if not (k == "return_lse" or _is_left_out(v, defaults[k]))}
    arguments = {
        k: v for k, v in by_name.items() if k in record.sample or defaults.get(k) is not inspect.Parameter.empty
    }
    with contextlib.suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ops = Operations(target, target.operations)
        returned = (record.quick or record.judged)(ops, answer, **arguments)
        relations = returned.parts if isinstance(returned, Conjunction) else (returned,)
        return [relation for relation in relations if ratios(relation).max(initial=0.0) > 1]
    return []


def _is_left_out(value: Any, default: Any) -> bool:
    return default is inspect.Parameter.empty or is_default(value, default)
