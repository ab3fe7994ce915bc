"""Trial, error and correction: a net learns x²."""
# %% start
import random


def relu(x):
    return x if x > 0 else 0.0


def value(x, net):
    """Units are [weight, bias, weight out]; the last entry is a bias."""
    *units, total = net
    for w, b, v in units:
        total += v * relu(w * x + b)
    return total


def step(net, points, rate):
    """Try every point; move each number against its share of the error."""
    *units, bias = net
    moved, moved_bias = [list(unit) for unit in units], bias
    for x, wanted in points:
        push = rate * 2 * (value(x, net) - wanted) / len(points)
        for (w, b, v), new in zip(units, moved):
            if w * x + b > 0:  # a unit that is off gets nothing
                new[0] -= push * v * x
                new[1] -= push * v
                new[2] -= push * (w * x + b)
        moved_bias -= push
    return [*moved, moved_bias]


def random_net(width, seed):
    draw = random.Random(seed).gauss
    units = [
        [draw(0, 1), draw(0, 1), draw(0, 1) / width**0.5]
        for _ in range(width)
    ]
    return [*units, 0.0]


points = [(i / 4, (i / 4) ** 2) for i in range(-4, 5)]
net = random_net(16, seed=0)
for trial in range(201):
    if trial % 50 == 0:
        worst = max(abs(value(x, net) - y) for x, y in points)
        print("after", trial, "steps: off by at most", round(worst, 2))
    net = step(net, points, 0.1)
# %% check approximation.learns_by_trial_and_error: From random weights, 200 steps come closer to x² than any line can.
@given(seed=st.integers(0, 9))
def check(seed):
    points = [(i / 4, (i / 4) ** 2) for i in range(-4, 5)]
    net = random_net(16, seed)
    for _ in range(200):
        net = step(net, points, 0.1)
    worst = max(
        abs(value(i / 50, net) - (i / 50) ** 2) for i in range(-50, 51)
    )
    same(min(worst, 0.499), worst)
# %% broken uphill approximation.learns_by_trial_and_error: Every number moves with the error, not against it.
def value(x, net):
    *units, total = net
    return total + sum(v * max(w * x + b, 0.0) for w, b, v in units)


def step(net, points, rate):
    *units, bias = net
    moved, moved_bias = [list(unit) for unit in units], bias
    for x, wanted in points:
        push = (
            rate * max(-9.0, min(9.0, value(x, net) - wanted)) / len(points)
        )
        for (w, b, v), new in zip(units, moved):
            if w * x + b > 0:
                new[0] += push * v * x
                new[1] += push * v
                new[2] += push * (w * x + b)
        moved_bias += push
    return [*moved, moved_bias]


def random_net(width, seed):
    draw = random.Random(seed).gauss
    return [
        *(
            [draw(0, 1), draw(0, 1), draw(0, 1) / width**0.5]
            for _ in range(width)
        ),
        0.0,
    ]
# %% broken nothing_between approximation.learns_by_trial_and_error: No ReLU: however long it trains, it stays a line.
def value(x, net):
    *units, total = net
    return total + sum(v * (w * x + b) for w, b, v in units)


def step(net, points, rate):
    *units, bias = net
    moved, moved_bias = [list(unit) for unit in units], bias
    for x, wanted in points:
        push = rate * 2 * (value(x, net) - wanted) / len(points)
        for (w, b, v), new in zip(units, moved):
            new[0] -= push * v * x
            new[1] -= push * v
            new[2] -= push * (w * x + b)
        moved_bias -= push
    return [*moved, moved_bias]


def random_net(width, seed):
    draw = random.Random(seed).gauss
    return [
        *(
            [draw(0, 1), draw(0, 1), draw(0, 1) / width**0.5]
            for _ in range(width)
        ),
        0.0,
    ]
