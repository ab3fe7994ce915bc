"""A matrix product in three loops."""
# %% start
def matmul(X, W):
    result = []
    for row in X:
        new = []
        for j in range(len(W[0])):
            total = 0
            for t in range(len(W)):
                total = total + row[t] * W[t][j]
            new.append(total)
        result.append(new)
    return result


print(matmul([[1, 2, 3]], [[1, 0], [0, 1], [2, -1]]))
# %% check linear.matmul_is_multiply_add: Each number is the dot product of a row and a column.
@given(sizes=st.tuples(*[st.integers(1, 3)] * 3), numbers=st.lists(st.integers(-9, 9), min_size=18, max_size=18))
def check(sizes, numbers):
    m, k, n = sizes
    X = [numbers[i * k : i * k + k] for i in range(m)]
    W = [numbers[9 + t * n : 9 + t * n + n] for t in range(k)]
    columns = list(zip(*W))
    dots = [[sum(x * w for x, w in zip(row, column)) for column in columns] for row in X]
    same(matmul([list(row) for row in X], [list(row) for row in W]), dots)
# %% check linear.rows_are_independent: A row gets the same by itself as among others.
@given(X=matrices(3, 2, -9, 9), W=matrices(2, 2, -9, 9))
def check(X, W):
    together = matmul([list(row) for row in X], [list(row) for row in W])
    alone = [matmul([list(row)], [list(row) for row in W])[0] for row in X]
    same(together, alone)
# %% check linear.associative: In whole numbers it does not matter which product comes first.
@given(numbers=st.lists(st.integers(-9, 9), min_size=12, max_size=12))
def check(numbers):
    A, B, C = ([numbers[i : i + 2], numbers[i + 2 : i + 4]] for i in (0, 4, 8))
    same(matmul(matmul(A, B), C), matmul(A, matmul(B, C)))
# %% broken row_with_row linear.matmul_is_multiply_add: Walks along the row of W instead of down its column.
def matmul(X, W):
    result = []
    for row in X:
        new = []
        for j in range(len(W[0])):
            total = 0
            for t in range(len(W)):
                total += row[t] * W[j % len(W)][t % len(W[0])]
            new.append(total)
        result.append(new)
    return result
# %% broken last_left_out linear.matmul_is_multiply_add: Stops one step before the end of the walk.
def matmul(X, W):
    result = []
    for row in X:
        new = []
        for j in range(len(W[0])):
            total = 0
            for t in range(len(W) - 1):
                total += row[t] * W[t][j]
            new.append(total)
        result.append(new)
    return result
# %% broken total_kept linear.rows_are_independent: The total is set to 0 once, before the first row.
def matmul(X, W):
    result, totals = [], [0] * len(W[0])
    for row in X:
        for j in range(len(W[0])):
            for t in range(len(W)):
                totals[j] += row[t] * W[t][j]
        result.append(list(totals))
    return result
# %% broken added_not_multiplied linear.associative: Adds where it should multiply.
def matmul(X, W):
    columns = list(zip(*W))
    return [
        [sum(a + w for a, w in zip(row, c)) for c in columns] for row in X
    ]
