"""Softmax at a temperature."""
# %% start
import math


def softmax(scores):
    highest = max(scores)
    raised = [math.exp(x - highest) for x in scores]
    total = sum(raised)
    return [e / total for e in raised]


def tempered(scores, temperature):
    # Divide the scores by the temperature first.
    # A temperature of 0 or less is a ValueError.
    return softmax(scores)


for temperature in (0.5, 1.0, 2.0):
    shares = tempered([2.0, 1.0, 0.0], temperature)
    print(temperature, [round(p, 2) for p in shares])
# %% solution
def tempered(scores, temperature):
    if temperature <= 0:
        raise ValueError("a temperature must be positive")
    return softmax([x / temperature for x in scores])
# %% check softmax.temperature: A temperature of 1/2, 1/4, 1/8 makes every gap 2, 4, 8 times as wide.
@given(scores=st.lists(st.integers(-9, 9), min_size=1, max_size=5), k=st.integers(0, 3))
def check(scores, k):
    # The exponents, below 8 * 18 + ln 5 < 150, are rounded twice at most on each side, and so are n shares.
    same(tempered(scores, 0.5**k), softmax([x * 2**k for x in scores]), within=(2 * 2 * 150 + 4 * len(scores)) * UNIT)
# %% check softmax.temperature: Near 0 the highest score takes all, and equal winners share.
@given(scores=st.lists(st.integers(-9, 9), min_size=1, max_size=5))
def check(scores):
    winners = scores.count(max(scores))
    # The losers are 1 behind at least, 1024 after the division: their powers round to 0. What is left to round are
    # exponents up to 9 * 1024 + ln 5, twice, and the division.
    shares = [1 / winners if x == max(scores) else 0.0 for x in scores]
    same(tempered(scores, 2.0**-10), shares, within=(2 * 9300 + 2) * UNIT)
# %% check softmax.temperature: At a high temperature all shares are nearly equal.
@given(scores=st.lists(st.integers(-9, 9), min_size=1, max_size=5))
def check(scores):
    # Gaps of at most 18 become 18 / 2^20, and a share moves by no more than its scores do, each way.
    same(tempered(scores, 2.0**20), [1 / len(scores)] * len(scores), within=2 * 18 / 2**20)
# %% check softmax.temperature: A temperature that is not positive is an error.
@given(temperature=numbers(-2, 0))
def check(temperature):
    try:
        answer = tempered([1.0, 0.0], temperature)
    except ValueError:
        answer = "ValueError"
    same(answer, "ValueError")
# %% broken multiplied softmax.temperature: The scores are multiplied by the temperature.
def tempered(scores, temperature):
    if temperature <= 0:
        raise ValueError("a temperature must be positive")
    return softmax([x * temperature for x in scores])
# %% broken too_late softmax.temperature: The shares are divided, not the scores, and made to add up to 1 again.
def tempered(scores, temperature):
    if temperature <= 0:
        raise ValueError("a temperature must be positive")
    shares = [p / temperature for p in softmax(scores)]
    return [p / sum(shares) for p in shares]
