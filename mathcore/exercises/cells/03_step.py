"""A guess, its loss, and a step of the word's vector."""
# %% start
import math


def shares(e, weights):
    """Softmax of the scores: what the model guesses."""
    raised = []
    for w in weights:
        score = sum(x * y for x, y in zip(e, w))
        raised.append(math.exp(score))
    return [r / sum(raised) for r in raised]


def loss(e, weights, came):
    return -math.log(shares(e, weights)[came])


def slope(e, weights, came):
    """How fast the loss grows with each number of e."""
    out = [0.0] * len(e)
    for j, share in enumerate(shares(e, weights)):
        error = share - (1 if j == came else 0)
        for k in range(len(e)):
            out[k] = out[k] + error * weights[j][k]
    return out


def step(e, weights, came, rate):
    return [x - rate * g for x, g in zip(e, slope(e, weights, came))]


e, weights = [1, 1], [[1, -1], [-1, 1]]  # "the"; "cat" and "dog"
for _ in range(3):
    print([round(x, 2) for x in e], "loss", round(loss(e, weights, 0), 2))
    e = step(e, weights, 0, 0.5)
# %% check training.backprop_is_the_derivative: The slope is how fast the loss changes if one number is nudged.
@given(
    e=st.lists(st.integers(-3, 3), min_size=2, max_size=2),
    weights=st.lists(st.lists(st.integers(-2, 2), min_size=2, max_size=2), min_size=2, max_size=3),
    k=st.integers(0, 1),
)
def check(e, weights, k):
    h = 2.0**-10
    up = [x + h * (i == k) for i, x in enumerate(e)]
    down = [x - h * (i == k) for i, x in enumerate(e)]
    # Scores move at speeds that differ by 4 at most: the loss has a third derivative of 4³√3/18 at most. The numbers
    # and scores are exact here; a loss is 26 at most, with some twenty roundings.
    allowed = 64 * 3**0.5 / 18 * h * h / 6 + 2 * 20 * 26 * UNIT / h
    nudged = (loss(up, weights, 0) - loss(down, weights, 0)) / (2 * h)
    same(slope(e, weights, 0)[k], nudged, within=allowed)
# %% check training.step_nudges_to_neighbour: A short step makes the neighbour that came more probable.
@given(
    e=st.lists(st.integers(-3, 3), min_size=2, max_size=2),
    weights=st.lists(st.lists(st.integers(-2, 2), min_size=2, max_size=2), min_size=2, max_size=3),
)
def check(e, weights):
    def chance(e):
        raised = [math.exp(sum(x * y for x, y in zip(e, w))) for w in weights]
        return [r / sum(raised) for r in raised]

    before = chance(e)
    errors = [p - (j == 0) for j, p in enumerate(before)]
    slopes = [sum(r * w[k] for r, w in zip(errors, weights)) for k in (0, 1)]
    assume(sum(g * g for g in slopes) > 1e-4)  # else there is no slope to follow
    # The loss bends by ½ · (sum of all squared weights) ≤ 12 at most, so that any rate below 2/12 lowers it.
    same(chance(step(e, weights, 0, 0.05))[0] > before[0], True)
# %% broken uphill training.step_nudges_to_neighbour: With the slope, not against it.
def shares(e, weights):
    raised = [math.exp(sum(x * y for x, y in zip(e, w))) for w in weights]
    return [r / sum(raised) for r in raised]


def slope(e, weights, came):
    errors = [p - (j == came) for j, p in enumerate(shares(e, weights))]
    return [sum(r * w[k] for r, w in zip(errors, weights)) for k in range(len(e))]


def step(e, weights, came, rate):
    return [x + rate * g for x, g in zip(e, slope(e, weights, came))]
# %% broken all_the_way training.step_nudges_to_neighbour: Towards the neighbour's numbers, as one often reads.
def shares(e, weights):
    raised = [math.exp(sum(x * y for x, y in zip(e, w))) for w in weights]
    return [r / sum(raised) for r in raised]


def slope(e, weights, came):
    errors = [p - (j == came) for j, p in enumerate(shares(e, weights))]
    return [sum(r * w[k] for r, w in zip(errors, weights)) for k in range(len(e))]


def step(e, weights, came, rate):
    return [x + rate * (w - x) for x, w in zip(e, weights[came])]
# %% broken others_forgotten training.backprop_is_the_derivative: Only the weights of the word that came count.
def shares(e, weights):
    raised = [math.exp(sum(x * y for x, y in zip(e, w))) for w in weights]
    return [r / sum(raised) for r in raised]


def slope(e, weights, came):
    error = shares(e, weights)[came] - 1
    return [error * w for w in weights[came]]
# %% broken nothing_subtracted training.backprop_is_the_derivative: The guess, in place of the guess minus what came.
def shares(e, weights):
    raised = [math.exp(sum(x * y for x, y in zip(e, w))) for w in weights]
    return [r / sum(raised) for r in raised]


def slope(e, weights, came):
    p = shares(e, weights)
    return [sum(r * w[k] for r, w in zip(p, weights)) for k in range(len(e))]
