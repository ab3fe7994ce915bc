"""Wrong linear layers, on purpose."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.claims import mutant


# linear
def _plus(y: Any, bias: Any) -> Any:
    return y if bias is None else y + bias


@mutant("linear")
def weight_transposed(x: Any, weight: Any, bias: Any = None) -> Any:
    """Reads the weights as (outputs, inputs) where the shapes allow it."""
    square = weight.shape[0] == weight.shape[1]
    return _plus(x @ (weight.T if square else weight), bias)


@mutant("linear")
def bias_forgotten(x: Any, weight: Any, bias: Any = None) -> Any:
    """Ignores the bias."""
    return x @ weight


@mutant("linear")
def last_input_dropped(x: Any, weight: Any, bias: Any = None) -> Any:
    """Stops one input short, as a loop bound off by one does."""
    return _plus(x[..., :-1] @ weight[:-1], bias)


@mutant("linear")
def bias_scaled(x: Any, weight: Any, bias: Any = None) -> Any:
    """Adds the bias once for every input."""
    return _plus(x @ weight, None if bias is None else bias * weight.shape[0])


@mutant("linear", wraps=True)
def relu_inside(correct: Any) -> Any:
    """Clips what it returns at zero: a ReLU fused where none was asked for."""
    return lambda *arrays: np.maximum(correct(*arrays), 0)


@mutant("linear", wraps=True)
def one_too_many(correct: Any) -> Any:
    """Adds 1 to every output."""
    return lambda *arrays: correct(*arrays) + 1


@mutant("linear", wraps=True)
def normalised(correct: Any) -> Any:
    """Brings every input row to length 1 first."""

    def wrong(x: Any, *more: Any) -> Any:
        length = abs(x).sum(-1, keepdims=True)
        return correct(x / np.where(length == 0, 1, length), *more)

    return wrong


@mutant("linear", wraps=True)
def mean_removed(correct: Any) -> Any:
    """Centres the batch first, as batch normalisation does: a row depends on its neighbours."""
    return lambda x, *more: correct(x - x.sum(0) / len(x), *more)


@mutant("linear", wraps=True)
def columns_swapped(correct: Any) -> Any:
    """Returns the outputs in reverse order."""
    return lambda *arrays: correct(*arrays)[..., ::-1]


@mutant("linear", wraps=True)
def columns_mixed(correct: Any) -> Any:
    """Adds each output to the next."""
    return lambda *arrays: np.add.accumulate(correct(*arrays), axis=-1)


@mutant("linear", wraps=True)
def squared(correct: Any) -> Any:
    """Squares the inputs."""
    return lambda x, *more: correct(x * x, *more)


@mutant("linear", wraps=True)
def saturated(correct: Any) -> Any:
    """Clips inputs at 6, as a quantised kernel does."""
    return lambda x, *more: correct(np.clip(x, -6, 6).astype(x.dtype), *more)


@mutant("linear")
def broadcast_by_accident(x: Any, weight: Any, bias: Any = None) -> Any:
    """Lets a single input stand for all of them, and a single row of weights for every row."""
    y = (np.asarray(x)[..., :, None] * np.asarray(weight)).sum(-2)
    return _plus(y, bias)


@mutant("linear", wraps=True)
def tail_of_inputs_unread(correct: Any) -> Any:
    """Reads inputs in fours and drops the rest past 64 of them."""

    def wrong(x: Any, weight: Any, *more: Any) -> Any:
        whole = len(weight) - len(weight) % 4 if len(weight) > 64 else len(weight)
        return correct(x[..., :whole], weight[:whole], *more)

    return wrong


@mutant("linear", wraps=True)
def tile_twice(correct: Any) -> Any:
    """Counts the last input twice at multiples of 32 plus 1: tiles that overlap."""

    def wrong(x: Any, weight: Any, *more: Any) -> Any:
        y = correct(x, weight, *more)
        return y + x[..., -1:] * weight[-1] if len(weight) % 32 == 1 and len(weight) > 1 else y

    return wrong


@mutant("linear", wraps=True)
def summed_in_halves(correct: Any) -> Any:
    """Adds 16-bit products up in 16 bits, one by one."""

    def wrong(x: Any, weight: Any, bias: Any = None) -> Any:
        y = np.zeros((*x.shape[:-1], weight.shape[1]), x.dtype)
        for i in range(len(weight)):
            y = (y + x[..., i : i + 1] * weight[i]).astype(x.dtype)
        return _plus(y, bias)

    return wrong


@mutant("linear", wraps=True)
def skips_a_product(correct: Any) -> Any:
    """Leaves out the product with the first weight."""

    def wrong(x: Any, weight: Any, bias: Any = None) -> Any:
        return _plus(x[..., 1:] @ weight[1:] if len(weight) > 1 else correct(x, weight), bias)

    return wrong


# linear_vjp
@mutant("linear_vjp", wraps=True)
def weights_get_nothing(correct: Any) -> Any:
    """Returns zeros for the weights: they are frozen by mistake."""

    def wrong(g: Any, x: Any, weight: Any, bias: Any = None) -> Any:
        answer = correct(g, x, weight, bias)
        return (answer[0], answer[1] * 0, *answer[2:])

    return wrong


@mutant("linear_vjp", wraps=True)
def forward_weights(correct: Any) -> Any:
    """Pulls back through W instead of its transpose where the shapes allow it."""

    def wrong(g: Any, x: Any, weight: Any, bias: Any = None) -> Any:
        answer = correct(g, x, weight, bias)
        return (g @ weight, *answer[1:]) if weight.shape[0] == weight.shape[1] else (answer[0] * 2, *answer[1:])

    return wrong


@mutant("linear_vjp", wraps=True)
def mean_over_rows(correct: Any) -> Any:
    """Averages the weights' cotangent over the rows instead of adding it up."""

    def wrong(g: Any, x: Any, weight: Any, bias: Any = None) -> Any:
        answer, rows = correct(g, x, weight, bias), max(int(np.prod(x.shape[:-1])), 1)
        return (answer[0], (answer[1] / rows).astype(answer[1].dtype), *answer[2:])

    return wrong


@mutant("linear_vjp", wraps=True)
def bias_of_first_row(correct: Any) -> Any:
    """Gives the bias the cotangent of the first row alone."""

    def wrong(g: Any, x: Any, weight: Any, bias: Any = None) -> Any:
        answer = correct(g, x, weight, bias)
        return answer if bias is None else (*answer[:2], g.reshape(-1, g.shape[-1])[0])

    return wrong


@mutant("linear_vjp", wraps=True)
def slightly_off(correct: Any) -> Any:
    """Off by a factor of 1.0005 in every part."""
    return lambda *arrays: tuple((y + y / 2000).astype(y.dtype) for y in correct(*arrays))


# Mistakes in shapes, batches and costs.
@mutant("linear", wraps=True)
def rows_reversed(correct: Any) -> Any:
    """Returns the rows in reverse order."""
    return lambda x, *more: correct(x, *more)[::-1] if x.ndim > 1 else correct(x, *more)


@mutant("linear", wraps=True)
def first_row_everywhere(correct: Any) -> Any:
    """Gives the answer of the first row to every row."""

    def wrong(x: Any, *more: Any) -> Any:
        y = correct(x, *more)
        return np.broadcast_to(y[:1], y.shape).copy() if x.ndim > 1 else y

    return wrong


@mutant("linear", wraps=True)
def batch_flattened(correct: Any) -> Any:
    """Forgets that there was more than one axis of rows, and returns them in another order."""

    def wrong(x: Any, *more: Any) -> Any:
        y = correct(x, *more)
        return y if x.ndim < 3 else y.reshape(y.shape[1], y.shape[0], -1).swapaxes(0, 1)[::-1].copy()

    return wrong


@mutant("linear", wraps=True)
def message_without_shapes(correct: Any) -> Any:
    """Refuses shapes that do not touch without saying which came."""

    def wrong(x: Any, weight: Any, bias: Any = None) -> Any:
        try:
            return correct(x, weight, bias)
        except ValueError:
            raise ValueError("shapes do not match") from None

    return wrong


@mutant("linear_vjp", wraps=True)
def cotangent_broadcast(correct: Any) -> Any:
    """Lets one row of cotangents, or one number of bias, stand for all."""

    def wrong(g: Any, x: Any, weight: Any, bias: Any = None) -> Any:
        b = None if bias is None else np.broadcast_to(np.ravel(bias)[:1], weight.shape[1:])
        return correct(np.broadcast_to(g, (*x.shape[:-1], weight.shape[1])), x, weight, b)

    return wrong


@mutant("linear", wraps=True)
def empty_refused(correct: Any) -> Any:
    """Fails on an empty axis by returning nothing of it."""

    def wrong(x: Any, weight: Any, bias: Any = None) -> Any:
        y = correct(x, weight, bias)
        return y if x.size else y[..., :0]

    return wrong


@mutant("linear", wraps=True)
def computes_the_product(correct: Any) -> Any:
    """Works the product out twice."""

    def wrong(x: Any, weight: Any, bias: Any = None) -> Any:
        correct(x, weight)
        return correct(x, weight, bias)

    return wrong


# Sizes.
def _first(x: Any, count: int) -> Any:
    """All inputs but the first `count` taken for 0."""
    return np.where(np.arange(x.shape[-1]) < count, x, x.dtype.type(0))


def _but_769(x: Any) -> Any:
    return _first(x, 768 if x.shape[-1] == 769 else x.shape[-1])


@mutant("linear", wraps=True)
def one_width_wrong(correct: Any) -> Any:
    """Leaves out the last input at a single width, 769 (PyTorch's softmax 2024 and 2025: 240 widths)."""
    return lambda x, *more: correct(_but_769(x), *more)


@mutant("linear_vjp", wraps=True)
def one_count_of_rows_wrong(correct: Any) -> Any:
    """Leaves the last row out of the weights' cotangent where there are exactly 513."""

    def wrong(g: Any, x: Any, *more: Any) -> Any:
        x_bar, *rest = correct(g, x, *more)
        return (x_bar, *(correct(g[:512], x[:512], *more)[1:] if g.shape[:-1] == (513,) else rest))

    return wrong


@mutant("linear", wraps=True)
def wide_inputs_cut(correct: Any) -> Any:
    """Reads at most 1,024 inputs, as a kernel with one thread for each does."""
    return lambda x, *more: correct(_first(x, 1024), *more)


@mutant("linear", wraps=True)
def later_rows_lost(correct: Any) -> Any:
    """Works on 64 rows at most and gives the rest what the first got: a grid that is too small."""

    def wrong(x: Any, *more: Any) -> Any:
        y = correct(x, *more)
        return y if x.ndim < 2 else y[np.where(np.arange(len(y)) < 64, np.arange(len(y)), 0)]

    return wrong


@mutant("linear", wraps=True)
def later_outputs_lost(correct: Any) -> Any:
    """Fills in outputs by whole groups of four past the first 16, and leaves what remains at 0."""

    def wrong(x: Any, weight: Any, *more: Any) -> Any:
        n = weight.shape[1]
        return _first(correct(x, weight, *more), n if n < 16 else n - n % 4)

    return wrong


@mutant("linear_vjp", wraps=True)
def later_rows_not_summed(correct: Any) -> Any:
    """Adds up the weights' cotangents of whole groups of 32 rows, once there are as many."""

    def wrong(g: Any, x: Any, weight: Any, bias: Any = None) -> Any:
        x_bar, *rest = correct(g, x, weight, bias)
        if x.ndim < 2 or len(x) < 32:
            return (x_bar, *rest)
        whole = len(x) - len(x) % 32
        return (x_bar, *correct(g[:whole], x[:whole], weight, bias)[1:])

    return wrong


# Rounding, and numbers at the edge.
@mutant("linear")
def rounded_before_the_bias(x: Any, weight: Any, bias: Any = None) -> Any:
    """Stores the product before the bias is added: 16-bit results are rounded twice."""
    wide = np.float32 if x.dtype.itemsize == 2 else x.dtype
    return _plus((x.astype(wide) @ weight.astype(wide)).astype(x.dtype), bias)


@mutant("linear", wraps=True)
def inputs_of_eleven_bits(correct: Any) -> Any:
    """Rounds float32 inputs to 11 bits, as tensor cores do if they may (TF32)."""

    def short(x: Any) -> Any:
        return ((x.view(np.uint32) + np.uint32(2**12)) & ~np.uint32(2**13 - 1)).view(np.float32)

    def wrong(x: Any, weight: Any, bias: Any = None) -> Any:
        return correct(short(np.ascontiguousarray(x)) if x.dtype == np.float32 else x, weight, bias)

    return wrong


@mutant("linear", wraps=True)
def float32_inside(correct: Any) -> Any:
    """Computes float64 in float32."""

    def wrong(*arrays: Any) -> Any:
        if arrays[0].dtype != np.float64:
            return correct(*arrays)
        return correct(*(a if a is None else a.astype(np.float32) for a in arrays)).astype(np.float64)

    return wrong


@mutant("linear", wraps=True)
def clipped_at_the_largest(correct: Any) -> Any:
    """Returns the largest number in place of ∞."""

    def wrong(x: Any, *more: Any) -> Any:
        most = np.nextafter(np.asarray(np.inf, x.dtype), x.dtype.type(0))
        return np.clip(correct(x, *more), -most, most)

    return wrong


@mutant("linear", wraps=True)
def nan_hidden(correct: Any) -> Any:
    """Takes NaN among its inputs for 0."""
    return lambda x, *more: correct(np.where(np.isnan(x), x.dtype.type(0), x), *more)


@mutant("linear", wraps=True)
def columns_touch(correct: Any) -> Any:
    """Adds 0 times the sum of all outputs: one NaN reaches every column."""

    def wrong(*arrays: Any) -> Any:
        y = correct(*arrays)
        return y + 0 * y.sum(-1, keepdims=True)

    return wrong


@mutant("linear")
def bias_along_the_rows(x: Any, weight: Any, bias: Any = None) -> Any:
    """Adds the bias down the rows where there are as many rows as outputs."""
    y = x @ weight
    if bias is None or y.ndim < 2 or len(bias) != y.shape[-2]:
        return _plus(y, bias)
    return y + bias[:, None]


@mutant("linear")
def one_bias_for_all(x: Any, weight: Any, bias: Any = None) -> Any:
    """Adds the first bias to every output."""
    return _plus(x @ weight, None if bias is None else bias[:1])


@mutant("linear", wraps=True)
def bias_broadcast(correct: Any) -> Any:
    """Lets a single bias stand for every output."""

    def wrong(x: Any, weight: Any, bias: Any = None) -> Any:
        fits = bias is None or np.size(bias) != 1 or np.ndim(weight) != 2
        return correct(x, weight, bias if fits else np.broadcast_to(np.ravel(bias), weight.shape[1:]))

    return wrong


@mutant("linear", wraps=True)
def batches_of_weights(correct: Any) -> Any:
    """Takes a stack of matrices and multiplies stack by stack, as a bare `@` does."""
    return lambda x, weight, *more: np.matmul(x, weight) if np.ndim(weight) > 2 else correct(x, weight, *more)


# Derivatives.
@mutant("linear_vjp", wraps=True)
def first_of_a_stack(correct: Any) -> Any:
    """Adds up the weights' cotangents along one axis of rows and forgets that there may be more."""

    def wrong(g: Any, x: Any, weight: Any, bias: Any = None) -> Any:
        x_bar, *rest = correct(g, x, weight, bias)
        return (x_bar, *(rest if x.ndim < 3 else correct(g[:, 0], x[:, 0], weight, bias)[1:]))

    return wrong


@mutant("linear_vjp", wraps=True)
def pulled_in_sixteen_bits(correct: Any) -> Any:
    """Adds up the bias's cotangents in their own dtype, one by one."""

    def wrong(g: Any, x: Any, weight: Any, bias: Any = None) -> Any:
        x_bar, *rest = correct(g, x, weight, bias)
        total = np.zeros(g.shape[-1], g.dtype)
        for row in g.reshape(-1, g.shape[-1]) if g.shape[-1] else ():
            total = (total + row).astype(g.dtype)
        return (x_bar, rest[0], *(total for _ in rest[1:]))

    return wrong


@mutant("linear_vjp", wraps=True)
def pulled_downhill(correct: Any) -> Any:
    """Returns the direction of descent."""
    return lambda *arrays: tuple(-part for part in correct(*arrays))


@mutant("linear_vjp", wraps=True)
def input_rows_shifted(correct: Any) -> Any:
    """Gives every row the cotangent of the row before it."""

    def wrong(g: Any, x: Any, *more: Any) -> Any:
        x_bar, *rest = correct(g, x, *more)
        return (np.roll(x_bar, 1, 0) if x.ndim > 1 else x_bar, *rest)

    return wrong


@mutant("linear", wraps=True)
def rows_touch(correct: Any) -> Any:
    """Adds 0 times the sum of all rows: one NaN reaches every row."""

    def wrong(x: Any, *more: Any) -> Any:
        y = correct(x, *more)
        return y if x.ndim < 2 else y + y.dtype.type(0) * y.sum(0)

    return wrong


@mutant("linear_vjp", wraps=True)
def pulled_rows_touch(correct: Any) -> Any:
    """Adds 0 times the sum of all rows to the cotangent of each."""

    def wrong(g: Any, x: Any, *more: Any) -> Any:
        x_bar, *rest = correct(g, x, *more)
        return (x_bar if x.ndim < 2 else x_bar + x_bar.dtype.type(0) * x_bar.sum(0), *rest)

    return wrong


@mutant("linear", wraps=True)
def capped_outputs(correct: Any) -> Any:
    """Stops outputs at 6."""
    return lambda *arrays: np.minimum(correct(*arrays), 6)


# Where no small case goes.
def _corner(y: Any) -> Any:
    """0 in place of what lies past the 32nd row and the 32nd column."""
    if y.ndim < 2:
        return y
    far = (np.arange(y.shape[-2]) >= 32)[:, None] & (np.arange(y.shape[-1]) >= 32)
    return np.where(far, y.dtype.type(0), y)


@mutant("linear", wraps=True)
def far_corner_lost(correct: Any) -> Any:
    """Leaves the tile past the first 32 rows and the first 32 outputs at 0."""
    return lambda *arrays: _corner(correct(*arrays))


@mutant("linear_vjp", wraps=True)
def far_corner_not_pulled(correct: Any) -> Any:
    """Leaves the cotangents of the weights past the first 32 inputs and the first 32 outputs at 0."""

    def wrong(*arrays: Any) -> Any:
        x_bar, weight_bar, *rest = correct(*arrays)
        return (x_bar, _corner(weight_bar), *rest)

    return wrong


@mutant("linear", wraps=True)
def format_of_the_input(correct: Any) -> Any:
    """Returns the dtype of x, whatever the weights are in."""
    return lambda x, *more: correct(x, *more).astype(x.dtype)


@mutant("linear_vjp", wraps=True)
def format_of_the_cotangent(correct: Any) -> Any:
    """Returns every cotangent in the dtype of the one that came."""
    return lambda g, *more: tuple(part.astype(g.dtype) for part in correct(g, *more))


@mutant("linear_vjp", wraps=True)
def pulled_unchecked(correct: Any) -> Any:
    """Pulls back through weights that the input cannot have met, and broadcasts where it must."""

    def wrong(g: Any, x: Any, weight: Any, bias: Any = None) -> Any:
        if np.ndim(x) and np.ndim(weight) == 2 and x.shape[-1] == weight.shape[0]:
            return correct(g, x, weight, bias)
        return g, np.zeros_like(weight)

    return wrong


@mutant("linear_vjp", wraps=True)
def first_row_pulled_into_all(correct: Any) -> Any:
    """Adds 0 times the first row's cotangent to all of them: NaN there reaches every row."""

    def wrong(g: Any, x: Any, *more: Any) -> Any:
        x_bar, *rest = correct(g, x, *more)
        with np.errstate(invalid="ignore"):
            return (x_bar + x_bar.dtype.type(0) * x_bar[:1] if x.ndim > 1 and len(x) else x_bar, *rest)

    return wrong
