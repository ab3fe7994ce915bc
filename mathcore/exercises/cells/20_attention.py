"""Attention: one query, some keys, and a mix of values."""
# %% start
import math


def softmax(scores):
    highest = max(scores)
    raised = [math.exp(x - highest) for x in scores]
    total = sum(raised)
    return [e / total for e in raised]


def attend(query, keys, values):
    """The share of each word, and the mix of the values."""
    scores = []
    for key in keys:
        match = sum(q * k for q, k in zip(query, key))
        scores.append(match / math.sqrt(len(query)))
    shares = softmax(scores)
    mix = [0.0] * len(values[0])
    for share, value in zip(shares, values):
        for i in range(len(mix)):
            mix[i] += share * value[i]
    return shares, mix


keys = [[-1, -1], [2, 0], [0, 2]]  # the, cat, sat
values = [[-1.5, -1], [2, -0.5], [0.5, 2]]
shares, mix = attend([1.5, -0.5], keys, values)
print("shares", [round(p, 2) for p in shares])
print("output", [round(m, 2) for m in mix])
# %% check attention.weights_are_distributions: No share is negative, and together they are 1, up to rounding.
@given(query=rows(-3, 3, least=2, most=2), keys=st.integers(1, 5).flatmap(lambda n: matrices(n, 2, -3, 3)))
def check(query, keys):
    shares, _ = attend(query, keys, keys)
    got = [*(min(p, 0.0) for p in shares), sum(shares)]
    # One unit for each addition of the total, of this sum, and for the divisions. Scores are below 13, and a softmax by
    # logarithms rounds the logarithm of a total of that size, and a difference from it: 13 units each.
    same(got, [*(0.0 for _ in shares), 1.0], within=(2 * (len(keys) + 1) + 26) * UNIT)
# %% check attention.output_is_a_mix: No number of the output leaves the range of the values.
@given(
    query=rows(-3, 3, least=2, most=2),
    words=st.integers(1, 5).flatmap(lambda n: st.tuples(matrices(n, 2, -3, 3), matrices(n, 3))),
)
def check(query, words):
    keys, values = words
    _, mix = attend(query, keys, values)
    columns = list(zip(*values))
    kept = [min(max(m, min(c)), max(c)) for m, c in zip(mix, columns)]
    # The shares are off from a total of 1 by 2(n + 1) + 26 units at most, as above, products and additions by n + 1
    # more; values are at most 10.
    same(mix, kept, within=(4 * (len(keys) + 1) + 26) * UNIT * 10)
# %% check attention.is_a_search: Where one key leads by a gap, the output is its value but for (n − 1)e^(−gap) of the range.
@given(
    lead=st.integers(1, 8),
    others=st.lists(st.integers(-4, 0), min_size=1, max_size=4),
    values=st.lists(st.integers(-9, 9), min_size=5, max_size=5),
)
def check(lead, others, values):
    values = values[: len(others) + 1]
    # Vectors of one number: the score of the first word is `lead`, that of any other at most 0.
    _, mix = attend([1], [[lead]] + [[k] for k in others], [[v] for v in values])
    bound = len(others) * math.exp(-lead) * (max(values) - min(values))
    # As above: 4(n + 1) + 26 units of the largest value, and the bound itself is rounded a few times.
    same(max(abs(mix[0] - values[0]) - bound, 0.0), 0.0, within=(4 * 6 + 26 + 8) * UNIT * 18 * 4)
# %% check attention.uniform_when_keys_equal: If all keys are equal, the output is the mean of the values.
@given(
    query=rows(-3, 3, least=2, most=2),
    key=rows(-3, 3, least=2, most=2),
    values=st.integers(1, 5).flatmap(lambda n: matrices(n, 2)),
)
def check(query, key, values):
    n = len(values)
    _, mix = attend(query, [key] * n, values)
    # n shares of 1/n, off by n + 26 units at most, and n products and additions on each side; values are at most 10.
    same(mix, [sum(c) / n for c in zip(*values)], within=(4 * (n + 1) + 26) * UNIT * 10)
# %% broken a_sum_not_a_mix attention.weights_are_distributions: The powers of e are not divided by their total.
def attend(query, keys, values):
    root = math.sqrt(len(query))
    scores = [sum(q * k for q, k in zip(query, key)) / root for key in keys]
    shares = [math.exp(x - max(scores)) for x in scores]
    mix = [sum(p * v for p, v in zip(shares, c)) for c in zip(*values)]
    return shares, mix
# %% broken scores_as_shares attention.output_is_a_mix: The scores are used as they are, without softmax.
def attend(query, keys, values):
    root = math.sqrt(len(query))
    scores = [sum(q * k for q, k in zip(query, key)) / root for key in keys]
    mix = [sum(p * v for p, v in zip(scores, c)) for c in zip(*values)]
    return scores, mix
# %% broken the_worst_match attention.is_a_search: A minus sign too many: the worst match gets the most.
def attend(query, keys, values):
    root = math.sqrt(len(query))
    scores = [-sum(q * k for q, k in zip(query, w)) / root for w in keys]
    raised = [math.exp(x - max(scores)) for x in scores]
    shares = [e / sum(raised) for e in raised]
    mix = [sum(p * v for p, v in zip(shares, c)) for c in zip(*values)]
    return shares, mix
# %% broken last_word_first attention.uniform_when_keys_equal: Later words get a bonus, whatever their keys say.
def attend(query, keys, values):
    root = math.sqrt(len(query))
    scores = [
        sum(q * k for q, k in zip(query, key)) / root + place
        for place, key in enumerate(keys)
    ]
    raised = [math.exp(x - max(scores)) for x in scores]
    shares = [e / sum(raised) for e in raised]
    mix = [sum(p * v for p, v in zip(shares, c)) for c in zip(*values)]
    return shares, mix
