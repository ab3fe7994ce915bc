"""Two layers made one."""
# %% start
def layer(x, weights, bias):
    out = []
    for j in range(len(bias)):
        out.append(
            bias[j] + sum(x[i] * weights[i][j] for i in range(len(x)))
        )
    return out


def merged(first, second):
    """One layer that does what `first` and then `second` do."""
    (W1, b1), (W2, b2) = first, second
    # Complete: W[i][j] comes from row i of W1 and column j of W2.
    W = [[0, 0], [0, 0]]
    # Complete: where does b1 go on its way through `second`?
    b = [0, 0]
    return W, b


one = [[1, 1], [0, 1]], [1, 0]
two = [[2, 0], [1, 1]], [0, 5]
print(layer(layer([1, 2], *one), *two), layer([1, 2], *merged(one, two)))
# %% solution
def merged(first, second):
    """One layer that does what `first` and then `second` do."""
    (W1, b1), (W2, b2) = first, second
    W = [layer(row, W2, [0] * len(b2)) for row in W1]
    return W, layer(b1, W2, b2)
# %% check linear.ten_layers_are_one: Ten layers, merged one after the other, are one layer.
@given(
    layers=st.lists(
        st.tuples(
            st.lists(
                st.lists(st.integers(-2, 2), min_size=2, max_size=2),
                min_size=2,
                max_size=2,
            ),
            st.lists(st.integers(-3, 3), min_size=2, max_size=2),
        ),
        min_size=10,
        max_size=10,
    ),
    x=st.lists(st.integers(-5, 5), min_size=2, max_size=2),
)
def check(layers, x):
    step_by_step, single = x, layers[0]
    for weights, bias in layers:
        step_by_step = layer(step_by_step, weights, bias)
    for following in layers[1:]:
        single = merged(single, following)
    same(layer(x, *single), step_by_step)
# %% broken swapped linear.ten_layers_are_one: The two matrices are multiplied in the wrong order.
def layer(x, weights, bias):
    return [
        b + sum(v * row[j] for v, row in zip(x, weights))
        for j, b in enumerate(bias)
    ]


def merged(first, second):
    (W1, b1), (W2, b2) = first, second
    return [layer(row, W1, [0] * len(b1)) for row in W2], layer(b1, W2, b2)
# %% broken biases_added linear.ten_layers_are_one: The first bias does not pass through the second matrix.
def layer(x, weights, bias):
    return [
        b + sum(v * row[j] for v, row in zip(x, weights))
        for j, b in enumerate(bias)
    ]


def merged(first, second):
    (W1, b1), (W2, b2) = first, second
    return [layer(row, W2, [0] * len(b2)) for row in W1], [
        p + q for p, q in zip(b1, b2)
    ]
