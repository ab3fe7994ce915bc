"""Scores of short vectors, and the rank of their table."""
# %% start
from fractions import Fraction


def scores(words, contexts):
    """The dot product of every word with every context."""
    return [
        [sum(x * y for x, y in zip(w, c)) for c in contexts] for w in words
    ]


def rank(table):
    """How many rows are left that are no mixture of the others."""
    rows = [[Fraction(x) for x in row] for row in table]
    found = 0
    for column in range(len(table[0])):
        for i in range(found, len(rows)):
            if rows[i][column] != 0:
                break
        else:
            continue  # nothing but zeros: on to the next column
        rows[found], rows[i] = rows[i], rows[found]
        for i in range(found + 1, len(rows)):
            times = rows[i][column] / rows[found][column]
            rows[i] = [x - times * y for x, y in zip(rows[i], rows[found])]
        found = found + 1
    return found


wanted = [[2, 2, 0], [2, 2, 0], [0, 0, 1]]  # cat, dog, mat
print("rank", rank(wanted))
one = scores([[1], [1], [0]], [[2], [2], [0]])
two = scores([[1, 0], [1, 0], [0, 1]], [[2, 0], [2, 0], [0, 1]])
print("one number ", one, "rank", rank(one))
print("two numbers", two, "rank", rank(two))
# %% check embedding.size_bounds_rank: Vectors of d numbers make a table of rank d at most.
@given(
    size=st.integers(1, 3),
    words=st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=4, max_size=4),
    contexts=st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=4, max_size=4),
)
def check(size, words, contexts):
    table = scores([w[:size] for w in words], [c[:size] for c in contexts])
    same(table[1][2], sum(x * y for x, y in zip(words[1][:size], contexts[2][:size])))
    same(rank(table) <= size, True)
# %% check embedding.size_bounds_rank: A table of k rows of steps, and mixtures of them, has rank k, in whatever order.
@given(
    k=st.integers(1, 3),
    steps=st.lists(st.integers(1, 3), min_size=3, max_size=3),
    mix=st.lists(st.integers(-2, 2), min_size=3, max_size=3),
    order=st.permutations(range(4)),
)
def check(k, steps, mix, order):
    rows = [[0] * i + [steps[i]] + [1] * (3 - i) for i in range(k)]
    mixture = [sum(m * row[j] for m, row in zip(mix, rows)) for j in range(4)]
    rows += [mixture] * (4 - k)
    same(rank([rows[i] for i in order]), k)
# %% broken not_zero embedding.size_bounds_rank: Every row that is not all zeros is counted.
def rank(table):
    return sum(any(row) for row in table)
# %% broken different_rows embedding.size_bounds_rank: Different rows are counted. Twice a row is no new one.
def rank(table):
    return len({tuple(row) for row in table if any(row)})
# %% broken squared embedding.size_bounds_rank: The scores are squared, which would make room for more.
def scores(words, contexts):
    return [[sum(x * y for x, y in zip(w, c)) ** 2 for c in contexts] for w in words]


def rank(table):
    rows, found = [[Fraction(x) for x in row] for row in table], 0
    for column in range(len(table[0])):
        at = [i for i in range(found, len(rows)) if rows[i][column] != 0]
        if at:
            rows[found], rows[at[0]] = rows[at[0]], rows[found]
            for i in range(found + 1, len(rows)):
                times = rows[i][column] / rows[found][column]
                rows[i] = [x - times * y for x, y in zip(rows[i], rows[found])]
            found += 1
    return found
