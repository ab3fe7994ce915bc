"""The search for a counterexample on the whole domain: what a claim draws, bent in ways that it did not think of.

A domain is written by whoever wrote the sentence, and leaves out what they did not think of: one sign, no ties, one
scale. Here every array that was drawn is bent afterwards: signs, zeros, ties, scale and order change. A sentence that
is true of all inputs survives that; one that is true of those that were drawn does not.
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
Bend = Callable[[np.random.Generator, Array], Array]


def signs(rng: np.random.Generator, x: Array) -> Array:
    """Some signs change, or all, or all become the same; an infinity stays, for −∞ is how a score is masked."""
    way = rng.integers(3)
    turned = np.where(rng.random(x.shape) < 0.5, -x, x) if way == 0 else -x if way == 1 else -abs(x)
    return np.where(abs(x) == np.inf, x, turned)


def zeros(rng: np.random.Generator, x: Array) -> Array:
    """Some numbers become 0, of either sign."""
    return np.where(rng.random(x.shape) < 0.4, rng.choice([0.0, -0.0], x.shape), x)


def ties(rng: np.random.Generator, x: Array) -> Array:
    """Numbers become equal to others."""
    return rng.choice(x.ravel(), x.shape) if x.size else x


def order(rng: np.random.Generator, x: Array) -> Array:
    """The numbers change places."""
    return rng.permuted(x.ravel()).reshape(x.shape)


def scale(rng: np.random.Generator, x: Array) -> Array:
    """All are so many times as large, or as small."""
    return x * 2.0 ** float(rng.integers(-12, 13))


BENDS: Mapping[str, Bend] = {bend.__name__: bend for bend in (signs, zeros, ties, order, scale)}


def bent(drawn_as: st.SearchStrategy[dict[str, Any]], but: Iterable[str] = ()) -> st.SearchStrategy[dict[str, Any]]:
    """What `drawn_as` draws, with an array or more bent in one of the ways of `BENDS`, `but` for some of these."""
    bends = [bend for name, bend in BENDS.items() if name not in set(but)]
    if not bends:
        return drawn_as
    ways = st.sampled_from(bends)

    @st.composite
    def drawn(draw: Callable[[st.SearchStrategy[Any]], Any]) -> dict[str, Any]:
        inputs = draw(drawn_as)
        places = list(_places(inputs))
        if not places:
            return inputs
        rng = draw(seeds())
        for place, bend in draw(st.lists(st.tuples(st.sampled_from(places), ways), min_size=1, max_size=3)):
            inputs = _changed(inputs, place, functools.partial(_in_format, bend, rng))
        return inputs

    return drawn()


def _in_format(bend: Bend, rng: np.random.Generator, x: Array) -> Array:
    if x.dtype == object:  # exact numbers, which know no −0 and no scale
        return bend(rng, x) if bend in (signs, ties, order) else x
    with np.errstate(all="ignore"):
        return as_dtype(bend(rng, x.astype(np.float64)), x.dtype.name)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where arrays of floats stand in nested inputs."""
    if isinstance(value, np.ndarray) and (value.dtype.name in ALL_FLOATS or value.dtype == object):
        yield path
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _places(part, (*path, key))
    elif type(value) in (tuple, list):
        for i, part in enumerate(value):
            yield from _places(part, (*path, i))


def _changed(value: Any, path: tuple[Any, ...], change: Callable[[Array], Array]) -> Any:
    """The same inputs, with the array at `path` changed; nothing is written to."""
    if not path:
        return change(value)
    key, *rest = path
    if isinstance(value, Mapping):
        return {k: _changed(v, tuple(rest), change) if k == key else v for k, v in value.items()}
    return type(value)(_changed(v, tuple(rest), change) if i == key else v for i, v in enumerate(value))
