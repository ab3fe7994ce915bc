"""A primitive and its VJP, and which of its arguments have a gradient, for any framework."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import mathcore

_BESIDE = ("return_lse", "return_sign")
"""Options that put something beside the answer that VJPs are of; it has no gradient."""


_SECOND: Mapping[str, str] = {"add_rms_norm": "sum_cotangent"}
"""Primitives whose second answer has a gradient as well: what the VJP calls its cotangent."""


class Pair(NamedTuple):
    """A primitive, its VJP, and the signatures of both."""

    name: str
    value: Callable[..., Any]
    vjp: Callable[..., Any]
    signature: inspect.Signature

    def bound(self, args: tuple[Any, ...], options: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a call: what has gradients by position, options by name.

        Raises:
            TypeError: for an option without meaning here, or arguments that the primitive does not take.
        """
        bound = self.signature.bind(*args, **options)
        known = {*inspect.signature(self.vjp).parameters, *_BESIDE}
        if unknown := sorted({*bound.kwargs} - known):
            raise TypeError(f"`{self.name}` with `{unknown[0]}` has no derivative: {self.name}_vjp does not take it")
        return bound.args, bound.kwargs

    @property
    def answers(self) -> int:
        """How many of the answers, from the first on, have a gradient."""
        return 2 if self.name in _SECOND else 1

    def pulled(self, cotangents: Sequence[Any], args: tuple[Any, ...], options: Mapping[str, Any]) -> tuple[Any, ...]:
        """The gradients of the arguments that have one, in order, from the cotangents of `answers`."""
        taken = {name: value for name, value in options.items() if name not in _BESIDE}
        if self.answers == 2:
            taken[_SECOND[self.name]] = cotangents[1]
        pulled = self.vjp(cotangents[0], *args, **taken)
        return pulled if isinstance(pulled, tuple) else (pulled,)


def pair_of(primitive: Callable[..., Any]) -> Pair:
    """The primitive with its VJP.

    Raises:
        TypeError: if it is no primitive of mathcore, or has no VJP.
    """
    name = getattr(primitive, "__name__", "")
    if getattr(mathcore, name, None) is not primitive:
        raise TypeError(f"`primitive` must be a public function of mathcore, got {primitive!r}")
    vjp = getattr(mathcore, f"{name}_vjp", None)
    if vjp is None:
        raise TypeError(f"`{name}` has no derivative: there is no {name}_vjp")
    return Pair(name, primitive, vjp, inspect.signature(primitive))


def leaves_of(tree: Any) -> list[Any]:
    """The leaves of nested tuples, lists and mappings, in order; mappings by key."""
    if isinstance(tree, Mapping):
        return [leaf for key in sorted(tree) for leaf in leaves_of(tree[key])]
    if isinstance(tree, (tuple, list)):
        return [leaf for part in tree for leaf in leaves_of(part)]
    return [tree]


def rebuilt(tree: Any, leaves: Iterable[Any]) -> Any:
    """The same nesting with other leaves."""
    rest = iter(leaves)

    def build(tree: Any) -> Any:
        if isinstance(tree, Mapping):
            made = {key: build(tree[key]) for key in sorted(tree)}
            return {key: made[key] for key in tree}
        if isinstance(tree, (tuple, list)):
            return type(tree)([build(part) for part in tree])
        return next(rest)

    return build(tree)


def aligned(args: tuple[Any, ...], pulled: tuple[Any, ...], differentiable: Callable[[Any], bool]) -> list[Any]:
    """The gradient of every leaf of the arguments; None where there is none.

    Gradients come in the order of the arguments that hold floats, and the last of these may have none.
    """
    rest = iter(pulled)
    found: list[Any] = []
    for argument in args:
        leaves = leaves_of(argument)
        pull = next(rest, None) if any(map(differentiable, leaves)) else None
        of_leaves = [None] * len(leaves) if pull is None else leaves_of(pull)
        found += [g if differentiable(leaf) else None for leaf, g in zip(leaves, of_leaves, strict=True)]
    return found


def leaf_names(pair: Pair, args: tuple[Any, ...]) -> list[str]:
    """The parameter that each leaf of the arguments belongs to."""
    names = list(pair.signature.parameters)
    return [name for name, argument in zip(names, args, strict=False) for _ in leaves_of(argument)]
