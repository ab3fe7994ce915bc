"""A position as clocks, and as a squeezed number."""
# %% start
import math


def code(m, d):
    """The position m as d / 2 hands: sine and cosine of each."""
    numbers = []
    for i in range(d // 2):
        speed = 10000 ** (-2 * i / d)
        numbers.append(math.sin(m * speed))
        numbers.append(math.cos(m * speed))
    return numbers


def squeezed(m, count):
    """The position m of count positions, from 0 to 1."""
    return m / (count - 1)


for m in range(4):
    print(m, [round(x, 2) for x in code(m, 4)], round(squeezed(m, 500), 3))
# %% check position.stays_small: Every number lies between -1 and 1, and the code is as long as the root of d/2.
@given(m=st.integers(-(2**20), 2**20), hands=st.integers(1, 8))
def check(m, hands):
    numbers = code(m, 2 * hands)
    same(len(numbers), 2 * hands)
    same([x for x in numbers if not -1 <= x <= 1], [])
    # each square is off by two roundings of a sine, its product and its sum
    same(sum(x * x for x in numbers), float(hands), within=8 * hands * UNIT * hands)
# %% check position.is_unique: Two different positions have different codes.
@given(m=st.integers(-3000, 3000), n=st.integers(-3000, 3000), hands=st.integers(1, 4), mirrored=st.booleans())
def check(m, n, hands, mirrored):
    n = -m if mirrored else n
    assume(m != n)
    differ(code(m, 2 * hands), code(n, 2 * hands))
# %% check position.vector_beats_scalar: From one position to the next the code moves by 2 sin(1/2) or more, the squeezed number hardly.
@given(m=st.integers(0, 5000), hands=st.integers(1, 4), count=st.integers(6000, 9000))
def check(m, hands, count):
    a, b = code(m, 2 * hands), code(m + 1, 2 * hands)
    moved = math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b)))
    # the angle m is rounded, and a sine of it is off by at most as much
    same(moved >= 2 * math.sin(0.5) - 4 * (m + 1) * UNIT, True)
    same(abs(squeezed(m + 1, count) - squeezed(m, count)) < 1 / 5000, True)
# %% broken raw_index position.stays_small: The position itself, in each number.
def code(m, d):
    return [float(m)] * d
# %% broken magnitude_only position.is_unique: Before and after are confused: the sign of the position is dropped.
def code(m, d):
    numbers = []
    for i in range(d // 2):
        speed = 10000 ** (-2 * i / d)
        numbers += [math.sin(abs(m) * speed), math.cos(m * speed)]
    return numbers
# %% broken slow_hands_only position.vector_beats_scalar: All hands are slow: neighbours look alike.
def code(m, d):
    numbers = []
    for i in range(d // 2):
        speed = 10000 ** (-2 * (i + 1) / d)
        numbers += [math.sin(m * speed), math.cos(m * speed)]
    return numbers
# %% broken squeezed_vector position.vector_beats_scalar: The squeezed number, written into each place.
def code(m, d):
    return [m / 10000] * d
