"""The same by a table: times cosines, plus swapped times sines."""
# %% start
import math


def angles(position, d):
    """For each number of the vector the angle of its pair."""
    return [position * 10000 ** (-(i // 2 * 2) / d) for i in range(d)]


def table(length, d):
    """Cosines and sines of all positions, computed beforehand."""
    rows = [angles(m, d) for m in range(length)]
    cosines = [[math.cos(a) for a in row] for row in rows]
    sines = [[math.sin(a) for a in row] for row in rows]
    return cosines, sines


def swapped(vector):
    """Each pair (a, b) becomes (-b, a)."""
    out = []
    for i in range(0, len(vector), 2):
        out += [-vector[i + 1], vector[i]]
    return out


def fast(vector, cosines, sines):
    """Two products and a sum, the same for every number."""
    return [
        v * c + w * s
        for v, w, c, s in zip(vector, swapped(vector), cosines, sines)
    ]


cosines, sines = table(1000, 4)
print([round(v, 4) for v in fast([1, 2, 0, 1], cosines[3], sines[3])])
# %% check rope.fast_form: It is the turn, pair by pair.
import math


@given(vector=rows(-3, 3, least=4, most=4), position=st.integers(0, 99))
def check(vector, position):
    expected = []
    for i in (0, 2):
        x, y = vector[i : i + 2]
        a = position * 10000 ** (-i / 4)
        c, s = math.cos(a), math.sin(a)
        expected += [x * c - y * s, x * s + y * c]
    cosines, sines = table(100, 4)
    # A speed and an angle up to 99 may be rounded otherwise, 2 units each way, and there are four roundings more.
    same(fast(vector, cosines[position], sines[position]), expected, within=4.3 * (4 * 99 + 8) * UNIT)
# %% check rope.table_equals_formula: A longer table than is needed gives the same, to the last bit.
@given(vector=rows(-3, 3, least=4, most=4), position=st.integers(0, 19), more=st.integers(0, 40))
def check(vector, position, more):
    short, long = table(position + 1, 4), table(position + 1 + more, 4)
    expected = fast(vector, short[0][position], short[1][position])
    same(fast(vector, long[0][position], long[1][position]), expected)
# %% broken no_minus rope.fast_form: The pairs are swapped, and nothing is negated.
def table(length, d):
    rows = [angles(m, d) for m in range(length)]
    return (
        [[math.cos(a) for a in row] for row in rows],
        [[math.sin(a) for a in row] for row in rows],
    )


def fast(vector, cosines, sines):
    swapped = [vector[i + 1 - i % 2 * 2] for i in range(len(vector))]
    return [
        v * c + w * s for v, w, c, s in zip(vector, swapped, cosines, sines)
    ]
# %% broken two_layouts rope.fast_form: Pairs side by side in the table, first half with second half in the swap.
def table(length, d):
    rows = [angles(m, d) for m in range(length)]
    return (
        [[math.cos(a) for a in row] for row in rows],
        [[math.sin(a) for a in row] for row in rows],
    )


def fast(vector, cosines, sines):
    half = len(vector) // 2
    swapped = [-v for v in vector[half:]] + vector[:half]
    return [
        v * c + w * s for v, w, c, s in zip(vector, swapped, cosines, sines)
    ]
# %% broken counted_from_the_end rope.table_equals_formula: The last row of the table belongs to position 0.
def table(length, d):
    rows = [angles(m, d) for m in reversed(range(length))]
    return (
        [[math.cos(a) for a in row] for row in rows],
        [[math.sin(a) for a in row] for row in rows],
    )


def fast(vector, cosines, sines):
    return [
        v * c
        + (-vector[i + 1] if i % 2 == 0 else vector[i - 1]) * s
        for i, (v, c, s) in enumerate(zip(vector, cosines, sines))
    ]
