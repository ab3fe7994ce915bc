"""Softmax in three loops."""
# %% start
import math


def softmax(scores):
    highest = max(scores)
    raised = []
    for x in scores:
        raised.append(math.exp(x - highest))
    total = 0.0
    for e in raised:
        total = total + e
    return [e / total for e in raised]


for share in softmax([2.0, 1.0, 0.0]):
    print(round(share, 2))
# %% check softmax.three_steps: Raise e to each score, add up, divide: the shares are those of the textbook.
@given(scores=rows())
def check(scores):
    raised = [math.exp(x) for x in scores]
    # No difference exceeds 20, so rounding it moves a power by 20 units and exp adds 2: 24 in each sum and each
    # numerator of the two recipes at most, then one for each addition and division. A share is at most 1.
    allowed = (2 * 48 + 2 * len(scores) + 2) * UNIT
    same(softmax(scores), [e / sum(raised) for e in raised], within=allowed)
# %% check softmax.sums_to_one: The shares add up to 1, up to rounding.
@given(scores=rows(-1000, 1000))
def check(scores):
    # One unit for each addition of the total, of this sum, and for the divisions. Whoever writes e^(x - lse) rounds
    # an lse below 1002, and a difference below 746 where anything is left: that moves each share by as many units.
    same(sum(softmax(scores)), 1.0, within=(2 * len(scores) + 1002 + 746) * UNIT)
# %% check softmax.ratio_is_exponential: A gap between two scores becomes a ratio between their shares.
@given(scores=rows(least=2))
def check(scores):
    first, second = softmax(scores)[:2]
    # 24 units for each share as above, or 12 + 22 + 6 as e^(x - lse); 24 for the power on this side, and a few.
    allowed = (2 * 40 + 24 + 8) * UNIT * max(first, 1e-300)
    same(first, second * math.exp(scores[0] - scores[1]), within=allowed)
# %% check softmax.shift_invariant: The same number added to all scores changes nothing but roundings.
@given(scores=st.lists(st.integers(-50, 50), min_size=1, max_size=5), shift=st.integers(-2000, 2000))
def check(scores, shift):
    # The sums are exact. Whoever writes e^(x - lse) rounds an exponent below 2100 twice, which moves a share by as
    # much; the sum and the division round as often as there are scores, on both sides.
    same(softmax([x + shift for x in scores]), softmax(scores), within=(2 * 2 * 2100 + 4 * len(scores)) * UNIT)
# %% check softmax.never_overflows: However large the scores are, every share is a number from 0 to 1.
@given(scores=rows(-1e300, 1e300))
def check(scores):
    shares = softmax(scores)
    same([min(max(p, 0.0), 1.0) for p in shares], shares)
# %% broken no_maximum softmax.shift_invariant: The textbook recipe: the highest score is not subtracted.
def softmax(scores):
    raised = [math.exp(x) for x in scores]
    total = sum(raised)
    return [e / total for e in raised]
# %% broken by_size softmax.never_overflows: The score of the largest size is subtracted, which may be a low one.
def softmax(scores):
    largest = max(scores, key=abs)
    raised = [math.exp(x - largest) for x in scores]
    total = sum(raised)
    return [e / total for e in raised]
# %% broken divided_by_n softmax.sums_to_one: Divided by how many there are, not by their total.
def softmax(scores):
    highest = max(scores)
    raised = [math.exp(x - highest) for x in scores]
    return [e / len(scores) for e in raised]
# %% broken base_two softmax.three_steps: Two is raised to each score, not e.
def softmax(scores):
    highest = max(scores)
    raised = [2 ** (x - highest) for x in scores]
    total = sum(raised)
    return [e / total for e in raised]
# %% broken squares softmax.ratio_is_exponential: Squares make everything positive, too. Why not those?
def softmax(scores):
    squares = [x * x for x in scores]
    total = sum(squares)
    return [s / total for s in squares]
