"""Through several layers, one after the other."""
# %% start
def layer(x, W, b):
    return [
        b[j] + sum(x[i] * W[i][j] for i in range(len(x)))
        for j in range(len(b))
    ]


def through(x, layers):
    """What comes out last. Each layer is a pair: weights and bias."""
    for W, b in layers:
        x = layer(x, W, b)
        print(x)
    return x


first = [[1, 0, -1], [0.5, 1, 0]], [0, 0, 1]
second = [[1, 0], [0, 1], [1, 1]], [0, 0]
through([1, 2], [first, second])
one = [[0, -1], [0.5, 1]], [1, 1]
out = through([1, 2], [one])
# %% check linear.layers_compose: Two layers with nothing between them do what one does: weights UV, bias bV + c.
@given(width=st.integers(1, 4), numbers=st.lists(st.integers(-5, 5), min_size=24, max_size=24))
def check(width, numbers):
    x, c = numbers[:2], numbers[2:4]
    U, b = [numbers[4 : 4 + width], numbers[8 : 8 + width]], numbers[12 : 12 + width]
    V = [numbers[16 + 2 * k : 18 + 2 * k] for k in range(width)]

    def across(row):
        return [sum(row[k] * V[k][j] for k in range(width)) for j in range(2)]

    UV, bias = [across(row) for row in U], [p + q for p, q in zip(across(b), c)]
    once = [sum(x[i] * UV[i][j] for i in range(2)) + bias[j] for j in range(2)]
    same(through(list(x), [(U, b), (V, c)]), once)
# %% check linear.layer_is_a_matrix: Through one layer it is a weighted sum and a bias, and through none nothing happens.
@given(rows=st.lists(st.lists(st.integers(-9, 9), min_size=2, max_size=2), min_size=4, max_size=4))
def check(rows):
    x, b, *W = rows
    same(through(list(x), []), x)
    same(through(list(x), [(W, b)]), [x[0] * W[0][j] + x[1] * W[1][j] + b[j] for j in range(2)])
# %% broken biases_later linear.layers_compose: Adds up the biases and does not send the first through the second layer.
def through(x, layers):
    total = 0
    for W, b in layers:
        x = layer(x, W, [0] * len(b))
        total += sum(b)
    return [value + total for value in x]
# %% broken word_again linear.layers_compose: Every layer gets the word, none gets the hidden numbers.
def layer(x, W, b):
    return [b[j] + sum(x[i] * W[i][j] for i in range(min(len(x), len(W)))) for j in range(len(b))]


def through(x, layers):
    word = x
    for W, b in layers:
        x = layer(word, W, b)
    return x
# %% broken last_left_out linear.layer_is_a_matrix: The last layer is left out.
def through(x, layers):
    for W, b in layers[:-1]:
        x = layer(x, W, b)
    return x
