"""The best that one number a word can do."""
# %% start
import math


def missed(table, direction):
    """What is lost if each row is replaced by its part along a direction.

    The direction (x, y) has length 1. A row's part along it is
    (row · direction) times the direction. Add up the squares of all
    differences.
    """
    x, y = direction
    total = 0.0
    for row in table:
        along = row[0] * x + row[1] * y
        # complete: add both squares of row minus its part
    return total


def best_one(table):
    """The least that is lost, of 1,000 directions."""
    angles = [math.pi * i / 1000 for i in range(1000)]
    return min(missed(table, (math.cos(a), math.sin(a))) for a in angles)


print(best_one([[2, 2], [2, 2], [0, 0]]))  # rank 1: nothing
print(best_one([[2, 0], [0, 1]]))  # the smaller one is given up: 1
# %% solution
def missed(table, direction):
    """What is lost if each row is replaced by its part along it."""
    x, y = direction
    total = 0.0
    for row in table:
        along = row[0] * x + row[1] * y
        total += (row[0] - along * x) ** 2 + (row[1] - along * y) ** 2
    return total
# %% check embedding.more_size_less_error: What is lost is the square of the second singular value.
@given(table=st.lists(st.lists(st.integers(-5, 5), min_size=2, max_size=2), min_size=3, max_size=3))
def check(table):
    a, b, c = (sum(row[i] * row[j] for row in table) for i, j in ((0, 0), (0, 1), (1, 1)))
    tail = (a + c - math.sqrt((a - c) ** 2 + 4 * b * b)) / 2  # of two eigenvalues the smaller one
    # The best direction is at most half a step of π/1000 away, which costs the square of that of all there is; what is
    # rounded is far less.
    same(best_one(table), tail, within=(a + c) * (math.pi / 2000) ** 2 + 100 * (a + c) * UNIT)
# %% check embedding.size_bounds_rank: A table of rank 1 is caught by one number, but for the distance to the next angle.
@given(row=st.lists(st.integers(-5, 5), min_size=2, max_size=2), times=st.lists(st.integers(-3, 3), min_size=3, max_size=3))
def check(row, times):
    table = [[t * x for x in row] for t in times]
    all_squares = sum(x * x for r in table for x in r)
    allowed = all_squares * ((math.pi / 2000) ** 2 + 100 * UNIT)
    same(best_one(table), 0.0, within=allowed)
    off = missed([[3, 4]], (0.6, 0.8)), missed([[3, 4]], (0.8, -0.6))
    same(list(off), [0.0, 25.0], within=100 * 25 * UNIT)
# %% broken what_is_kept embedding.size_bounds_rank: What is kept is added up, not what is lost.
def missed(table, direction):
    x, y = direction
    return sum((row[0] * x + row[1] * y) ** 2 for row in table)
# %% broken one_column embedding.more_size_less_error: One of the two columns is dropped: only two directions are tried.
def missed(table, direction):
    x, y = direction
    return sum((row[0] * y - row[1] * x) ** 2 for row in table)


def best_one(table):
    return min(missed(table, (1, 0)), missed(table, (0, 1)))
