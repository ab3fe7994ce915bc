"""How shares answer when one score is raised: the slopes of softmax."""
# %% start
import math


def softmax(scores):
    highest = max(scores)
    raised = [math.exp(x - highest) for x in scores]
    total = sum(raised)
    return [e / total for e in raised]


def slopes(shares):
    """Row i, column j: how fast share i grows with score j."""
    table = []
    for i in range(len(shares)):
        row = []
        for j in range(len(shares)):
            own = shares[i] if i == j else 0
            row.append(own - shares[i] * shares[j])
        table.append(row)
    return table


for row in slopes(softmax([2.0, 1.0, 0.0])):
    print([round(slope, 2) for slope in row])
# %% check softmax.jacobian: The slopes are those of softmax: nudge a score, and see.
@given(scores=rows(least=2, most=4), which=st.integers(0, 3))
def check(scores, which):
    j, h = which % len(scores), 1e-4
    up = softmax([x + h if k == j else x for k, x in enumerate(scores)])
    down = softmax([x - h if k == j else x for k, x in enumerate(scores)])
    steep = [(a - b) / (2 * h) for a, b in zip(up, down)]
    # The third derivative of a share is below 1, which leaves h²/6; 100 roundings of each share, divided by h.
    same([row[j] for row in slopes(softmax(scores))], steep, within=h * h / 6 + 200 * UNIT / h)
# %% check softmax.jacobian: What one share gains the others lose: each row adds up to 0, exactly in fractions.
from fractions import Fraction


@given(parts=st.lists(st.integers(1, 9), min_size=1, max_size=5))
def check(parts):
    shares = [Fraction(part, sum(parts)) for part in parts]
    same([sum(row) for row in slopes(shares)], [0 for _ in shares])
# %% broken second_term_forgotten softmax.jacobian: Each share is taken to depend on its own score alone.
def slopes(shares):
    n = range(len(shares))
    return [[shares[i] if i == j else 0 for j in n] for i in n]
# %% broken sign_flipped softmax.jacobian: Every slope points the wrong way.
def slopes(shares):
    n = range(len(shares))
    own = [[shares[i] if i == j else 0 for j in n] for i in n]
    return [[shares[i] * shares[j] - own[i][j] for j in n] for i in n]
