"""Two matrices back to back, and how much they can do."""
# %% start
def times(row, matrix):
    """A row of numbers times a matrix, a list of rows."""
    out = []
    for j in range(len(matrix[0])):
        out.append(sum(row[i] * matrix[i][j] for i in range(len(row))))
    return out


def product(A, B):
    """The one matrix that does what A and then B do."""
    return [times(row, B) for row in A]


def relu(row):
    return [v if v > 0 else 0 for v in row]


def net(x, W, A, B):
    """One ReLU, and then a bare pair."""
    return times(times(relu(times(x, W)), A), B)


A, B = [[1], [2]], [[3, -1]]  # two numbers, one in between, two numbers
print(times(times([1, 2], A), B), "one after the other")
print(times([1, 2], product(A, B)), "at once, by", product(A, B))
# %% check linear.two_layers_collapse: Two matrices back to back are one, and a middle of 1 leaves it rank 1.
@given(
    x=st.lists(st.integers(-9, 9), min_size=2, max_size=2),
    a=st.lists(st.integers(-9, 9), min_size=2, max_size=2),
    b=st.lists(st.integers(-9, 9), min_size=2, max_size=2),
)
def check(x, a, b):
    A, B = [[v] for v in a], [b]
    M = product(A, B)
    same(times(x, M), times(times(x, A), B))
    same(M[0][0] * M[1][1], M[0][1] * M[1][0])
# %% check linear.collapse_is_weaker: With a middle of 1, no pair is the matrix that leaves all as it is.
@given(
    a=st.lists(st.integers(-2, 2), min_size=2, max_size=2),
    b=st.lists(st.integers(-2, 2), min_size=2, max_size=2),
)
def check(a, b):
    differ(product([[v] for v in a], [b]), [[1, 0], [0, 1]])
# %% check relu.must_stand_everywhere: One ReLU is enough to bend; the bare pair after it could be one matrix.
@given(
    x=st.integers(1, 9),
    w=st.sampled_from([-3, -2, -1, 1, 2, 3]),
    a=st.sampled_from([-2, -1, 1, 2]),
    b=st.sampled_from([-2, -1, 1, 2]),
)
def check(x, w, a, b):
    f = lambda x: net([x], [[w]], [[a]], [[b]])[0]
    differ(f(x) + f(-x), 0)
    same(f(x), net([x], [[w]], product([[a]], [[b]]), [[1]])[0])
# %% broken bend_between linear.two_layers_collapse: A ReLU has slipped between the two.
def times(row, matrix):
    out = [
        sum(v * line[j] for v, line in zip(row, matrix))
        for j in range(len(matrix[0]))
    ]
    return [v if v > 0 else 0 for v in out]


def net(x, W, A, B):
    return times(times(times(x, W), A), B)
# %% broken only_diagonal linear.collapse_is_weaker: The product is taken entry by entry on the diagonal alone.
def times(row, matrix):
    return [
        sum(v * line[j] for v, line in zip(row, matrix))
        for j in range(len(matrix[0]))
    ]


def product(A, B):
    a, b = [row[0] for row in A], B[0]
    return [
        [a[i] * b[j] if i == j else 0 for j in range(len(b))]
        for i in range(len(a))
    ]


def net(x, W, A, B):
    hidden = [max(v, 0) for v in times(x, W)]
    return times(times(hidden, A), B)
# %% broken no_relu_at_all relu.must_stand_everywhere: The only ReLU is gone as well.
def times(row, matrix):
    return [
        sum(v * line[j] for v, line in zip(row, matrix))
        for j in range(len(matrix[0]))
    ]


def net(x, W, A, B):
    return times(times(times(x, W), A), B)
