"""A layer that takes a stream of rows and refuses what does not fit."""
# %% start
def layer(X, W):
    """X: rows of numbers. W: (inputs, outputs). A row for each row."""
    inputs, outputs = len(W), len(W[0])
    result = []
    for row in X:
        if len(row) != inputs:
            raise ValueError(f"a row of {inputs} is wanted, got {len(row)}")
        new = []
        for j in range(outputs):
            new.append(sum(a * W[t][j] for t, a in enumerate(row)))
        result.append(new)
    return result


print(layer([[1, 2], [3, 4]], [[1, 0, 1], [0, 1, 1]]))
try:
    layer([[1, 2, 3]], [[1, 0, 1], [0, 1, 1]])
except ValueError as error:
    print("refused:", error)
# %% check linear.stream_of_rows: A stack of rows gives what the rows give one by one.
@given(X=st.lists(st.lists(st.integers(-9, 9), min_size=2, max_size=2), max_size=5), W=st.lists(st.lists(st.integers(-9, 9), min_size=3, max_size=3), min_size=2, max_size=2))
def check(X, W):
    def alone(row):
        return [row[0] * W[0][j] + row[1] * W[1][j] for j in range(3)]

    same(layer([list(row) for row in X], [list(row) for row in W]), [alone(row) for row in X])
# %% check linear.shapes_must_touch: A row that is too short or too long is refused with a ValueError.
@given(width=st.integers(1, 5), inputs=st.integers(1, 5))
def check(width, inputs):
    assume(width != inputs)
    try:
        answer = layer([[1] * width], [[1, 2]] * inputs)
    except ValueError:
        answer = "refused"
    same(answer, "refused")
# %% broken cut_silently linear.shapes_must_touch: Numbers that do not fit are left out without a word.
def layer(X, W):
    columns = list(zip(*W))
    return [
        [sum(a * w for a, w in zip(row, c)) for c in columns] for row in X
    ]
# %% broken first_row_only linear.stream_of_rows: Only the first row of a stream is looked at.
def layer(X, W):
    for row in X:
        if len(row) != len(W):
            raise ValueError("does not fit")
    first, columns = X[0], list(zip(*W))
    return [
        [sum(a * w for a, w in zip(first, c)) for c in columns] for _ in X
    ]
