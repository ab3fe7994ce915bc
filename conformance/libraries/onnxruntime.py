"""ONNX Runtime: the operators of the ONNX standard, opset 23, by its CPU provider."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

from mathcore.verify import Conventions, Target
from mathcore.verify.errors import NotTriedError

PACKAGES = ("onnxruntime", "onnx")
NAMES = {
    "softmax": "Softmax",
    "log_softmax": "LogSoftmax",
    "logsumexp": "ReduceLogSumExp",
    "argmax": "ArgMax",
    "relu": "Relu",
    "apply_rope": "RotaryEmbedding",
    "scaled_dot_product_attention": "Attention",
}


@functools.lru_cache(maxsize=256)
def session(operator: str, inputs: tuple[tuple[str, str, int], ...], answer: str, **attributes: Any) -> Any:
    """A model of a single operator: inputs as (name, dtype, axes), the dtype of its answer."""
    kinds = {"float64": TensorProto.DOUBLE, "float32": TensorProto.FLOAT, "bool": TensorProto.BOOL,
             "int64": TensorProto.INT64}  # fmt: skip
    node = helper.make_node(operator, [name for name, _, _ in inputs], ["answer"], **attributes)
    given = [helper.make_tensor_value_info(name, kinds[dtype], [None] * axes) for name, dtype, axes in inputs]
    graph = helper.make_graph([node], "one", given, [helper.make_tensor_value_info("answer", kinds[answer], None)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def answer_of(operator: str, given: dict[str, Any], answer: str = "", **attributes: Any) -> Any:
    """What the operator makes of its inputs, by name."""
    inputs = tuple((name, str(x.dtype), x.ndim) for name, x in given.items())
    run = session(operator, inputs, answer or inputs[0][1], **attributes).run
    return run(None, {name: np.array(x, order="C") for name, x in given.items()})[0]


def softmax(x: Any, axis: int = -1) -> Any:
    return answer_of("Softmax", {"x": x}, axis=axis)


def log_softmax(x: Any, axis: int = -1) -> Any:
    return answer_of("LogSoftmax", {"x": x}, axis=axis)


def logsumexp(x: Any, axis: int = -1, *, keepdims: bool = False) -> Any:
    return answer_of("ReduceLogSumExp", {"x": x, "axes": np.array([axis])}, keepdims=int(keepdims))


def argmax(x: Any, axis: int = -1) -> Any:
    return answer_of("ArgMax", {"x": x}, "int64", axis=axis, keepdims=0)


def relu(x: Any) -> Any:
    return answer_of("Relu", {"x": x})


def apply_rope(x: Any, cos: Any, sin: Any, *, interleaved: bool = False) -> Any:
    if x.ndim < 2 or cos.ndim != 2 or cos.dtype != x.dtype or 2 * cos.shape[-1] != x.shape[-1]:
        raise NotTriedError("apply_rope", "tables of other than 2 axes or another dtype, part of the width")
    if x.dtype != np.float32:
        raise NotTriedError("apply_rope", "float64, which the operator does not take")
    heads = x.reshape(1, math.prod(x.shape[:-2]), *x.shape[-2:])
    given = {"x": heads, "cos": cos[None], "sin": sin[None]}
    return answer_of("RotaryEmbedding", given, interleaved=int(interleaved)).reshape(x.shape)


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
    if not query.shape[-1] * value.shape[-1] * query.shape[-2] * key.shape[-2]:
        raise NotTriedError("scaled_dot_product_attention", "widths of 0, no queries, no keys")
    if query.ndim > 4:
        raise NotTriedError("scaled_dot_product_attention", "more than 4 axes")
    if mask is not None and bias is not None:
        raise NotTriedError("scaled_dot_product_attention", "`mask` together with `bias`")
    if scale is not None and scale != np.float32(scale):
        raise NotTriedError("scaled_dot_product_attention", "a `scale` that is no float32, as attributes are")
    shape = (*query.shape[:-1], value.shape[-1])
    given = {name: x.reshape((1,) * (4 - x.ndim) + x.shape) for name, x in zip("qkv", (query, key, value), strict=True)}
    more: dict[str, Any] = {} if scale is None else {"scale": scale}
    if mask is not None or bias is not None:
        extra = mask if bias is None else bias
        given["m"] = np.broadcast_to(extra, (*np.broadcast_shapes(extra.shape[:-2]), query.shape[-2], key.shape[-2]))
    return answer_of("Attention", given, is_causal=int(is_causal), **more).reshape(shape)


TARGET = Target.numpy(
    "ONNX Runtime",
    softmax=softmax,
    log_softmax=log_softmax,
    logsumexp=logsumexp,
    argmax=argmax,
    relu=relu,
    apply_rope=apply_rope,
    scaled_dot_product_attention=scaled_dot_product_attention,
    dtypes=("float32",),
    conventions=Conventions(softmax_of_nothing="nan", argmax_nan="any"),
)
