"""Red and car: what one head can bring back, and what two can."""
# %% start
import math


def share(lead):
    """What the first of two words gets if its score leads by this."""
    if lead < 0:
        return 1 - share(-lead)
    return 1 / (1 + math.exp(-lead))


def one_head(lead, red, car):
    """One blend: a share of "red" and the rest of "car"."""
    p = share(lead)
    return [p * a + (1 - p) * b for a, b in zip(red, car)]


def two_heads(lead1, lead2, red, car):
    """Head 1 looks for "red" and head 2 for "car": side by side."""
    return one_head(lead1, red, car) + one_head(lead2, car, red)


red, car = [1, 0], [0, 1]
for lead in (-4, 0, 4):
    print(lead, [round(n, 2) for n in one_head(lead, red, car)])
print(two_heads(40, 40, red, car))
# %% check heads.one_head_must_blend: Of "red" and "car" one head brings back parts that make 1 together.
@given(lead=numbers(-40, 40))
def check(lead):
    # Two roundings of numbers that are at most 1.
    same(sum(one_head(lead, [1, 0], [0, 1])), 1.0, within=4 * UNIT)
# %% check heads.one_head_must_blend: A large lead in each head, and two heads return both words to the last bit.
@given(
    red=st.lists(st.integers(-9, 9), min_size=2, max_size=2),
    car=st.lists(st.integers(-9, 9), min_size=2, max_size=2),
)
def check(red, car):
    same(two_heads(800, 800, red, car), [*red, *car])
# %% check heads.one_head_must_blend: No number of one head's result leaves the range of the two words.
@given(lead=numbers(-40, 40), red=rows(least=2, most=2), car=rows(least=2, most=2))
def check(lead, red, car):
    got = one_head(lead, red, car)
    kept = [min(max(n, min(a, b)), max(a, b)) for n, a, b in zip(got, red, car)]
    # Five roundings, of numbers that are at most 10.
    same(got, kept, within=5 * 10 * UNIT)
# %% broken both_whole heads.one_head_must_blend: One head adds both words up, each in full.
def one_head(lead, red, car):
    return [a + b for a, b in zip(red, car)]
# %% broken always_half heads.one_head_must_blend: The lead is not looked at.
def one_head(lead, red, car):
    return [(a + b) / 2 for a, b in zip(red, car)]
