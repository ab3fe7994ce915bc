"""Two layers with a ReLU between them: one or the other, not both."""
# %% start
def layer(x, weights, bias):
    """Each output: the inputs times its column of weights, and its bias."""
    out = []
    for j in range(len(bias)):
        total = bias[j]
        for i in range(len(x)):
            total += x[i] * weights[i][j]
        out.append(total)
    return out


def relu(row):
    return [v if v > 0 else 0 for v in row]


def net(x, first, second):
    hidden = relu(layer(x, *first))
    return layer(hidden, *second)


first = [[1, 1], [1, 1]], [0, -1]  # a + b, and a + b - 1
second = [[1], [-2]], [0]  # one of the first, less two of the other
for x in [0, 0], [0, 1], [1, 0], [1, 1]:
    print(x, relu(layer(x, *first)), net(x, first, second))
# %% check relu.beats_linear: One or the other, but not both: exactly, at all four corners.
@given(a=st.integers(0, 1), b=st.integers(0, 1))
def check(a, b):
    got = net([a, b], ([[1, 1], [1, 1]], [0, -1]), ([[1], [-2]], [0]))
    same(got, [int(a != b)])
# %% check relu.breaks_the_collapse: With one unit and no weight 0, the net is not one layer: it bends.
@given(
    w=st.sampled_from([-3, -2, -1, 1, 2, 3]),
    bend=st.integers(-5, 5),
    v=st.sampled_from([-2, -1, 1, 2]),
)
def check(w, bend, v):
    f = lambda x: net([x], ([[w]], [-w * bend]), ([[v]], [0]))[0]
    differ(f(bend - 1) + f(bend + 1), 2 * f(bend))
# %% check relu.piecewise_linear: Halfway between two inputs that switch the same units on, the output is halfway.
@given(
    x=st.lists(st.integers(-4, 4), min_size=2, max_size=2),
    y=st.lists(st.integers(-4, 4), min_size=2, max_size=2),
    w=st.lists(
        st.lists(st.integers(-2, 2), min_size=2, max_size=2),
        min_size=2,
        max_size=2,
    ),
    bias=st.lists(st.integers(-2, 2), min_size=2, max_size=2),
)
def check(x, y, w, bias):
    at = lambda p: [
        p[0] * w[0][j] + p[1] * w[1][j] + bias[j] for j in (0, 1)
    ]
    assume([v > 0 for v in at(x)] == [v > 0 for v in at(y)])
    f = lambda p: net(p, (w, bias), ([[1], [1]], [3]))[0]
    middle = [(p + q) / 2 for p, q in zip(x, y)]
    same(2 * f(middle), f(x) + f(y))
# %% broken no_bend relu.breaks_the_collapse: ReLU is left out.
def layer(x, weights, bias):
    return [
        b + sum(v * row[j] for v, row in zip(x, weights))
        for j, b in enumerate(bias)
    ]


def net(x, first, second):
    return layer(layer(x, *first), *second)
# %% broken bias_forgotten relu.beats_linear: The biases are forgotten, so both units bend at the same place.
def layer(x, weights, bias):
    return [
        sum(v * row[j] for v, row in zip(x, weights))
        for j in range(len(bias))
    ]


def net(x, first, second):
    return layer(relu(layer(x, *first)), *second)
# %% broken squared relu.piecewise_linear: What is positive is squared: a curve, not a bend.
def layer(x, weights, bias):
    return [
        b + sum(v * row[j] for v, row in zip(x, weights))
        for j, b in enumerate(bias)
    ]


def net(x, first, second):
    hidden = [v * v if v > 0 else 0 for v in layer(x, *first)]
    return layer(hidden, *second)
