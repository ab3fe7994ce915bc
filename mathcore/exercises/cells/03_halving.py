"""A step that is never too long."""
# %% start
import math


def loss(e, weights, came):
    scores = [sum(x * y for x, y in zip(e, w)) for w in weights]
    top = max(scores)
    total = sum(math.exp(s - top) for s in scores)
    return math.log(total) + top - scores[came]


def slope(e, weights, came):
    scores = [sum(x * y for x, y in zip(e, w)) for w in weights]
    raised = [math.exp(s - max(scores)) for s in scores]
    error = [r / sum(raised) for r in raised]
    error[came] -= 1
    return [
        sum(r * w[k] for r, w in zip(error, weights))
        for k in range(len(e))
    ]


def careful(e, weights, came, rate):
    """A step at this rate, or at half of it, or at half of that …"""
    slopes = slope(e, weights, came)
    for _ in range(60):
        moved = [x - rate * g for x, g in zip(e, slopes)]
        return moved  # complete: only if the loss has become lower
    return e  # there is no slope to follow


e, weights = [1, 1], [[-1, 0], [-1, -1], [-1, 1]]
for after in e, careful(e, weights, 0, 8):
    print(round(loss(after, weights, 0), 2))
# %% solution
def careful(e, weights, came, rate):
    """A step at this rate, or at half of it, or at half of that …"""
    slopes = slope(e, weights, came)
    for _ in range(60):
        moved = [x - rate * g for x, g in zip(e, slopes)]
        if loss(moved, weights, came) < loss(e, weights, came):
            return moved
        rate = rate / 2
    return e  # there is no slope to follow
# %% check training.step_nudges_to_neighbour: Whatever rate it is given, the loss becomes lower if there is a slope.
@given(
    e=st.lists(st.integers(-3, 3), min_size=2, max_size=2),
    weights=st.lists(st.lists(st.integers(-3, 3), min_size=2, max_size=2), min_size=3, max_size=3),
    rate=st.sampled_from([0.25, 1, 4, 16, 64]),
)
def check(e, weights, rate):
    assume(sum(g * g for g in slope(e, weights, 0)) > 1e-4)
    before = loss(e, weights, 0)
    same(loss(careful(e, weights, 0, rate), weights, 0) < before, True)
# %% check training.sgd_is_theta_minus_alpha_g: Where the whole step lowers the loss, it is taken: e less the rate times the slope.
@given(
    e=st.lists(st.integers(-3, 3), min_size=2, max_size=2),
    weights=st.lists(st.lists(st.integers(-2, 2), min_size=2, max_size=2), min_size=3, max_size=3),
    rate=st.sampled_from([0.125, 0.25, 1]),
)
def check(e, weights, rate):
    whole = [x - rate * g for x, g in zip(e, slope(e, weights, 0))]
    assume(loss(whole, weights, 0) < loss(e, weights, 0))
    same(careful(e, weights, 0, rate), whole, within=8 * UNIT)  # below 8, whichever way it is added up
# %% broken whole_step training.step_nudges_to_neighbour: The whole step, however long.
def loss(e, weights, came):
    scores = [sum(x * y for x, y in zip(e, w)) for w in weights]
    top = max(scores)
    return math.log(sum(math.exp(s - top) for s in scores)) + top - scores[came]


def slope(e, weights, came):
    scores = [sum(x * y for x, y in zip(e, w)) for w in weights]
    raised = [math.exp(s - max(scores)) for s in scores]
    error = [r / sum(raised) - (j == came) for j, r in enumerate(raised)]
    return [sum(r * w[k] for r, w in zip(error, weights)) for k in range(len(e))]


def careful(e, weights, came, rate):
    return [x - rate * g for x, g in zip(e, slope(e, weights, came))]
# %% broken creeps training.sgd_is_theta_minus_alpha_g: Always a millionth of the step: safe, and it never gets anywhere.
def loss(e, weights, came):
    scores = [sum(x * y for x, y in zip(e, w)) for w in weights]
    top = max(scores)
    return math.log(sum(math.exp(s - top) for s in scores)) + top - scores[came]


def slope(e, weights, came):
    scores = [sum(x * y for x, y in zip(e, w)) for w in weights]
    raised = [math.exp(s - max(scores)) for s in scores]
    error = [r / sum(raised) - (j == came) for j, r in enumerate(raised)]
    return [sum(r * w[k] for r, w in zip(error, weights)) for k in range(len(e))]


def careful(e, weights, came, rate):
    return [x - 1e-6 * rate * g for x, g in zip(e, slope(e, weights, came))]
