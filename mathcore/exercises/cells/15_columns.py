"""The best column."""
# %% start
def scores(x, W):
    """How well the row x fits each column of W: a dot product for each."""
    raise NotImplementedError("your turn")


def best(x, W):
    """The place of the best column, from 0; of equal ones the first."""
    raise NotImplementedError("your turn")
# %% solution
def scores(x, W):
    columns = range(len(W[0]))
    return [sum(a * row[j] for a, row in zip(x, W)) for j in columns]


def best(x, W):
    found = scores(x, W)
    return found.index(max(found))
# %% check linear.matmul_is_multiply_add: Each score is multiplied and added, number by number.
@given(x=st.lists(st.integers(-9, 9), min_size=3, max_size=3), W=st.lists(st.lists(st.integers(-9, 9), min_size=4, max_size=4), min_size=3, max_size=3))
def check(x, W):
    found = scores(list(x), [list(row) for row in W])
    same(found, [x[0] * W[0][j] + x[1] * W[1][j] + x[2] * W[2][j] for j in range(4)])
    winner = best(list(x), [list(row) for row in W])
    same(found[winner], max(found))
    same([s for s in found[:winner] if s == max(found)], [])
# %% broken by_rows linear.matmul_is_multiply_add: Meets the rows of W, not its columns.
def scores(x, W):
    return [sum(a * b for a, b in zip(x, row)) for row in W]
# %% broken last_wins linear.matmul_is_multiply_add: Of equal columns it takes the last.
def scores(x, W):
    columns = range(len(W[0]))
    return [sum(a * row[j] for a, row in zip(x, W)) for j in columns]


def best(x, W):
    found = scores(x, W)
    return max(range(len(found)), key=lambda j: (found[j], j))
