"""Mutants of nets and of separation: what the claims about approximation and depth must refute."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from mathcore.verify.claims import mutant

Operation = Callable[..., Any]


def net_with(between: Callable[[Any], Any], after: Callable[[Any], Any] = lambda y: y) -> Callable[[Any, Any], Any]:
    """A net with another activation in place of ReLU."""

    def net(x: Any, layers: Any) -> Any:
        for weight, bias in layers[:-1]:
            x = between(x @ weight + bias)
        return after(x @ layers[-1][0] + layers[-1][1])

    return net


@mutant("relu_net")
def nothing_between(x: Any, layers: Any) -> Any:
    """Forgets the ReLU, so that all layers are one."""
    return net_with(lambda h: h)(x, layers)


@mutant("relu_net")
def leaky(x: Any, layers: Any) -> Any:
    """Lets a quarter of negative inputs through, as a leaky ReLU does."""
    return net_with(lambda h: np.where(h > 0, h, h / 4))(x, layers)


@mutant("relu_net")
def relu_after_the_last(x: Any, layers: Any) -> Any:
    """Applies ReLU to the output, too."""
    return net_with(lambda h: np.maximum(h, 0), lambda y: np.maximum(y, 0))(x, layers)


@mutant("relu_net")
def last_bias_forgotten(x: Any, layers: Any) -> Any:
    """Ignores the bias of the last layer."""
    weight, bias = layers[-1]
    return net_with(lambda h: np.maximum(h, 0))(x, [*layers[:-1], (weight, 0 * bias)])


@mutant("relu_net_vjp", wraps=True)
def gradient_of_linear(correct: Operation) -> Operation:
    """Passes the gradient where ReLU was inactive."""

    def wrong(cotangent: Any, x: Any, layers: Any) -> Any:
        inputs = [x]
        for weight, bias in layers[:-1]:
            inputs.append(np.maximum(inputs[-1] @ weight + bias, 0))
        slopes: list[Any] = []
        for h, (weight, _) in zip(reversed(inputs), reversed(layers), strict=True):
            rows, g = h.reshape(-1, h.shape[-1]), cotangent.reshape(-1, cotangent.shape[-1])
            slopes.insert(0, (rows.T @ g, g.sum(0)))
            cotangent = cotangent @ weight.T
        return cotangent, tuple(slopes)

    return wrong


@mutant("relu_net_vjp", wraps=True)
def biases_do_not_learn(correct: Operation) -> Operation:
    """Gives every bias a gradient of zero."""

    def wrong(cotangent: Any, x: Any, layers: Any) -> Any:
        x_bar, slopes = correct(cotangent, x, layers)
        return x_bar, tuple((weight, 0 * bias) for weight, bias in slopes)

    return wrong


@mutant("relu_net_vjp", wraps=True)
def inputs_get_nothing(correct: Operation) -> Operation:
    """Returns a zero gradient for the inputs: what comes before the net never learns."""

    def wrong(cotangent: Any, x: Any, layers: Any) -> Any:
        x_bar, slopes = correct(cotangent, x, layers)
        return 0 * x_bar, slopes

    return wrong


@mutant("relu_net_vjp", wraps=True)
def uphill(correct: Operation) -> Operation:
    """Returns the gradient with its sign flipped."""

    def wrong(cotangent: Any, x: Any, layers: Any) -> Any:
        x_bar, slopes = correct(-cotangent, x, layers)
        return x_bar, slopes

    return wrong


@mutant("linear", wraps=True)
def folded(correct: Operation) -> Operation:
    """Folds its output at zero, and is no longer linear."""
    return lambda *args: abs(correct(*args))


@mutant("linear", wraps=True)
def squared_inputs(correct: Operation) -> Operation:
    """Squares what it is given."""
    return lambda x, *args: correct(x * x, *args)


@mutant("interpolating_net", wraps=True)
def slopes_for_bends(correct: Operation) -> Operation:
    """Takes each slope where the change of slope belongs."""

    def wrong(knots: Any, values: Any) -> Any:
        hidden, (_, bias) = correct(knots, values)
        return hidden, (((values[1:] - values[:-1]) / (knots[1:] - knots[:-1]))[:, None], bias)

    return wrong


@mutant("interpolating_net", wraps=True)
def starts_at_zero(correct: Operation) -> Operation:
    """Forgets the first value."""

    def wrong(knots: Any, values: Any) -> Any:
        hidden, (weight, bias) = correct(knots, values)
        return hidden, (weight, 0 * bias)

    return wrong


@mutant("interpolating_net", wraps=True)
def bends_too_late(correct: Operation) -> Operation:
    """Bends at the knot after the one where it should."""

    def wrong(knots: Any, values: Any) -> Any:
        (weight, _), last = correct(knots, values)
        return (weight, -knots[1:]), last

    return wrong


@mutant("line_net", wraps=True)
def detector_too_keen(correct: Operation) -> Operation:
    """Fires at a line with one pixel missing."""

    def wrong(*args: Any) -> Any:
        (weight, bias), *rest = correct(*args)
        return (weight, bias + 1), *rest

    return wrong


@mutant("pattern_net", wraps=True)
def lines_counted(correct: Operation) -> Operation:
    """Gives the number of full lines, where it was asked whether there is one."""

    def wrong(*args: Any) -> Any:
        detectors, (weight, bias), (_, none) = correct(*args)
        return detectors, (weight, bias), (np.array([[1], [0]], dtype=weight.dtype), none)

    return wrong


@mutant("pattern_net", wraps=True)
def columns_unseen(correct: Operation) -> Operation:
    """Looks at rows alone."""

    def wrong(*args: Any) -> Any:
        (weight, bias), (second, second_bias), last = correct(*args)
        rows = weight.shape[1] // 2
        return (weight[:, :rows], bias[:rows]), (second[:rows], second_bias), last

    return wrong


@mutant("square_net", wraps=True)
def bars_anywhere(correct: Operation) -> Operation:
    """Takes one short line for a square."""

    def wrong(*args: Any) -> Any:
        bars, (weight, bias), *rest = correct(*args)
        return bars, (weight, bias + 1), *rest

    return wrong


@mutant("tent_net", wraps=True)
def one_fold_fewer(correct: Operation) -> Operation:
    """Folds once less than it was asked to."""
    return lambda depth, *args: correct(max(depth - 1, 1), *args)


@mutant("tent_net", wraps=True)
def unit_lost(correct: Operation) -> Operation:
    """Never bends back: the second unit of the last fold is cut."""

    def wrong(depth: Any, *args: Any) -> Any:
        *first, (weight, bias) = correct(depth, *args)
        return *first, (weight * np.array([[1], [0]], dtype=weight.dtype), bias)

    return wrong


@mutant("count_pieces")
def every_step_a_piece(x: Any, y: Any) -> Any:
    """Counts the steps between points, bends or none."""
    return len(x) - 1


@mutant("count_pieces")
def slight_bends_unseen(x: Any, y: Any) -> Any:
    """Takes slopes that differ by less than a millionth for the same."""
    slopes = np.diff(y) / np.diff(x)
    return 1 + int((abs(np.diff(slopes)) > 1e-6).sum())


@mutant("count_pieces")
def turns_counted(x: Any, y: Any) -> Any:
    """Counts changes of direction, and misses a bend that goes on upwards."""
    rise = y[1:] - y[:-1]
    return 1 + int(np.sum(rise[1:] * rise[:-1] < 0))


@mutant("separation", wraps=True)
def gives_up(correct: Operation) -> Operation:
    """Calls everything inseparable that no coordinate alone decides, with equal multipliers for a proof."""

    def wrong(points: Any, labels: Any) -> Any:
        answer = correct(points, labels)
        hard = answer[0] == "separable" and sum(w != 0 for w in answer[1][0]) > 1
        return ("infeasible", (Fraction(1, len(points)),) * len(points)) if hard else answer

    return wrong


@mutant("separation", wraps=True)
def touching_is_enough(correct: Operation) -> Operation:
    """Takes the plane of all zeros for a separation, since no point is on its wrong side."""

    def wrong(points: Any, labels: Any) -> Any:
        answer = correct(points, labels)
        nothing = (Fraction(0),) * np.shape(points)[1]
        return answer if answer[0] == "separable" else ("separable", (nothing, Fraction(0)))

    return wrong


@mutant("separation", wraps=True)
def through_the_origin(correct: Operation) -> Operation:
    """Forgets the bias of the plane."""

    def wrong(points: Any, labels: Any) -> Any:
        answer = correct(points, labels)
        return ("separable", (answer[1][0], Fraction(0))) if answer[0] == "separable" else answer

    return wrong


@mutant("check_separation")
def believes_everything(points: Any, labels: Any, answer: Any) -> Any:
    """Takes every answer for right."""
    return True


@mutant("check_separation", wraps=True)
def believes_planes(correct: Operation) -> Operation:
    """Checks multipliers, but no plane."""
    return lambda points, labels, answer: answer[0] == "separable" or correct(points, labels, answer)


@mutant("check_separation")
def counts_shares_only(points: Any, labels: Any, answer: Any) -> Any:
    """Asks of multipliers that they balance the two kinds, not that the points do."""
    if answer[0] == "separable":
        weight, bias = answer[1]
        side = points.astype(object) @ np.array(weight, dtype=object) + bias
        return bool(np.all(np.where(labels, side, -side) > 0))
    return sum(share if label else -share for share, label in zip(answer[1], labels, strict=True)) == 0


@mutant("check_separation", wraps=True)
def signs_unseen(correct: Operation) -> Operation:
    """Asks of multipliers that the points balance, not that none is negative."""

    def wrong(points: Any, labels: Any, answer: Any) -> Any:
        if answer[0] == "separable":
            return correct(points, labels, answer)
        signed = np.where(labels, 1, -1) * np.array(answer[1], dtype=object)
        return signed.sum() == 0 and bool(np.all(signed @ np.c_[points].astype(object) == 0) and any(answer[1]))

    return wrong


@mutant("check_separation", wraps=True)
def nothing_proves_it(correct: Operation) -> Operation:
    """Takes multipliers of 0 for a proof: all sums are right."""

    def wrong(points: Any, labels: Any, answer: Any) -> Any:
        return (answer[0] == "infeasible" and not any(answer[1])) or correct(points, labels, answer)

    return wrong


@mutant("xor_net", wraps=True)
def always_in_floats(correct: Operation) -> Operation:
    """Builds a net of float64 whatever dtype is asked for."""
    return lambda dtype=None: correct()
