"""ONNX: the reference evaluator of the standard, operators of opset 25."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from onnx import helper
from onnx.reference import ReferenceEvaluator

from mathcore.verify import Conventions, Target
from mathcore.verify.errors import NotTriedError

PACKAGES = ("onnx",)
NAMES = {
    "softmax": "Softmax",
    "log_softmax": "LogSoftmax",
    "logsumexp": "ReduceLogSumExp",
    "argmax": "ArgMax",
    "relu": "Relu",
    "apply_rope": "RotaryEmbedding",
    "scaled_dot_product_attention": "Attention",
}


@functools.cache
def evaluator(operator: str, inputs: tuple[str, ...], **attributes: Any) -> ReferenceEvaluator:
    """A model of a single operator; an input without a name is left out."""
    node = helper.make_node(operator, inputs, ["answer"], **attributes)
    given = [helper.make_tensor_value_info(name, 0, None) for name in inputs if name]
    graph = helper.make_graph([node], "one", given, [helper.make_tensor_value_info("answer", 0, None)])
    return ReferenceEvaluator(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 25)]))


def softmax(x: Any, axis: int = -1) -> Any:
    return evaluator("Softmax", ("x",), axis=axis).run(None, {"x": x})[0]


def log_softmax(x: Any, axis: int = -1) -> Any:
    if not x.size:
        raise NotTriedError("log_softmax", "arrays of nothing")
    return evaluator("LogSoftmax", ("x",), axis=axis).run(None, {"x": x})[0]


def logsumexp(x: Any, axis: int = -1, *, keepdims: bool = False) -> Any:
    axes = np.array([axis])
    return evaluator("ReduceLogSumExp", ("x", "axes"), keepdims=int(keepdims)).run(None, {"x": x, "axes": axes})[0]


def argmax(x: Any, axis: int = -1) -> Any:
    return evaluator("ArgMax", ("x",), axis=axis, keepdims=0).run(None, {"x": x})[0]


def relu(x: Any) -> Any:
    return evaluator("Relu", ("x",)).run(None, {"x": x})[0]


def apply_rope(x: Any, cos: Any, sin: Any, *, interleaved: bool = False) -> Any:
    if x.ndim < 2 or cos.ndim != 2 or not cos.shape[-1]:
        raise NotTriedError("apply_rope", "tables of other than 2 axes, of no width")
    run = evaluator("RotaryEmbedding", ("x", "cos", "sin"), interleaved=int(interleaved),
                    rotary_embedding_dim=2 * cos.shape[-1])  # fmt: skip
    heads = x.reshape(1, math.prod(x.shape[:-2]), *x.shape[-2:])
    return run.run(None, {"x": heads, "cos": cos[None], "sin": sin[None]})[0].reshape(x.shape)


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    *,
    mask: Any = None,
    bias: Any = None,
    is_causal: bool = False,
    scale: float | None = None,
) -> Any:
    if query.ndim > 4:
        raise NotTriedError("scaled_dot_product_attention", "more than 4 axes")
    if mask is not None and bias is not None:
        raise NotTriedError("scaled_dot_product_attention", "`mask` together with `bias`")
    if scale is not None and query.dtype != np.float32:
        raise NotTriedError("scaled_dot_product_attention", "a `scale`, which is a float32 of the model, in float64")
    extra = mask if bias is None else bias
    shape = (*query.shape[:-1], value.shape[-1])
    given = {name: x.reshape((1,) * (4 - x.ndim) + x.shape) for name, x in zip("qkv", (query, key, value), strict=True)}
    more = {} if scale is None else {"scale": scale}
    if extra is not None:
        given["m"] = np.broadcast_to(extra, (*extra.shape[:-1], key.shape[-2]))  # a shorter mask hides the rest
    run = evaluator("Attention", tuple(given), is_causal=int(is_causal), **more)
    return run.run(None, given)[0].reshape(shape)


TARGET = Target.numpy(
    "ONNX",
    softmax=softmax,
    log_softmax=log_softmax,
    logsumexp=logsumexp,
    argmax=argmax,
    relu=relu,
    apply_rope=apply_rope,
    scaled_dot_product_attention=scaled_dot_product_attention,
    dtypes=("float64", "float32"),
    conventions=Conventions(errors="none", softmax_of_nothing="nan"),
)
