"""Primitives as differentiable functions of JAX.

```python
import mathcore as mc
from mathcore.interop import jax as mcj

rms_norm = mcj.function(mc.rms_norm)
jax.grad(lambda x: rms_norm(x, weight).sum())(x)
```

The work is done by NumPy on the host, in a callback: under `jax.jit` as well, and under `jax.vmap`, one element of the
batch after the other.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mathcore.interop._pairs import Pair, aligned, leaf_names, leaves_of, pair_of, rebuilt

try:
    import jax
    import jax.numpy as jnp
    from jax.custom_derivatives import SymbolicZero
except ImportError as missing:
    raise ImportError("mathcore.interop.jax needs JAX: pip install jax") from missing


def function(primitive: Callable[..., Any]) -> Callable[..., Any]:
    """A primitive as a function of JAX arrays, differentiated by its VJP.

    Args:
        primitive: a public function of mathcore that has a VJP: `mc.softmax`, `mc.rms_norm`, `mc.linear`, …

    Returns:
        A function with the arguments of the primitive, but for `out`. Arrays that it takes by position may be
        differentiated by, and traced; arrays among its options, such as masks, are constants. It returns JAX arrays; of
        a pair, as of `return_lse=True`, the second part has no gradient. What shapes come out is found by a call on
        zeros.

    Raises:
        TypeError: if that is no such function.
    """
    pair = pair_of(primitive)

    @functools.wraps(primitive)
    def of_arrays(*args: Any, **options: Any) -> Any:
        positional, named = pair.bound(args, options)
        constants = {name: np.asarray(v) if isinstance(v, jax.Array) else v for name, v in named.items()}
        leaves = leaves_of(positional)
        places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, (jax.Array, np.ndarray))]

        def whole(arrays: Sequence[Any]) -> tuple[Any, ...]:
            full = list(leaves)
            for place, array in zip(places, arrays, strict=True):
                full[place] = array
            return rebuilt(positional, full)

        return _differentiable(pair, whole, constants, places)(*(jnp.asarray(leaves[i]) for i in places))

    return of_arrays


def _differentiable(pair: Pair, whole: Callable[..., Any], options: dict[str, Any], places: list[int]) -> Any:
    """The primitive of the arrays among its arguments; `whole` puts them in their places."""

    def value(*arrays: Any) -> Any:
        return pair.value(*whole(_on_host(arrays)), **options)

    def gradients(*given: Any) -> tuple[Any, ...]:
        """The gradients of those arrays that have one, from cotangents and all arrays."""
        cotangents, arrays = _on_host(given[: pair.answers]), _on_host(given[pair.answers :])
        args = whole(arrays)
        found = aligned(args, pair.pulled(cotangents, args, options), _is_float)
        return tuple(found[place] for place in places)

    def zeros(arrays: Sequence[Any]) -> list[Any]:
        return [np.zeros(x.shape, x.dtype) for x in arrays]

    @jax.custom_vjp  # type: ignore[untyped-decorator]
    def f(*arrays: Any) -> Any:
        return jax.pure_callback(value, _shapes(value(*zeros(arrays))), *arrays, vmap_method="sequential")

    def forward(*given: Any) -> Any:
        arrays = [x.value for x in given]
        blank = value(*zeros(arrays))
        have = gradients(*_parts(blank)[: pair.answers], *zeros(arrays))
        names = leaf_names(pair, whole(arrays))
        for place, x, gradient in zip(places, given, have, strict=True):
            if x.perturbed and gradient is None:
                raise NotImplementedError(f"{pair.name}_vjp gives no gradient of `{names[place]}`")
        return f(*arrays), (arrays, have)

    def backward(saved: Any, cotangent: Any) -> Any:
        arrays, blank = saved
        parts = _parts(cotangent)
        if not all(isinstance(part, SymbolicZero) for part in parts[pair.answers :]):
            raise NotImplementedError(f"`{pair.name}` has no gradient of what is beside its first answer")
        known = parts[: pair.answers]
        cotangents = [jnp.zeros(g.shape, g.dtype) if isinstance(g, SymbolicZero) else g for g in known]
        some = [i for i, g in enumerate(blank) if g is not None]

        def pulled(*given: Any) -> tuple[Any, ...]:
            found = gradients(*given)
            return tuple(found[i] for i in some)

        shapes = tuple(jax.ShapeDtypeStruct(arrays[i].shape, arrays[i].dtype) for i in some)
        answers = jax.pure_callback(pulled, shapes, *cotangents, *arrays, vmap_method="sequential")
        found = dict(zip(some, answers, strict=True))
        return tuple(found[i] if i in found else _no_gradient(x) for i, x in enumerate(arrays))

    f.defvjp(forward, backward, symbolic_zeros=True)
    return f


def _no_gradient(x: Any) -> Any:
    """Zeros, which nobody asked for, of an array without a gradient."""
    return jnp.zeros(x.shape, x.dtype) if _is_float(x) else np.zeros(x.shape, jax.dtypes.float0)


def _on_host(arrays: Sequence[Any]) -> list[Any]:
    return [np.asarray(x) for x in arrays]


def _shapes(answer: Any) -> Any:
    """What `jax.pure_callback` needs to know of an answer."""
    return jax.tree_util.tree_map(lambda y: jax.ShapeDtypeStruct(y.shape, y.dtype), answer)


def _parts(answer: Any) -> tuple[Any, ...]:
    return tuple(answer) if isinstance(answer, (tuple, list)) else (answer,)


def _is_float(value: Any) -> bool:
    return hasattr(value, "dtype") and jnp.issubdtype(value.dtype, jnp.floating)
