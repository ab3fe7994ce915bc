"""Logits are logarithms of shares, but for a constant."""
# %% start
import math


def log_shares(scores):
    """The logarithm of each share of softmax, without its shares."""
    highest = max(scores)
    total = sum(math.exp(x - highest) for x in scores)
    return [x - highest - math.log(total) for x in scores]


print([round(y, 2) for y in log_shares([2.0, 1.0, 0.0])])
print([round(y, 2) for y in log_shares([0.0, -1000.0])])
# %% check logits.are_raw: They are the logarithms of shares: e raised to them adds up to 1.
import math


@given(scores=rows(-1000, 1000))
def check(scores):
    # Numbers up to 2002, rounded twice, put a logarithm off by 8 units of 2002 at most; then the additions.
    total = sum(math.exp(y) for y in log_shares(scores))
    same(total, 1.0, within=(8 * 2002 + 2 * len(scores) + 8) * UNIT)
# %% check logits.are_raw: They are as far apart as the logits were.
@given(scores=rows(-1000, 1000, least=2))
def check(scores):
    first, second = log_shares(scores)[:2]
    # As above, for both sides; one more rounding on each.
    same(first - second, scores[0] - scores[1], within=8 * 2002 * UNIT)
# %% broken log_of_softmax logits.are_raw: First softmax, then the logarithm: a share that was rounded to 0 has none.
def log_shares(scores):
    highest = max(scores)
    raised = [math.exp(x - highest) for x in scores]
    return [math.log(e / sum(raised)) for e in raised]
# %% broken digits_of_two logits.are_raw: The logarithm to base 2.
def log_shares(scores):
    highest = max(scores)
    total = sum(math.exp(x - highest) for x in scores)
    return [(x - highest - math.log(total)) / math.log(2) for x in scores]
# %% broken total_forgotten logits.are_raw: The highest score is subtracted, the logarithm of the total is not.
def log_shares(scores):
    highest = max(scores)
    return [x - highest for x in scores]
