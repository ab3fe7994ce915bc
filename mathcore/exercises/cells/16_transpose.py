"""Mirror a matrix, and multiply both ways."""
# %% start
def transpose(W):
    """The rows of W as columns."""
    return [[row[j] for row in W] for j in range(len(W[0]))]


def book(W, x):
    """W times the column x: each row of W meets x."""
    return [sum(w * a for w, a in zip(row, x)) for row in W]


def code(x, W):
    """The row x times W: each column of W meets x."""
    columns = range(len(W[0]))
    return [sum(a * row[j] for a, row in zip(x, W)) for j in columns]


W = [[1, 2], [3, 4], [5, 6]]
print(transpose(W))
print(book(W, [1, -1]), code([1, -1], transpose(W)))
# %% check linear.row_and_column_agree: W times a column is the row times the transpose.
@given(W=st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(st.integers(-9, 9), min_size=n, max_size=n), min_size=1, max_size=4)), numbers=st.lists(st.integers(-9, 9), min_size=4, max_size=4))
def check(W, numbers):
    x, n = numbers[: len(W[0])], len(W[0])
    T = transpose([list(row) for row in W])
    same([len(T), len(T[0])], [n, len(W)])
    same([T[j][i] for i in range(len(W)) for j in range(n)], [w for row in W for w in row])
    same(book(W, x), [sum(W[i][j] * x[j] for j in range(n)) for i in range(len(W))])
    same(code(x, T), book(W, x))
# %% broken quarter_turn linear.row_and_column_agree: The page is turned by a quarter instead of mirrored.
def transpose(W):
    return [[row[j] for row in reversed(W)] for j in range(len(W[0]))]
# %% broken not_mirrored linear.row_and_column_agree: Leaves a square matrix as it is.
def transpose(W):
    if len(W) == len(W[0]):
        return W
    return [[row[j] for row in W] for j in range(len(W[0]))]
