"""How much softmax still answers to its scores."""
# %% start
from fractions import Fraction


def slopes(shares):
    """Row i, column j: how fast share i grows with score j."""
    n = range(len(shares))
    own = [[shares[i] if i == j else 0 for j in n] for i in n]
    return [[own[i][j] - shares[i] * shares[j] for j in n] for i in n]


def loudest(shares):
    """The largest sum of sizes in a row of the slopes."""
    # Complete: add up abs(slope) over each row; which row has most?
    return 0


for part in (2, 10, 1000):
    p = 1 - Fraction(1, part)
    print(p, loudest([p, 1 - p]))
# %% solution
def loudest(shares):
    """The largest sum of sizes in a row of the slopes."""
    return max(sum(abs(slope) for slope in row) for row in slopes(shares))
# %% check scaling.gradient_vanishes: It is 2p(1 − p), p the highest share: exactly, in fractions.
from fractions import Fraction


@given(parts=st.lists(st.integers(1, 9), min_size=1, max_size=5))
def check(parts):
    shares = [Fraction(part, sum(parts)) for part in parts]
    p = max(shares)
    same(loudest(shares), 2 * p * (1 - p))
# %% check scaling.gradient_vanishes: Where all but one part in N is with one word, it is at most 2/N.
from fractions import Fraction


@given(others=st.lists(st.integers(1, 9), min_size=1, max_size=4), large=st.integers(100, 10**9))
def check(others, large):
    total = large + sum(others)
    got = loudest([Fraction(part, total) for part in [large, *others]])
    same(min(got, Fraction(2 * sum(others), total)), got)
# %% broken no_sizes scaling.gradient_vanishes: The slopes are added up with their signs, and cancel.
def loudest(shares):
    n = range(len(shares))
    own = [[shares[i] if i == j else 0 for j in n] for i in n]
    rows = [[own[i][j] - shares[i] * shares[j] for j in n] for i in n]
    return max(sum(row) for row in rows)
# %% broken own_slope_alone scaling.gradient_vanishes: Only the slope of a share with its own score is counted.
def loudest(shares):
    return max(p * (1 - p) for p in shares)
# %% broken second_term_forgotten scaling.gradient_vanishes: The slope of a share is taken to be the share itself.
def loudest(shares):
    return max(shares)
