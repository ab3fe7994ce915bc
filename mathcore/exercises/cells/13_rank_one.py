"""Take a matrix apart into a column and a row."""
# %% start
from fractions import Fraction


def product(column, row):
    return [[c * r for r in row] for c in column]


def apart(matrix):
    """A column and a row whose product is the matrix, of rank 1."""
    # Complete: what if the first row is all zeros?
    row = matrix[0]
    # Complete: how many times that row is each row?
    column = [1] * len(matrix)
    return column, row


matrix = [[3, -1], [6, -2]]
print(product(*apart(matrix)), "should be", matrix)
# %% solution
def apart(matrix):
    """A column and a row whose product is the matrix, of rank 1."""
    for row in matrix:
        for j, v in enumerate(row):
            if v:  # it can be divided by
                return [Fraction(other[j], v) for other in matrix], row
    return [0] * len(matrix), matrix[0]
# %% check lowrank.error_is_the_tail: A matrix of rank 1 is a column times a row, and nothing is lost.
@given(
    column=st.lists(st.integers(-5, 5), min_size=3, max_size=3),
    row=st.lists(st.integers(-5, 5), min_size=2, max_size=2),
)
def check(column, row):
    matrix = [[c * r for r in row] for c in column]
    left, right = apart(matrix)
    same([len(left), len(right)], [3, 2])
    same([[c * r for r in right] for c in left], matrix)
# %% broken first_row_only lowrank.error_is_the_tail: It divides by the first number, which may be 0.
def apart(matrix):
    row = matrix[0]
    return [Fraction(other[0], row[0]) for other in matrix], row
# %% broken mean_row lowrank.error_is_the_tail: Every row is replaced by the mean of all.
def apart(matrix):
    mean = [sum(column) / len(matrix) for column in zip(*matrix)]
    return [1] * len(matrix), mean
