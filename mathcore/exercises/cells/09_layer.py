"""A layer in two loops."""
# %% start
def layer(x, W, b):
    """W has a row for each input and a column for each output."""
    y = []
    for j in range(len(b)):
        total = b[j]
        for i in range(len(x)):
            total = total + x[i] * W[i][j]
        y.append(total)
    return y


W1 = [[1, 0, -1], [0.5, 1, 0]]
b1 = [0, 0, 1]
print(layer([1, 2], W1, b1))
print(layer([2, 4], W1, b1), "is not twice as much")
# %% check linear.layer_is_a_matrix: Each output is the sum of the inputs times its own column, plus its own bias.
@given(
    sizes=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    numbers=st.lists(st.integers(-9, 9), min_size=15, max_size=15),
)
def check(sizes, numbers):
    inputs, outputs = sizes
    x, b = numbers[:inputs], numbers[3 : 3 + outputs]
    columns = [numbers[6 + 3 * j : 6 + 3 * j + inputs] for j in range(outputs)]
    W = [[column[i] for column in columns] for i in range(inputs)]
    sums = [sum(a * w for a, w in zip(x, column)) + c for column, c in zip(columns, b)]
    same(layer(list(x), [list(row) for row in W], list(b)), sums)
# %% check linear.is_linear: Without a bias, a sum goes to the sum of the outputs, and a multiple to the multiple.
@given(rows=st.lists(st.lists(st.integers(-9, 9), min_size=2, max_size=2), min_size=4, max_size=4), times=st.integers(-3, 3))
def check(rows, times):
    x, z, *W = rows
    mixed = layer([times * a + c for a, c in zip(x, z)], W, [0, 0])
    same(mixed, [times * a + c for a, c in zip(layer(x, W, [0, 0]), layer(z, W, [0, 0]))])
# %% check linear.is_linear: With a bias, too, halfway between two inputs is halfway between their outputs.
@given(
    rows=st.lists(st.lists(st.integers(-9, 9), min_size=2, max_size=2), min_size=5, max_size=5),
)
def check(rows):
    x, z, b, *W = rows
    # Twice as large, the point halfway is whole: (2x + 2z) / 2 = x + z.
    doubled = [[2 * a for a in side] for side in (x, z)]
    ends = [layer(side, W, b) for side in doubled]
    same([2 * a for a in layer([a + c for a, c in zip(x, z)], W, b)], [a + c for a, c in zip(*ends)])
# %% broken no_bias linear.layer_is_a_matrix: The bias is forgotten.
def layer(x, W, b):
    return [sum(x[i] * W[i][j] for i in range(len(x))) for j in range(len(b))]
# %% broken one_bias_for_all linear.layer_is_a_matrix: The first bias is added to every output.
def layer(x, W, b):
    return [sum(x[i] * W[i][j] for i in range(len(x))) + b[0] for j in range(len(b))]
# %% broken bias_follows_input linear.is_linear: The bias is multiplied by the square of the first input.
def layer(x, W, b):
    return [sum(x[i] * W[i][j] for i in range(len(x))) + x[0] * x[0] * b[j] for j in range(len(b))]
# %% broken rows_for_columns linear.layer_is_a_matrix: Walks along a row of W instead of down a column.
def layer(x, W, b):
    return [sum(x[i] * W[j % len(W)][i % len(b)] for i in range(len(x))) + b[j] for j in range(len(b))]
# %% broken negative_cut linear.is_linear: A negative output is set to 0. Useful, as you will see, but no longer linear.
def layer(x, W, b):
    return [max(0, sum(x[i] * W[i][j] for i in range(len(x))) + b[j]) for j in range(len(b))]
# %% broken rounded_up linear.is_linear: Adds 1 to each output, for no reason.
def layer(x, W, b):
    return [sum(x[i] * W[i][j] for i in range(len(x))) + b[j] + 1 for j in range(len(b))]
