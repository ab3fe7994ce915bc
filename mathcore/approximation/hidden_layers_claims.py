"""What must be true of hidden layers: FAQ 12."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.approximation import approximation_mutants as wrong
from mathcore.verify import Claim, Limits, Operations, Target, all_of, at_least, at_most, domain, equal, less, same
from mathcore.verify.domains import Domain, Draw, draw_integers
from mathcore.verify.laws import Called, defaults
from mathcore.verify.limits import SHORT_FORMATS


def images(size: int) -> Any:
    """Every black-and-white image of size × size pixels, from few black pixels to many."""
    bits = (np.arange(2 ** (size * size))[:, None] >> np.arange(size * size)) & 1
    return bits[np.argsort(bits.sum(1), kind="stable")].astype(np.float64)


def full_rows(x: Any, size: int) -> Any:
    """Whether some row is a full line."""
    return x.reshape(-1, size, size).all(2).any(1)


def full_lines(x: Any, size: int) -> Any:
    """Whether some row or column is a full line."""
    return full_rows(x, size) | x.reshape(-1, size, size).all(1).any(1)


def full_squares(x: Any, size: int) -> Any:
    """Whether some 2 × 2 pixels are all black."""
    grid = x.reshape(-1, size, size) == 1
    return (grid[:, 1:, 1:] & grid[:, 1:, :-1] & grid[:, :-1, 1:] & grid[:, :-1, :-1]).any((1, 2))


def balance(points: Any, labels: Any, shares: Any) -> Any:
    """Σ λ_i y_i (x_i, 1), all zeros if the multipliers prove that no plane separates; and Σ λ_i."""
    signed = np.c_[points, np.ones(len(points))].astype(int).astype(object) * np.where(labels, 1, -1)[:, None]
    shares = np.array(shares, dtype=object)
    return np.r_[shares @ signed, shares.sum()]


def impossible(points: Any, labels: Any, answer: Any) -> Any:
    """The answer is a certificate that no plane separates, checked in exact arithmetic."""
    kind, shares = answer
    if kind != "infeasible":
        return equal(kind == "infeasible", True)
    proof = [0] * (points.shape[1] + 1) + [1]
    return all_of(at_least(np.array(shares, dtype=object), 0), equal(balance(points, labels, shares), proof))


single_layer_is_limited = Claim(
    "depth.single_layer_is_limited",
    faq=12,
    statement="A single layer can tell two kinds of inputs apart only if a plane can: XOR and “row 1 or row 2 is a "
    "full line” are out of its reach.",
    formula=r"\lambda_i \ge 0, \; \sum_i \lambda_i = 1, \; \sum_i \lambda_i y_i (x_i, 1) = 0 \;\Longrightarrow\; "
    r"\text{no } w, b:\ y_i (w \cdot x_i + b) > 0 \ \ \forall i",
    legend={"λ": "multipliers", "w": "weights", "b": "a bias", "x": "the inputs", "y": "their kinds, 1 or −1"},
    limits=Limits(
        formats=SHORT_FORMATS,
        rows=8,
        width=3,
        signs=("separation.points >= 0", "linear.x >= 0"),
        also=("one to three inputs of 0 or 1, and images of up to 3 × 3 pixels",),
    ),
    source="Minsky & Papert, Perceptrons (1969); Muroga, Threshold Logic and Its Applications (1971) for the counts",
    needs=("separation", "linear"),
    refuted_by=(wrong.gives_up, wrong.touching_is_enough, wrong.through_the_origin),
)


def labellings() -> Iterator[dict[str, Any]]:
    """Every labelling of the corners of an interval, a square or a cube."""
    for inputs in (1, 2, 3):
        corners = np.array(list(itertools.product([0.0, 1.0], repeat=inputs)))
        for labels in itertools.product([False, True], repeat=len(corners)):
            yield {"labels": np.array(labels)[None], "corners": corners}


@single_layer_is_limited.exhaustive(labellings)
def every_labelling_has_a_certificate(ops: Operations, labels: Any, corners: Any) -> Any:
    kind, found = ops.separation(corners, labels[0])
    if kind == "infeasible":
        return impossible(corners, labels[0], (kind, found))
    weight, bias = np.array(found[0], np.float64)[:, None], np.array([found[1]], np.float64)
    return equal(ops.linear(corners, weight, bias)[:, 0] > 0, labels[0])


@single_layer_is_limited.proof
def xor_and_lines_are_not_separable(ops: Operations) -> Any:
    xor, square = np.array([False, True, True, False]), np.array(list(itertools.product([0.0, 1.0], repeat=2)))
    two_by_two, three_by_three = images(2), images(3)
    few = three_by_three[three_by_three.sum(1) <= 4]  # enough for a proof
    return all_of(
        impossible(square, xor, ops.separation(square, xor)),
        *(
            impossible(x, what(x, size), ops.separation(x, what(x, size)))
            for x, size, what in (
                (two_by_two, 2, full_rows), (two_by_two, 2, full_lines), (few, 3, full_squares),
            )
        ),
    )  # fmt: skip


@single_layer_is_limited.proof
def counts_of_separable_labellings(ops: Operations) -> Any:
    # 4 of 4, 14 of 16 and 104 of 256 functions of one, two and three bits are within reach.
    reachable = [0, 0, 0]
    for case in labellings():
        kind, _ = ops.separation(case["corners"], case["labels"][0])
        reachable[case["corners"].shape[1] - 1] += kind == "separable"
    return equal(reachable, [4, 14, 104])


patterns_of_patterns = Claim(
    "depth.patterns_of_patterns",
    faq=12,
    statement="Line detectors that feed further layers recognise, on every image of 2 × 2 to 4 × 4 pixels, what no "
    "single layer can: one of two pixels but not both, a full row, a full row or column, and from 3 × 3 pixels on a "
    "square anywhere.",
    formula=r"\text{any} = \operatorname{relu}(s) - \operatorname{relu}(s - 1), \qquad "
    r"s = \sum_{\text{lines}} \operatorname{relu}\Big(\sum_{\text{pixels}} x - (k - 1)\Big)",
    needs=("relu_net", "xor_net", "line_net", "pattern_net", "square_net", "separation"),
    limits=Limits(formats=SHORT_FORMATS, width=16, signs=("relu_net.x >= 0",)),
    refuted_by=(
        wrong.detector_too_keen, wrong.lines_counted, wrong.columns_unseen, wrong.bars_anywhere, wrong.nothing_between,
        wrong.leaky, wrong.always_in_floats,
    ),
    rests_on=("depth.single_layer_is_limited",),
    legend={"s": "how many lines are full", "k": "the pixels of a line", "x": "a pixel, 0 or 1"},
)  # fmt: skip


@patterns_of_patterns.exhaustive(lambda: ({"x": images(side), "side": side} for side in (2, 3, 4)))
def nets_recognise_patterns_on_every_image(ops: Operations, x: Any, side: int) -> Any:
    return all_of(
        equal(ops.relu_net(x, ops.line_net(side))[:, 0], full_rows(x, side).astype(int)),
        equal(ops.relu_net(x, ops.pattern_net(side))[:, 0], full_lines(x, side).astype(int)),
        equal(ops.relu_net(x, ops.square_net(side))[:, 0], full_squares(x, side).astype(int)),
    )


def hard_images(side: int) -> Any:
    """Images in which no single layer finds a full row, line or square: all but two rows, or four pixels, are fixed."""
    if side == 2:
        return images(2)
    x = np.zeros((16, side, side))
    x[:, :2, 2:] = 1  # of two rows all but the first two pixels are black
    x[:, :2, :2] = images(2).reshape(-1, 2, 2)
    return x.reshape(16, -1)


def formats_of_nets() -> Iterator[dict[str, Any]]:
    """All nets that are built by hand, in a few dtypes."""
    for name, arguments in (("xor_net", ()), ("line_net", (3,)), ("pattern_net", (2,)), ("square_net", (2,))):
        for dtype in ("object", "float32", "float16"):
            yield {"name": name, "arguments": arguments, "dtype": dtype}


@patterns_of_patterns.exhaustive(formats_of_nets)
def nets_come_in_the_requested_dtype(ops: Operations, name: str, arguments: tuple[int, ...], dtype: str) -> Any:
    build = getattr(ops, name)
    pairs = zip(build(*arguments, dtype=dtype), build(*arguments), strict=True)
    arrays = [(a, b) for layer, usual in pairs for a, b in zip(layer, usual, strict=True)]
    return all_of(*(same(a.dtype.name, dtype) for a, _ in arrays), *(equal(a, b) for a, b in arrays))


@patterns_of_patterns.proof
def no_single_layer_recognises_the_patterns(ops: Operations) -> Any:
    lines = (
        impossible(x, what(x, side), ops.separation(x, what(x, side)))
        for side in (2, 3, 4)
        for x in [hard_images(side)]
        for what in (full_rows, full_lines)
    )
    squares = (
        impossible(x, full_squares(x, side), ops.separation(x, full_squares(x, side)))
        for side, most in ((3, 4), (4, 4))
        for x in [some_squares(side, most)]
    )
    easy = ops.separation(images(2), full_squares(images(2), 2))[0]  # a single square is a single AND
    return all_of(*lines, *squares, same(easy, "separable"))


def some_squares(side: int, most: int) -> Any:
    """Images of few black pixels, in the first three rows and columns."""
    few = images(3)[images(3).sum(1) <= most].reshape(-1, 3, 3)
    x = np.zeros((len(few), side, side))
    x[:, :3, :3] = few
    return x.reshape(len(few), -1)


@patterns_of_patterns.exhaustive(lambda: iter([{"x": np.array(list(itertools.product([0.0, 1.0], repeat=2)))}]))
def xor_net_computes_xor(ops: Operations, x: Any) -> Any:
    return equal(ops.relu_net(x, ops.xor_net())[:, 0], [0, 1, 1, 0])


beats_width = Claim(
    "depth.beats_width",
    faq=12,
    statement="k hidden layers of two units fold the interval [0, 1] into 2ᵏ straight pieces; one hidden layer of n "
    "units makes at most n + 1, so it needs at least 2ᵏ − 1 units for the same.",
    legend={"T": "the tent map", "a": "weights", "w": "weights", "b": "biases", "c": "a bias"},
    limits=Limits(
        options=("dtype",),
        formats=SHORT_FORMATS,
        rows=1,
        width=12,
        fixed={"scale": "kinks at multiples of 1/2"},
        also=("k up to 9", "n up to 12"),
    ),
    formula=r"\#\text{pieces}(T^{\circ k}) = 2^k \text{ on } [0, 1], \qquad \#\text{pieces}\Big(\sum_{i=1}^n a_i "
    r"\operatorname{relu}(w_i x + b_i) + c\Big) \le n + 1",
    source="Telgarsky, arXiv:1509.08101; Montúfar et al., arXiv:1402.1869",
    needs=("tent_net", "relu_net", "count_pieces"),
    refuted_by=(
        wrong.one_fold_fewer, wrong.unit_lost, wrong.every_step_a_piece, wrong.turns_counted, wrong.slight_bends_unseen,
        wrong.nothing_between, wrong.leaky,
    ),
)  # fmt: skip


def tent(x: Any, depth: int) -> Any:
    """The folded line in one formula: the distance of 2ᵏ⁻¹x to the nearest whole number, doubled."""
    turns = x * 2 ** (depth - 1)
    return 2 * abs(turns - np.floor(turns + 0.5))


@beats_width.exact(depth=st.integers(1, 9))
def tent_net_has_two_to_the_depth_pieces(ops: Operations, depth: int) -> Any:
    # Every bend lies at a multiple of 2⁻ᵏ, hence on the grid; dyadic numbers lose nothing in float64.
    x = np.arange(2 ** (depth + 1) + 1) / 2 ** (depth + 1)
    net = ops.tent_net(depth)
    y = ops.relu_net(x[:, None], net)[:, 0]
    return all_of(
        equal(y, tent(x, depth)),
        equal(ops.count_pieces(x, y), 2**depth),
        at_most([len(bias) for _, bias in net[:-1]], 2),
    )


@domain
def one_hidden_layer(draw: Draw, target: Target) -> dict[str, Any]:
    """A net with one hidden layer on one input, whose kinks are multiples of 1/2."""
    n = draw(st.integers(1, 12))
    weight = draw(st.lists(st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0]), min_size=n, max_size=n))
    return {"weight": np.array(weight), "bias": draw_integers(draw, (n,), 9), "out": draw_integers(draw, (n,), 4)}


@beats_width.exact(one_hidden_layer())
def one_hidden_layer_bends_only_at_its_kinks(ops: Operations, weight: Any, bias: Any, out: Any) -> Any:
    bends = weight != 0  # a unit with the weight 0 bends nowhere
    kinks = -bias[bends] / weight[bends]
    x = np.arange(-10, 10.25, 0.25)  # kinks and points between them
    layers = [(weight[None], bias.astype(float)), (out[:, None].astype(float), np.zeros(1))]
    y = ops.relu_net(x[:, None], layers)[:, 0]
    pieces = ops.count_pieces(x, y)
    # At a kink the slope jumps by the sum of a|w| over the units that bend there.
    jumps = [(out * abs(weight))[bends][kinks == kink].sum() for kink in np.unique(kinks)]
    return all_of(
        equal(pieces, 1 + np.count_nonzero(jumps)),
        at_most(pieces, len(weight) + 1),
        equal(ops.count_pieces(x, y * 2.0**-30), pieces),  # a bend is a bend, however slight
    )


@beats_width.proof
def narrower_nets_have_fewer_pieces(ops: Operations) -> Any:
    # Counting: n units bend in at most n places, so n + 1 pieces are the most; 2ᵏ pieces need n ≥ 2ᵏ − 1.
    depths = np.arange(1, 11)
    too_few = 2**depths - 2
    grids = [np.arange(2 ** (k + 1) + 1) / 2 ** (k + 1) for k in depths.tolist()]
    folded = [
        ops.count_pieces(x, ops.relu_net(x[:, None], ops.tent_net(k))[:, 0]) for k, x in enumerate(grids, start=1)
    ]
    return less(too_few + 1, folded)


certificates_are_checked = Claim(
    "depth.certificates_are_checked",
    statement="The check accepts what was found, and refuses it once a point that it rests on has changed sides or, "
    "under multipliers, moved; it refuses multipliers that are negative or all 0.",
    formula=r"y_i (w \cdot x_i + b) > 0 \ \ \forall i \quad\text{or}\quad \lambda \ge 0, \; \lambda \ne 0, \; "
    r"\sum_i \lambda_i y_i (x_i, 1) = 0",
    needs=("separation", "check_separation"),
    limits=Limits(formats=SHORT_FORMATS, width=3),
    legend={"w": "a plane", "b": "its shift", "λ": "multipliers", "x": "points", "y": "their kinds, 1 or −1"},
    refuted_by=(
        wrong.believes_everything, wrong.believes_planes, wrong.counts_shares_only, wrong.through_the_origin,
        wrong.signs_unseen, wrong.nothing_proves_it,
    ),
)  # fmt: skip


@domain
def labelled_points(draw: Draw, target: Target) -> dict[str, Any]:
    """A few points with small coordinates, copies included, labelled at random."""
    n = draw(st.integers(1, 9))
    points = draw_integers(draw, (n, draw(st.integers(1, 3))), 2).astype(np.float64)
    return {"points": points, "labels": np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))}


@certificates_are_checked.exact(labelled_points(), effort=0.5)
def certificate_is_refused_once_its_points_change(ops: Operations, points: Any, labels: Any) -> Any:
    answer = ops.separation(points, labels)
    rests_on = 0 if answer[0] == "separable" else next(i for i, share in enumerate(answer[1]) if share)
    other, moved = labels.copy(), points.copy()
    other[rests_on], moved[rests_on, 0] = not labels[rests_on], points[rests_on, 0] + 1
    refused = [ops.check_separation(points, other, answer)]
    if answer[0] == "infeasible":
        refused.append(ops.check_separation(moved, labels, answer))
        refused.append(ops.check_separation(points, labels, ("infeasible", tuple(-share for share in answer[1]))))
    refused.append(ops.check_separation(points, labels, ("infeasible", (Fraction(0),) * len(points))))
    return all_of(equal(ops.check_separation(points, labels, answer), True), equal(refused, False))


@certificates_are_checked.exact(step=st.integers(1, 9), place=st.integers(-9, 9), effort=0.25)
def negative_multipliers_are_refused(ops: Operations, step: int, place: int) -> Any:
    # Points in a row, the last of another kind: all sums are right, but a multiplier is negative.
    points, labels = place + step * np.array([[0.0], [1.0], [2.0]]), np.array([False, False, True])
    shares = tuple(map(Fraction, (-1, 2, 1)))
    return all_of(
        equal(balance(points, labels, shares)[:2], [0, 0]),
        equal(ops.check_separation(points, labels, ("infeasible", shares)), False),
    )


class BySide(Called):
    """A net for images, called with the side of one."""

    def answers(self, ops: Operations, **arguments: Any) -> tuple[Any, ...]:
        """What the target returns."""
        side = arguments.pop("side")
        return tuple(getattr(ops, self.name)(side, **arguments))


net_defaults = (
    defaults(Called("xor_net", Domain(lambda _: st.just({}))), dtype=("float64", "float32")),
    defaults(
        Called("line_net", Domain(lambda _: st.just({})), Limits(options=("size",))),
        size=(2, 3),
        dtype=("float64", "float32"),
    ),
    defaults(
        BySide("pattern_net", Domain(lambda _: st.fixed_dictionaries({"side": st.integers(1, 4)}))),
        dtype=("float64", "float32"),
    ),
    defaults(
        BySide("square_net", Domain(lambda _: st.fixed_dictionaries({"side": st.integers(2, 4)}))),
        dtype=("float64", "float32"),
    ),
    defaults(
        Called("tent_net", Domain(lambda _: st.fixed_dictionaries({"depth": st.integers(1, 4)}))),
        dtype=("float64", "float32"),
    ),
)
