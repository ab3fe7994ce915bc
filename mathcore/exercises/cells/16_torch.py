"""Weights stored the textbook's way, inputs as rows."""
# %% start
def linear_like_torch(X, weight):
    """X: rows. weight: (outputs, inputs), as PyTorch stores it.

    Compute X times the transpose of weight.
    """
    raise NotImplementedError("your turn")
# %% solution
def linear_like_torch(X, weight):
    result = []
    for row in X:
        new = []
        for of_output in weight:
            new.append(sum(a * w for a, w in zip(row, of_output)))
        result.append(new)
    return result
# %% check linear.row_and_column_agree: Each output is a row of the weights times the input.
@given(X=st.lists(st.lists(st.integers(-9, 9), min_size=2, max_size=2), max_size=4), weight=st.lists(st.lists(st.integers(-9, 9), min_size=2, max_size=2), min_size=1, max_size=4))
def check(X, weight):
    wanted = [[w[0] * x[0] + w[1] * x[1] for w in weight] for x in X]
    same(linear_like_torch([list(x) for x in X], [list(w) for w in weight]), wanted)
# %% broken not_transposed linear.row_and_column_agree: Meets the columns of the stored weights, which fits where they are square.
def linear_like_torch(X, weight):
    columns = list(zip(*weight))
    return [
        [sum(a * w for a, w in zip(row, c)) for c in columns] for row in X
    ]
