"""Softmax in three loops."""
# %% start
import math


def softmax(scores):
    highest = max(scores)
    raised = []
    for x in scores:
        raised.append(math.exp(x - highest))
    total = sum(raised)
    return [e / total for e in raised]


print(softmax([2.0, 1.0, 0.0]))
# %% check softmax.sums_to_one: The shares add up to 1, up to rounding.
@given(scores=rows(-1000, 1000))
def check(scores):
    same(sum(softmax(scores)), 1.0, within=2 * len(scores) * UNIT)
# %% check softmax.shift_invariant: The same number added to all scores changes nothing.
@given(scores=st.lists(st.integers(-50, 50), min_size=1, max_size=5), shift=st.integers(-2000, 2000))
def check(scores, shift):
    same(softmax([x + shift for x in scores]), softmax(scores))
# %% broken no_maximum softmax.shift_invariant: The textbook recipe: the highest score is not subtracted.
import math


def softmax(scores):
    raised = [math.exp(x) for x in scores]
    total = sum(raised)
    return [e / total for e in raised]
# %% broken divided_by_n softmax.sums_to_one: Divided by how many there are, not by their total.
import math


def softmax(scores):
    highest = max(scores)
    raised = [math.exp(x - highest) for x in scores]
    return [e / len(scores) for e in raised]
