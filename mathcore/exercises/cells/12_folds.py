"""Fold an interval with two units, again and again."""
# %% start
def relu(x):
    return x if x > 0 else 0


def fold(x):
    """Up to 1 at x = 1/2 and down again: a tent."""
    return 2 * relu(x) - 2 * relu(2 * x - 1)


def folds(x, depth):
    for _ in range(depth):
        x = fold(x)
    return x


def one_layer(x, units):
    """One hidden layer: each unit is (weight, bias, weight out)."""
    total = 0
    for weight, bias, out in units:
        total += out * relu(weight * x + bias)
    return total


for depth in 1, 2, 3:
    print(depth, [folds(i / 8, depth) for i in range(9)])
# %% check depth.beats_width: Folded k times, the interval from 0 to 1 has 2ᵏ straight pieces, each from 0 to 1.
@given(k=st.integers(1, 7))
def check(k):
    pieces = 2**k
    same(
        [folds(i / pieces, k) for i in range(pieces + 1)],
        [i % 2 for i in range(pieces + 1)],
    )
    middles = [folds((i + 0.5) / pieces, k) for i in range(pieces)]
    same(middles, [0.5] * pieces)
# %% check depth.beats_width: One hidden layer bends at most once for each unit.
@given(
    units=st.lists(
        st.tuples(
            st.sampled_from([-2, -1, 1, 2]),
            st.integers(-8, 8),
            st.integers(-3, 3),
        ),
        min_size=1,
        max_size=4,
    )
)
def check(units):
    y = [one_layer(i / 2, units) for i in range(-20, 21)]
    bends = sum(a + c != 2 * b for a, b, c in zip(y, y[1:], y[2:]))
    same(min(bends, len(units)), bends)
# %% broken no_second_unit depth.beats_width: Only one unit: the line rises and never comes down.
def folds(x, depth):
    for _ in range(depth):
        x = 2 * relu(x)
    return x


def one_layer(x, units):
    return sum(out * relu(weight * x + bias) for weight, bias, out in units)
# %% broken flat_top depth.beats_width: The second unit takes back half of what it must.
def folds(x, depth):
    for _ in range(depth):
        x = 2 * relu(x) - relu(2 * x - 1)
    return x


def one_layer(x, units):
    return sum(out * relu(weight * x + bias) for weight, bias, out in units)
# %% broken curved depth.beats_width: The units of the single layer are squared: it curves everywhere.
def folds(x, depth):
    for _ in range(depth):
        x = 2 * relu(x) - 2 * relu(2 * x - 1)
    return x


def one_layer(x, units):
    return sum(
        out * relu(weight * x + bias) ** 2 for weight, bias, out in units
    )
