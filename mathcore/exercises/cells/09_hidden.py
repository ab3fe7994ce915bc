"""From the word to hidden numbers, and from there to scores."""
# %% start
def layer(x, W, b):
    return [
        b[j] + sum(x[i] * W[i][j] for i in range(len(x)))
        for j in range(len(b))
    ]


def hidden_and_scores(x, first, second):
    """Two lists. `first` and `second` are pairs: weights and bias."""
    hidden = [0, 0, 0]  # Complete: x through the first layer.
    scores = [0, 0]  # Complete: what goes into the second?
    return hidden, scores


first = [[1, 0, -1], [0.5, 1, 0]], [0, 0, 1]
second = [[1, 0], [0, 1], [1, 1]], [0, 0]
print(hidden_and_scores([1, 2], first, second))
# %% solution
def hidden_and_scores(x, first, second):
    """Two lists. `first` and `second` are pairs: weights and bias."""
    hidden = layer(x, *first)
    scores = layer(hidden, *second)
    return hidden, scores
# %% check linear.layer_is_a_matrix: Each hidden number is a weighted sum of the inputs, plus its own bias.
@given(x=st.lists(st.integers(-9, 9), min_size=2, max_size=2), b=st.lists(st.integers(-9, 9), min_size=3, max_size=3), numbers=st.lists(st.integers(-9, 9), min_size=6, max_size=6))
def check(x, b, numbers):
    W = [numbers[:3], numbers[3:]]
    hidden, _ = hidden_and_scores(list(x), (W, b), ([[1], [1], [1]], [0]))
    same(hidden, [x[0] * W[0][j] + x[1] * W[1][j] + b[j] for j in range(3)])
# %% check linear.layers_compose: The scores are those of one layer: weights UV, bias bV + c.
@given(width=st.integers(1, 4), numbers=st.lists(st.integers(-5, 5), min_size=24, max_size=24))
def check(width, numbers):
    x, c = numbers[:2], numbers[2:4]
    U, b = [numbers[4 : 4 + width], numbers[8 : 8 + width]], numbers[12 : 12 + width]
    V = [numbers[16 + 2 * k : 18 + 2 * k] for k in range(width)]

    def across(row):
        return [sum(row[k] * V[k][j] for k in range(width)) for j in range(2)]

    UV, bias = [across(row) for row in U], [p + q for p, q in zip(across(b), c)]
    once = [sum(x[i] * UV[i][j] for i in range(2)) + bias[j] for j in range(2)]
    _, scores = hidden_and_scores(list(x), (U, b), (V, c))
    same(scores, once)
# %% broken bend_inside linear.layers_compose: Negative hidden numbers become 0: no single layer does that.
def hidden_and_scores(x, first, second):
    hidden = layer(x, *first)
    return hidden, layer([max(0, h) for h in hidden], *second)
# %% broken no_biases linear.layer_is_a_matrix: Both biases are left out.
def layer(x, W, b):
    return [sum(x[i] * W[i][j] for i in range(len(x))) for j in range(len(b))]


def hidden_and_scores(x, first, second):
    hidden = layer(x, *first)
    return hidden, layer(hidden, *second)
# %% broken hidden_bias_lost linear.layers_compose: The bias of the first layer is shown, but not passed on.
def hidden_and_scores(x, first, second):
    hidden = layer(x, *first)
    passed = [h - bias for h, bias in zip(hidden, first[1])]
    return hidden, layer(passed, *second)
