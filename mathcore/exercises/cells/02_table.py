"""A word looked up in a table, in two ways."""
# %% start
def lookup(table, i):
    """Row number i, counted from 0."""
    if not 0 <= i < len(table):
        raise IndexError(f"no word has the id {i}")
    return table[i]


def one_hot(i, n):
    """n numbers: 1 at place i, 0 elsewhere."""
    return [1 if j == i else 0 for j in range(n)]


def times(row, table):
    """Each number of the row times its row of the table, added up."""
    out = [0] * len(table[0])
    for factor, entries in zip(row, table):
        for k, entry in enumerate(entries):
            out[k] = out[k] + factor * entry
    return out


table = [[0, 0.25, 1], [0, 0.5, 1], [1, 0.75, 0]]  # pear, apple, dog
print(lookup(table, 1))
print(one_hot(1, 3), times(one_hot(1, 3), table))
# %% check embedding.lookup_is_matmul: Looking a word up is the product of a one-hot vector with the table.
@given(
    table=st.lists(st.lists(st.integers(-9, 9), min_size=2, max_size=2), min_size=1, max_size=5),
    i=st.integers(0, 4),
)
def check(table, i):
    assume(i < len(table))
    same(lookup(table, i), table[i])
    same(times(one_hot(i, len(table)), table), lookup(table, i))
# %% check one_hot.one_at_the_id: A one-hot vector is 1 at the id and 0 at every other place.
@given(i=st.integers(0, 6), more=st.integers(1, 4))
def check(i, more):
    same(one_hot(i, i + more), [0] * i + [1] + [0] * (more - 1))
# %% check embedding.refuses_bad_ids: An id that no word has is refused by an IndexError.
@given(
    table=st.lists(st.lists(st.integers(-9, 9), min_size=2, max_size=2), min_size=1, max_size=4),
    i=st.integers(-9, 9),
)
def check(table, i):
    assume(not 0 <= i < len(table))
    try:
        got = lookup(table, i)
    except IndexError:
        got = "IndexError"
    same(got, "IndexError")
# %% broken from_one embedding.lookup_is_matmul: The words are counted from 1.
def lookup(table, i):
    if not 1 <= i <= len(table):
        raise IndexError(f"no word has the id {i}")
    return table[i - 1]


def times(row, table):
    return [sum(f * line[k] for f, line in zip(row, table)) for k in range(len(table[0]))]
# %% broken columns embedding.lookup_is_matmul: The product adds up along the rows of the table.
def times(row, table):
    return [sum(f * x for f, x in zip(row, line)) for line in table]
# %% broken up_to_the_id one_hot.one_at_the_id: All places up to the id are 1.
def one_hot(i, n):
    return [1 if j <= i else 0 for j in range(n)]


def times(row, table):
    return [sum(f * line[k] for f, line in zip(row, table)) for k in range(len(table[0]))]
# %% broken from_the_end embedding.refuses_bad_ids: Python reads −1 as "the last one", and nobody notices.
def lookup(table, i):
    return table[i]


def times(row, table):
    return [sum(f * line[k] for f, line in zip(row, table)) for k in range(len(table[0]))]
