"""Primitives as functions of PyTorch and JAX: the derivative that the framework finds is right, of each with one."""

import subprocess
import sys

import numpy as np
import pytest

import mathcore as mc
from mathcore.interop import _pairs
from mathcore.verify import catalogue
from mathcore.verify.records import records

catalogue()
WITHOUT_ARRAYS = {"multi_head_attention", "sinusoidal_positional_encoding"}
"""Whose records hold no arrays that the function itself takes; their arguments are below."""
NAMES = sorted(name.removesuffix("_vjp") for name in records() if name.endswith("_vjp") and hasattr(mc, name))
NO_GRADIENT = {"apply_rope": ("cos", "sin")}
"""Floats that a VJP gives no gradient of."""


def arguments(name):
    """Arguments of float64 and options of a primitive, moved a little from where its record has them."""
    rng = np.random.default_rng(0)
    if name == "multi_head_attention":
        params = {key: rng.normal(size=(4, 4)) for key in ("query", "key", "value", "output")}
        return [rng.normal(size=(3, 4)), params], {"num_heads": 2, "is_causal": True}
    if name == "sinusoidal_positional_encoding":
        return [np.array([0.5, 3.25]), 4], {"base": 100.0}
    record = records()[name]
    moved = {k: v + 0.3 * rng.normal(size=v.shape) if _floats(v) else v for k, v in record.sample.items()}
    options = {k: moved.pop(k) for k in record.options if k in moved}
    return list(moved.values()), options


def _floats(value):
    return isinstance(value, np.ndarray) and value.dtype == np.float64


def differentiated(name, args):
    """The places, among the leaves of the arguments, of those that have a gradient."""
    leaves, pair = _pairs.leaves_of(args), _pairs.pair_of(getattr(mc, name))
    named = _pairs.leaf_names(pair, tuple(args))
    fixed = NO_GRADIENT.get(name, ())
    return [i for i, (leaf, of) in enumerate(zip(leaves, named, strict=True)) if _floats(leaf) and of not in fixed]


def with_leaves(args, places, leaves):
    whole = _pairs.leaves_of(args)
    for place, leaf in zip(places, leaves, strict=True):
        whole[place] = leaf
    return _pairs.rebuilt(args, whole)


def test_every_primitive_with_a_vjp_is_among_them():
    public = {name.removesuffix("_vjp") for name in mc.__all__ if name.endswith("_vjp")}
    # The parameters of one come first, nested; the other's record is that of its claims.
    assert public - set(NAMES) == {"transformer", "packed_attention"}


@pytest.mark.parametrize("name", NAMES)
def test_torch_finds_the_derivative(name):
    torch = pytest.importorskip("torch")
    from mathcore.interop import torch as interop

    args, options = arguments(name)
    places, function = differentiated(name, args), interop.function(getattr(mc, name))
    leaves = [torch.tensor(_pairs.leaves_of(args)[i], requires_grad=True) for i in places]
    args = _pairs.rebuilt(args, (torch.tensor(v) if isinstance(v, np.ndarray) else v for v in _pairs.leaves_of(args)))
    assert torch.autograd.gradcheck(lambda *given: function(*with_leaves(args, places, given), **options), leaves)


@pytest.mark.parametrize("name", NAMES)
def test_jax_finds_the_derivative(name):
    jax = pytest.importorskip("jax")
    from jax.test_util import check_grads

    from mathcore.interop import jax as interop

    args, options = arguments(name)
    places, function = differentiated(name, args), interop.function(getattr(mc, name))
    with jax.enable_x64(True):
        leaves = [jax.numpy.asarray(_pairs.leaves_of(args)[i]) for i in places]
        check_grads(
            lambda *given: function(*with_leaves(args, places, given), **options), leaves, order=1, modes=["rev"]
        )


def test_torch_keeps_dtypes_and_refuses_what_has_no_gradient():
    torch = pytest.importorskip("torch")
    from mathcore.interop import torch as interop

    softmax, attention = interop.function(mc.softmax), interop.function(mc.scaled_dot_product_attention)
    x = torch.ones(2, 3, requires_grad=True)
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
        assert softmax(x.to(dtype)).dtype == dtype
    output, lse = attention(x, x, x, return_lse=True)
    assert output.requires_grad
    assert not lse.requires_grad
    with pytest.raises(NotImplementedError, match=r"torch\.func\.vmap"):
        torch.func.vmap(softmax)(x)
    with pytest.raises(TypeError, match="no gradient of the option `b`"):
        interop.function(mc.logsumexp)(x, b=x)
    with pytest.raises(NotImplementedError, match="no gradient of `cos`"):
        interop.function(mc.apply_rope)(x[:, :2], x[:, :1], x[:, :1]).sum().backward()
    with pytest.raises(ValueError, match="of a CPU, got meta"):
        softmax(torch.ones(2, device="meta"))


def test_jax_transforms():
    jax = pytest.importorskip("jax")
    from mathcore.interop import jax as interop

    softmax, attention = interop.function(mc.softmax), interop.function(mc.scaled_dot_product_attention)
    x = jax.numpy.arange(12.0).reshape(4, 3)
    np.testing.assert_array_equal(jax.jit(softmax)(x), mc.softmax(np.asarray(x)))
    np.testing.assert_array_equal(jax.vmap(softmax)(x), mc.softmax(np.asarray(x)))
    slopes = jax.jit(jax.vmap(jax.grad(lambda row: softmax(row)[0])))(x)
    np.testing.assert_array_equal(slopes[1], mc.softmax_vjp(np.eye(3, dtype=np.float32)[0], np.asarray(x)[1]))
    with pytest.raises(NotImplementedError, match="beside its first answer"):
        jax.grad(lambda x: attention(x, x, x, return_lse=True)[1].sum())(x)
    with pytest.raises(NotImplementedError, match="no gradient of `sin`"):
        jax.grad(lambda s: interop.function(mc.apply_rope)(x[:, :2], x[:, :1], s).sum())(x[:, :1])


@pytest.mark.parametrize(("primitive", "says"), [(mc.argmax, "no argmax_vjp"), (np.exp, "public function of mathcore")])
def test_what_is_no_primitive_with_a_derivative_is_refused(primitive, says):
    with pytest.raises(TypeError, match=says):
        _pairs.pair_of(primitive)


def test_options_without_a_derivative_are_refused():
    with pytest.raises(TypeError, match="with `out` has no derivative"):
        _pairs.pair_of(mc.softmax).bound((np.ones(2),), {"out": np.ones(2)})


@pytest.mark.parametrize(("module", "framework"), [("torch", "PyTorch"), ("jax", "JAX")])
def test_a_missing_framework_is_named(module, framework):
    code = f"import sys; sys.modules['{module}'] = None\nimport mathcore.interop.{module}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"ImportError: mathcore.interop.{module} needs {framework}" in done.stderr
