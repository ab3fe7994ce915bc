"""Count the numbers and the multiplications of a pair."""
# %% start
def times(row, matrix):
    """The row times the matrix, and how many multiplications it took."""
    out, count = [], 0
    for j in range(len(matrix[0])):
        total = 0
        for i in range(len(row)):
            total += row[i] * matrix[i][j]
            count += 1
        out.append(total)
    return out, count


def one(m, n):
    """Multiplications of a row of m numbers through one (m, n) matrix."""
    return times([1] * m, [[1] * n] * m)[1]


def pair(m, n, r):
    """The same through two thin ones, (m, r) and (r, n)."""
    between, first = times([1] * m, [[1] * r] * m)
    _, second = times(between, [[1] * n] * r)
    return first + second


for r in 1, 4, 5, 8:
    print("r =", r, "pair", pair(8, 12, r), "one", one(8, 12))
# %% check lowrank.is_smaller: A pair takes fewer multiplications exactly if r(m + n) < mn.
@given(m=st.integers(1, 12), n=st.integers(1, 12), r=st.integers(1, 12))
def check(m, n, r):
    same(pair(m, n, r), r * (m + n))
    same(pair(m, n, r) < one(m, n), r * (m + n) < m * n)
# %% broken full_square lowrank.is_smaller: The first matrix is kept whole, and only the second is thin.
def one(m, n):
    return m * n


def pair(m, n, r):
    return m * n + r * n
# %% broken merged_again lowrank.is_smaller: The pair is multiplied out first, which makes it one large matrix.
def one(m, n):
    return m * n


def pair(m, n, r):
    return m * r * n + m * n
