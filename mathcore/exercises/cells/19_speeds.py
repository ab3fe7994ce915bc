"""How fast each pair turns."""
# %% start
def speeds(d, base):
    """Radians by which each of the d/2 pairs turns at a step."""
    # Complete: pair i turns by base to the power of -2i/d.
    return [1.0 for i in range(d // 2)]


for speed in speeds(8, 10000):
    print(round(speed, 4))
# %% solution
def speeds(d, base):
    """Radians by which each of the d/2 pairs turns at a step."""
    return [base ** (-2 * i / d) for i in range(d // 2)]
# %% check rope.frequencies_decay: The first pair turns by 1, each next one base^(2/d) times slower.
@given(half=st.integers(1, 32), base=st.integers(1, 1_000_000))
def check(half, base):
    got = speeds(2 * half, base)
    same((len(got), got[0]), (half, 1))
    slower = base ** (1 / half)
    # An exponent that is rounded once moves the power by ln(base) < 14 units, on each side; and a few roundings.
    same([a * slower for a in got[1:]], got[:-1], within=40 * UNIT)
# %% check rope.frequencies_decay: With base 1 all pairs turn alike.
@given(half=st.integers(1, 32))
def check(half):
    same(speeds(2 * half, 1), [1] * half)
# %% check rope.slow_hand: With base 10,000 and 6 numbers or more, the last turns by less than 1° while the first goes round.
@given(half=st.integers(3, 64))
def check(half):
    degrees = 360 * speeds(2 * half, 10_000)[-1]
    same(min(degrees, 1.0), degrees)
# %% broken two_forgotten rope.frequencies_decay: The exponent is −i/d.
def speeds(d, base):
    return [base ** (-i / d) for i in range(d // 2)]
# %% broken from_one rope.frequencies_decay: The pairs are counted from 1.
def speeds(d, base):
    return [base ** (-2 * i / d) for i in range(1, d // 2 + 1)]
# %% broken evenly rope.slow_hand: The speeds fall by equal steps, not by equal factors.
def speeds(d, base):
    return [1 - 2 * i / d for i in range(d // 2)]
