"""Scores of growing size, and what softmax makes of them."""
# %% start
import math


def shares(scores, scale):
    """Softmax of the scores, all times one number."""
    larger = [scale * x for x in scores]
    highest = max(larger)
    raised = [math.exp(x - highest) for x in larger]
    total = sum(raised)
    return [e / total for e in raised]


for width in (1, 16, 64):
    scale = math.sqrt(width)  # nothing divides by it
    print(width, [round(p, 4) for p in shares([1, 0, -1], scale)])
# %% check scaling.saturation: As the scale grows, the highest share never falls.
@given(
    scores=st.lists(st.integers(-9, 9), min_size=1, max_size=5),
    first=st.integers(0, 40),
    more=st.integers(0, 40),
)
def check(scores, first, more):
    # Quarters of whole numbers are exact; each share is off by 2n units at most, and as e^(x - lse) by lse < 182.
    before, after = max(shares(scores, first / 4)), max(shares(scores, (first + more) / 4))
    same(max(before - after, 0.0), 0.0, within=2 * (2 * 6 + 182) * UNIT)
# %% check scaling.saturation: A key that leads n − 1 others by a gap g has 1/(1 + (n − 1)e^(−scale·g)) at least.
@given(
    gap=st.integers(1, 5),
    others=st.lists(st.integers(-9, 0), min_size=1, max_size=4),
    scale=st.integers(0, 12),
)
def check(gap, others, scale):
    least = 1 / (1 + len(others) * math.exp(-scale * gap))
    first = shares([gap, *others], scale)[0]
    # Eight roundings on each side; as e^(x - lse) that of an lse below 62, too.
    same(max(least - first, 0.0), 0.0, within=(2 * 8 + 62) * UNIT)
# %% check scaling.saturation: With the scale 0 all get the same.
@given(scores=st.lists(st.integers(-9, 9), min_size=1, max_size=5))
def check(scores):
    # 1 / n rounds once; as e^(0 - ln n) it rounds the logarithm, below 2, and the power as well.
    same(shares(scores, 0), [1 / len(scores) for _ in scores], within=5 * UNIT)
# %% broken divided scaling.saturation: The scores are divided by the scale: it works like a temperature.
def shares(scores, scale):
    smaller = [x / scale if scale else 0 for x in scores]
    raised = [math.exp(x - max(smaller)) for x in smaller]
    return [e / sum(raised) for e in raised]
# %% broken after_softmax scaling.saturation: The shares are multiplied, not the scores, and made to add up to 1 again.
def shares(scores, scale):
    raised = [math.exp(x - max(scores)) for x in scores]
    larger = [(scale or 1) * e for e in raised]
    return [e / sum(larger) for e in larger]
# %% broken added scaling.saturation: The scale is added to the scores.
def shares(scores, scale):
    moved = [scale + x for x in scores]
    raised = [math.exp(x - max(moved)) for x in moved]
    return [e / sum(raised) for e in raised]
