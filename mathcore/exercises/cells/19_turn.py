"""RoPE: each pair of numbers turned by an angle."""
# %% start
import math


def turned(x, y, angle):
    """The point (x, y), turned about the origin."""
    c, s = math.cos(angle), math.sin(angle)
    return [x * c - y * s, x * s + y * c]


def rope(vector, position):
    """Each pair turned by the position times its own speed."""
    d = len(vector)
    out = []
    for i in range(0, d, 2):
        speed = 10000 ** (-i / d)
        out += turned(vector[i], vector[i + 1], position * speed)
    return out


def score(query, m, key, n):
    """The dot product of a query at m and a key at n."""
    return sum(a * b for a, b in zip(rope(query, m), rope(key, n)))


query, key = [1, 2, 0, 1], [2, 1, 1, 0]
for m, n in (1, 2), (1001, 1002), (1, 4):
    print(m, n, round(score(query, m, key, n), 6))
# %% check rope.preserves_norm: A turn changes no length.
@given(vector=rows(-3, 3, least=4, most=4), position=st.integers(0, 1000))
def check(vector, position):
    before, after = (sum(v * v for v in w) for w in (vector, rope(vector, position)))
    # Squares make 36 at most. Sine and cosine are off by a unit each, products and sums by a few: 12 for a square.
    same(after, before, within=36 * 12 * UNIT)
# %% check rope.is_a_rotation: No pair touches another: a pair of zeros stays zero.
@given(pair=rows(-3, 3, least=2, most=2), position=st.integers(0, 1000))
def check(pair, position):
    same(rope([*pair, 0, 0], position)[2:], [0, 0])
    same(rope([0, 0, *pair], position)[:2], [0, 0])
# %% check rope.relative_only: Move both words on by the same number of places, and the score stays.
@given(
    query=rows(-3, 3, least=4, most=4),
    key=rows(-3, 3, least=4, most=4),
    m=st.integers(0, 1000),
    n=st.integers(0, 1000),
    on=st.integers(0, 1000),
)
def check(query, key, m, n, on):
    # A speed and an angle are rounded once each, so that an angle, 2000 at most, is off by 2 · 2000 units: four
    # angles, and 40 units for the rest. The vectors' lengths are 6 at most.
    allowed = 36 * (4 * 2 * 2000 + 40) * UNIT
    same(score(query, m + on, key, n + on), score(query, m, key, n), within=allowed)
# %% check rope.composes: A turn by a places and one by b places are a turn by a + b.
@given(vector=rows(-3, 3, least=4, most=4), a=st.integers(0, 1000), b=st.integers(0, 1000))
def check(vector, a, b):
    # Three angles of 2000 at most, as above, and a pair's length is 4.3 at most.
    same(rope(rope(vector, a), b), rope(vector, a + b), within=4.3 * (3 * 2 * 2000 + 40) * UNIT)
# %% broken new_x_for_y rope.preserves_norm: The second number is made of the first one's new value.
def rope(vector, position):
    d, out = len(vector), []
    for i in range(0, d, 2):
        x, y = vector[i], vector[i + 1]
        c = math.cos(position * 10000 ** (-i / d))
        s = math.sin(position * 10000 ** (-i / d))
        x = x * c - y * s
        y = x * s + y * c
        out += [x, y]
    return out
# %% broken no_minus rope.preserves_norm: Both sines have a plus.
def rope(vector, position):
    d, out = len(vector), []
    for i in range(0, d, 2):
        x, y = vector[i], vector[i + 1]
        c = math.cos(position * 10000 ** (-i / d))
        s = math.sin(position * 10000 ** (-i / d))
        out += [x * c + y * s, x * s + y * c]
    return out
# %% broken added rope.relative_only: The position is added to the vector.
def rope(vector, position):
    return [v + position / 1000 for v in vector]
# %% broken overlapping rope.is_a_rotation: Pairs overlap: second and third number are turned as well.
def rope(vector, position):
    d, out = len(vector), list(vector)
    for i in range(d - 1):
        c = math.cos(position * 10000 ** (-i / d))
        s = math.sin(position * 10000 ** (-i / d))
        x, y = out[i], out[i + 1]
        out[i], out[i + 1] = x * c - y * s, x * s + y * c
    return out
# %% broken position_squared rope.composes: The angle grows with the square of the position.
def rope(vector, position):
    d, out = len(vector), []
    for i in range(0, d, 2):
        x, y = vector[i], vector[i + 1]
        angle = position * position * 10000 ** (-i / d)
        c, s = math.cos(angle), math.sin(angle)
        out += [x * c - y * s, x * s + y * c]
    return out
