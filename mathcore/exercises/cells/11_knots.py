"""Follow a curve by straight pieces: one ReLU for each bend."""
# %% start
def relu(x):
    return x if x > 0 else 0


def units(knots, values):
    """For each knot but the last: its place, and the change of slope."""
    found, before = [], 0
    for i in range(len(knots) - 1):
        slope = (values[i + 1] - values[i]) / (knots[i + 1] - knots[i])
        found.append((knots[i], slope - before))
        before = slope
    return found


def net(x, knots, values):
    total = values[0]
    for knot, bend in units(knots, values):
        total += bend * relu(x - knot)
    return total


def worst_of_line(w, b):
    """The largest |x² − (wx + b)| at 201 places from −1 to 1."""
    worst = 0
    for i in range(-100, 101):
        x = i / 100
        worst = max(worst, abs(x * x - (w * x + b)))
    return worst


knots, values = [0, 1, 2], [0, 1, 4]
print(units(knots, values))
for x in [0.5, 1, 1.5, 2]:
    print(x, "squared is", x * x, "the net says", net(x, knots, values))
# %% check approximation.relu_net_fits_any_continuous: The net passes through every point that it was given.
@given(
    steps=st.lists(st.integers(1, 4), min_size=1, max_size=5),
    values=st.lists(st.integers(-9, 9), min_size=6, max_size=6),
)
def check(steps, values):
    from fractions import Fraction

    knots = [Fraction(sum(steps[:i])) for i in range(len(steps) + 1)]
    values = values[: len(knots)]
    same([net(t, knots, values) for t in knots], values)
# %% check approximation.relu_net_fits_any_continuous: On x² with gaps h it is off by at most Mh²/8, where M = 2.
@given(n=st.integers(2, 9), place=st.fractions(-1, 1, max_denominator=64))
def check(n, place):
    from fractions import Fraction

    h = Fraction(2, n - 1)
    knots = [-1 + i * h for i in range(n)]
    off = abs(net(place, knots, [t * t for t in knots]) - place * place)
    same(max(off, h * h / 4), h * h / 4)
# %% check approximation.linear_cannot: A line misses x² by at least 1/2 somewhere; the constant 1/2 by no more.
@given(w=st.integers(-8, 8), b=st.integers(-8, 8))
def check(w, b):
    same(max(worst_of_line(w / 4, b / 4), 0.5), worst_of_line(w / 4, b / 4))
    same(worst_of_line(0, 0.5), 0.5)
# %% broken slopes_added approximation.relu_net_fits_any_continuous: Each unit gets the whole slope, not its change.
def net(x, knots, values):
    total = values[0]
    for i in range(len(knots) - 1):
        slope = (values[i + 1] - values[i]) / (knots[i + 1] - knots[i])
        total += slope * relu(x - knots[i])
    return total


def worst_of_line(w, b):
    return max(
        abs(i * i / 10000 - (w * i / 100 + b)) for i in range(-100, 101)
    )
# %% broken staircase approximation.relu_net_fits_any_continuous: Steps in place of slopes: the last value, until the next.
def net(x, knots, values):
    return max((t, v) for t, v in zip(knots, values) if t <= x)[1]


def worst_of_line(w, b):
    return max(
        abs(i * i / 10000 - (w * i / 100 + b)) for i in range(-100, 101)
    )
# %% broken mean_error approximation.linear_cannot: The mean error in place of the worst.
def net(x, knots, values):
    total, before = values[0], 0
    for i in range(len(knots) - 1):
        slope = (values[i + 1] - values[i]) / (knots[i + 1] - knots[i])
        total += (slope - before) * max(x - knots[i], 0)
        before = slope
    return total


def worst_of_line(w, b):
    return (
        sum(
            abs(i * i / 10000 - (w * i / 100 + b)) for i in range(-100, 101)
        )
        / 201
    )
