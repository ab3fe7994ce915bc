"""Derivatives by a framework: from a function and reverse-mode differentiation, the `*_vjp` operations.

A derivative that a framework makes is as much a part of an implementation as its values: it can be lost by a
`detach`, cut off by a conversion to NumPy, or be what a wrong `torch.autograd.Function` says.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from mathcore.verify.targets.signatures import positional, public, reference_signature

PullBack: TypeAlias = "Callable[[Callable[..., Any], Sequence[Any], Any], Sequence[Any]]"
"""(function of leaves, leaves, cotangent) → the cotangents of the leaves, None for one that was not reached."""

_DIFFERENTIATED: Mapping[str, tuple[str, ...]] = {
    "add_rms_norm": ("x", "residual", "weight"),
    "cosine_similarity": ("a", "b"),
    "embedding": ("weight",),
    "gated_mlp": ("x", "gate", "up", "down", "gate_bias", "up_bias", "down_bias"),
    "geglu": ("gate", "up"),
    "group_norm": ("x", "weight", "bias"),
    "layer_norm": ("x", "weight", "bias"),
    "linear": ("x", "weight", "bias"),
    "multi_head_attention": ("x", "params"),
    "relu_net": ("x", "layers"),
    "rms_norm": ("x", "weight"),
    "scaled_dot_product_attention": ("query", "key", "value"),
    "swiglu": ("gate", "up"),
}
"""Operation → the arguments that it is differentiated by; of the others it is the first alone."""


class NoGradientError(RuntimeError):
    """An answer does not depend on an argument, as far as the framework knows."""


def with_derivatives(
    operations: Mapping[str, Callable[..., Any]], pull_back: PullBack
) -> dict[str, Callable[..., Any]]:
    """The operations, and the VJP of every one that has one in mathcore and is not given."""
    derivable = [name for name in operations if f"{name}_vjp" in public() and f"{name}_vjp" not in operations]
    return {**operations, **{f"{name}_vjp": derivative(name, operations[name], pull_back) for name in derivable}}


def derivative(operation: str, function: Callable[..., Any], pull_back: PullBack) -> Callable[..., Any]:
    """The VJP of one function, with the signature of the VJP in mathcore, but for options that it does not take."""
    required = [name for name in _parameters(operation) if name in positional(operation)]
    wanted = _DIFFERENTIATED.get(operation, tuple(required[:1]))

    def vjp(cotangent: Any, *args: Any, **options: Any) -> Any:
        given = {**dict(zip(required, args, strict=True)), **options}
        by = [name for name in wanted if given.get(name) is not None]
        leaves, rebuild = _flatten([given[name] for name in by])

        def of_leaves(*new: Any) -> Any:
            changed = {**given, **dict(zip(by, rebuild(list(new)), strict=True))}
            first = [changed.pop(name) for name in required]
            answer = function(*first, **changed)
            return answer[0] if isinstance(answer, tuple) else answer

        gradients = pull_back(of_leaves, leaves, cotangent)
        if any(g is None for g in gradients):
            raise NoGradientError(f"no gradient reaches {_lost(by, given, gradients)}")
        found = tuple(rebuild(list(gradients)))
        return found if len(wanted) > 1 else found[0]

    vjp.__name__ = vjp.__qualname__ = f"{operation}_vjp"
    vjp.__signature__ = _with_cotangent(function)  # type: ignore[attr-defined]
    return vjp


def torch_pull_back(function: Callable[..., Any], leaves: Sequence[Any], cotangent: Any) -> Sequence[Any]:
    """By `torch.autograd.grad`."""
    import torch

    own = [leaf.detach().requires_grad_() for leaf in leaves]  # a view, so that strides stay as they are
    with torch.enable_grad():
        answer = function(*own)
    if not isinstance(answer, torch.Tensor):
        raise NoGradientError(f"the answer is an object of type {type(answer).__name__}, which has no gradient")
    if not answer.requires_grad:
        raise NoGradientError("the answer is cut off from every argument: it requires no gradient")
    found: Sequence[Any] = torch.autograd.grad(answer, own, cotangent, allow_unused=True)
    return found


def jax_pull_back(function: Callable[..., Any], leaves: Sequence[Any], cotangent: Any) -> Sequence[Any]:
    """By `jax.vjp`, for which whatever is not reached has the gradient 0."""
    import jax

    _, pull = jax.vjp(function, *leaves)
    found: Sequence[Any] = pull(cotangent)
    return found


PULL_BACKS: dict[str, tuple[str, PullBack]] = {"torch": ("autograd", torch_pull_back), "jax": ("vjp", jax_pull_back)}
"""Framework → what its differentiation is called, and how it is done."""


def derived(framework: str, how: str, operations: Mapping[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """The operations with their derivatives by a framework.

    Raises:
        ValueError: if the framework has no differentiation of that name; the message says which it has.
    """
    name, pull_back = PULL_BACKS.get(framework, ("", None))
    if pull_back is None or how != name:
        has = f"{framework} has {name!r}" if name else f"{framework} has none"
        raise ValueError(f"`derive` names how a framework differentiates; {has}, got {how!r}")
    return with_derivatives(operations, pull_back)


def _parameters(operation: str) -> Sequence[str]:
    signature = reference_signature(operation)
    return () if signature is None else tuple(signature.parameters)


def _with_cotangent(function: Callable[..., Any]) -> inspect.Signature:
    """The parameters of a function after a cotangent; any, if it does not say which it takes."""
    first = inspect.Parameter("cotangent", inspect.Parameter.POSITIONAL_ONLY)
    try:
        own = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        own = [inspect.Parameter(name, kind) for name, kind in _ANYTHING]
    return inspect.Signature([first, *(p for p in own if p.name != "out")])


_ANYTHING = (("args", inspect.Parameter.VAR_POSITIONAL), ("options", inspect.Parameter.VAR_KEYWORD))


def _flatten(value: Any) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """The arrays in lists, tuples and dicts, and what builds the same around others."""
    if not isinstance(value, (dict, list, tuple)):
        return [value], lambda new: new[0]
    parts = [_flatten(v) for v in (value.values() if isinstance(value, dict) else value)]

    def make(new: list[Any]) -> Any:
        if isinstance(value, dict):
            return dict(zip(value, new, strict=True))
        return type(value)(*new) if hasattr(value, "_fields") else type(value)(new)  # a named tuple takes its parts

    sizes = [len(leaves) for leaves, _ in parts]

    def rebuild(new: list[Any]) -> Any:
        begins = [sum(sizes[:i]) for i in range(len(sizes))]
        return make([part(new[b : b + n]) for (_, part), b, n in zip(parts, begins, sizes, strict=True)])

    return [leaf for leaves, _ in parts for leaf in leaves], rebuild


def _lost(by: Sequence[str], given: Mapping[str, Any], gradients: Sequence[Any]) -> str:
    """The arguments some part of which has no gradient."""
    owners = [name for name in by for _ in _flatten(given[name])[0]]
    missing = dict.fromkeys(name for name, g in zip(owners, gradients, strict=True) if g is None)
    return " and ".join(f"`{name}`" for name in missing)
