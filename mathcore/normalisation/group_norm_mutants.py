"""Group normalisations that are wrong on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.verify.claims import mutant

Function = Callable[..., Any]


@mutant("group_norm", wraps=True)
def one_group(correct: Function) -> Function:
    """Standardises all channels together, however many groups are asked for."""
    return lambda x, num_groups, weight, bias, **how: correct(x, 1, weight, bias, **how)


@mutant("group_norm", wraps=True)
def size_for_number(correct: Function) -> Function:
    """Takes the number of groups for the number of channels in one."""
    return lambda x, groups, weight, bias, **how: correct(x, max(x.shape[1] // groups, 1), weight, bias, **how)


@mutant("group_norm", wraps=True)
def every_other_channel(correct: Function) -> Function:
    """Groups channels that are far apart: c and c + groups, not neighbours."""

    def wrong(x: Any, groups: int, weight: Any, bias: Any, **how: Any) -> Any:
        order = np.arange(x.shape[1]).reshape(-1, groups).T.ravel()
        y = correct(x[:, order], groups, weight[order], bias[order], **how)
        return y[:, np.argsort(order)]

    return wrong


@mutant("group_norm", wraps=True)
def weight_by_place_in_group(correct: Function) -> Function:
    """Gives every group the weights of the first."""

    def wrong(x: Any, groups: int, weight: Any, bias: Any, **how: Any) -> Any:
        return correct(x, groups, np.tile(weight[: len(weight) // groups], groups), bias, **how)

    return wrong


@mutant("group_norm", wraps=True)
def places_apart(correct: Function) -> Function:
    """Standardises every place by itself, over the channels of a group alone."""

    def wrong(x: Any, groups: int, weight: Any, bias: Any, **how: Any) -> Any:
        places = [correct(x[:, :, p], groups, weight, bias, **how) for p in range(x.shape[2])]
        return np.stack(places, 2) if places else x

    return wrong


@mutant("group_norm", wraps=True)
def epsilon_fixed(correct: Function) -> Function:
    """Uses its own ε whatever it is given."""
    return lambda x, groups, weight, bias, **how: correct(x, groups, weight, bias, epsilon=1e-6)


@mutant("group_norm", wraps=True)
def over_the_batch(correct: Function) -> Function:
    """Adds 0 times the sum of the batch: one NaN reaches every image."""

    def wrong(x: Any, groups: int, weight: Any, bias: Any, **how: Any) -> Any:
        y = correct(x, groups, weight, bias, **how)
        with np.errstate(invalid="ignore", over="ignore"):
            return (y + x.dtype.type(0) * x.sum()).astype(y.dtype)

    return wrong


@mutant("group_norm", wraps=True)
def far_places_kept(correct: Function) -> Function:
    """Standardises 256 places of each channel, and leaves those beyond as they are."""

    def wrong(x: Any, groups: int, weight: Any, bias: Any, **how: Any) -> Any:
        head = correct(x[:, :, :256], groups, weight, bias, **how)
        return np.concatenate([head, x[:, :, 256:].astype(head.dtype)], 2)

    return wrong


@mutant("group_norm", wraps=True)
def last_channels_left(correct: Function) -> Function:
    """Drops the rest where the groups do not divide the channels."""

    def wrong(x: Any, groups: int, weight: Any, bias: Any, **how: Any) -> Any:
        return correct(x, groups if x.shape[1] % groups == 0 else 1, weight, bias, **how)

    return wrong


@mutant("group_norm_vjp", wraps=True)
def group_taken_for_all(correct: Function) -> Function:
    """Takes out what would move or lengthen all channels together."""

    def wrong(g: Any, x: Any, groups: int, weight: Any, bias: Any, **how: Any) -> Any:
        return correct(g, x, 1, weight, bias, **how)[0], *correct(g, x, groups, weight, bias, **how)[1:]

    return wrong


@mutant("group_norm_vjp", wraps=True)
def weight_forgotten(correct: Function) -> Function:
    """Gives the gradient of the images as if the weight were 1."""

    def wrong(g: Any, x: Any, groups: int, weight: Any, bias: Any, **how: Any) -> Any:
        without = correct(g, x, groups, np.ones_like(weight), bias, **how)[0]
        return without, *correct(g, x, groups, weight, bias, **how)[1:]

    return wrong


@mutant("group_norm_vjp", wraps=True)
def weights_of_the_last_image(correct: Function) -> Function:
    """Keeps the gradients of weight and bias from the last image alone."""

    def wrong(g: Any, x: Any, groups: int, weight: Any, bias: Any, **how: Any) -> Any:
        last = correct(g[-1:], x[-1:], groups, weight, bias, **how)[1:]
        return correct(g, x, groups, weight, bias, **how)[0], *last

    return wrong
