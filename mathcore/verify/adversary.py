"""Perturbed inputs: a search for counterexamples outside the domain that a claim draws from.

Whoever writes a statement also writes the domain, and leaves out the inputs they did not think of: the other sign,
ties, another scale. Here each drawn array may be changed afterwards in signs, zeros, ties, scale or order. A statement
that is true of all inputs survives that. One that is true only of the drawn inputs does not.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.verify.domains import as_dtype, seeds
from mathcore.verify.targets.adapters import ALL_FLOATS

Array = np.ndarray[Any, Any]
Perturbation = Callable[[np.random.Generator, Array], Array]


def signs(rng: np.random.Generator, x: Array) -> Array:
    """Flip some signs or all, or make all numbers negative. Infinities stay, because −∞ masks a score."""
    way = rng.integers(3)
    flipped = np.where(rng.random(x.shape) < 0.5, -x, x) if way == 0 else -x if way == 1 else -abs(x)
    return np.where(abs(x) == np.inf, x, flipped)


def zeros(rng: np.random.Generator, x: Array) -> Array:
    """Set some elements to +0 or −0."""
    return np.where(rng.random(x.shape) < 0.4, rng.choice([0.0, -0.0], x.shape), x)


def ties(rng: np.random.Generator, x: Array) -> Array:
    """Draw every element from those of the array, so that some are equal."""
    return rng.choice(x.ravel(), x.shape) if x.size else x


def order(rng: np.random.Generator, x: Array) -> Array:
    """Shuffle the elements."""
    return rng.permuted(x.ravel()).reshape(x.shape)


def scale(rng: np.random.Generator, x: Array) -> Array:
    """Multiply all elements by one power of two."""
    return x * 2.0 ** float(rng.integers(-12, 13))


PERTURBATIONS: Mapping[str, Perturbation] = {f.__name__: f for f in (signs, zeros, ties, order, scale)}


def perturbed(
    strategy: st.SearchStrategy[dict[str, Any]], excluded: Iterable[str] = ()
) -> st.SearchStrategy[dict[str, Any]]:
    """Inputs from `strategy` with up to three perturbations of their arrays, none of them `excluded`."""
    allowed = [perturb for name, perturb in PERTURBATIONS.items() if name not in set(excluded)]
    if not allowed:
        return strategy
    perturbations = st.sampled_from(allowed)

    @st.composite
    def drawn(draw: Callable[[st.SearchStrategy[Any]], Any]) -> dict[str, Any]:
        inputs = draw(strategy)
        paths = list(_array_paths(inputs))
        if not paths:
            return inputs
        rng = draw(seeds())
        for path, perturb in draw(st.lists(st.tuples(st.sampled_from(paths), perturbations), min_size=1, max_size=3)):
            inputs = _changed(inputs, path, functools.partial(_in_dtype_of, perturb, rng))
        return inputs

    return drawn()


def _in_dtype_of(perturb: Perturbation, rng: np.random.Generator, x: Array) -> Array:
    if x.dtype == object:  # exact numbers have no −0, and may not be multiplied by a float
        return perturb(rng, x) if perturb in (signs, ties, order) else x
    with np.errstate(all="ignore"):
        return as_dtype(perturb(rng, x.astype(np.float64)), x.dtype.name)


def _array_paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of float arrays and object arrays in nested inputs."""
    if isinstance(value, np.ndarray) and (value.dtype.name in ALL_FLOATS or value.dtype == object):
        yield path
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _array_paths(part, (*path, key))
    elif type(value) in (tuple, list):
        for i, part in enumerate(value):
            yield from _array_paths(part, (*path, i))


def _changed(value: Any, path: tuple[Any, ...], change: Callable[[Array], Array]) -> Any:
    """A copy of the inputs with the array at `path` changed."""
    if not path:
        return change(value)
    key, *rest = path
    if isinstance(value, Mapping):
        return {k: _changed(v, tuple(rest), change) if k == key else v for k, v in value.items()}
    return type(value)(_changed(v, tuple(rest), change) if i == key else v for i, v in enumerate(value))
