"""Shares that look back only."""
# %% start
import math


def softmax(scores):
    highest = max(scores)
    raised = [math.exp(x - highest) for x in scores]
    total = sum(raised)
    return [e / total for e in raised]


def looks_back(queries, keys):
    """Row i: the share of each word for word i; 0 for later ones."""
    table = []
    for i, q in enumerate(queries):
        # Complete: word i may see the words 0 to i, and no other.
        scores = [sum(a * b for a, b in zip(q, k)) for k in keys]
        table.append(softmax([s / math.sqrt(len(q)) for s in scores]))
    return table


for row in looks_back([[1], [2], [0]], [[1], [0], [1]]):
    print([round(p, 2) for p in row])
# %% solution
def looks_back(queries, keys):
    """Row i: the share of each word for word i; 0 for later ones."""
    table = []
    for i, q in enumerate(queries):
        seen = keys[: i + 1]
        scores = [sum(a * b for a, b in zip(q, k)) for k in seen]
        shares = softmax([s / math.sqrt(len(q)) for s in scores])
        table.append(shares + [0.0] * (len(keys) - i - 1))
    return table
# %% check attention.mask_excludes: A later word has the share 0, not a tiny one.
@given(words=st.integers(1, 5).flatmap(lambda n: st.tuples(matrices(n, 2, -3, 3), matrices(n, 2, -3, 3))))
def check(words):
    table = looks_back(*words)
    later = [share for i, row in enumerate(table) for share in row[i + 1 :]]
    same(later, [0.0 for _ in later])
# %% check attention.weights_are_distributions: The shares of each word make 1.
@given(words=st.integers(1, 5).flatmap(lambda n: st.tuples(matrices(n, 2, -3, 3), matrices(n, 2, -3, 3))))
def check(words):
    table = looks_back(*words)
    # One unit for each addition of the total, of this sum, and for the divisions. Scores are below 13, and a softmax by
    # logarithms rounds the logarithm of a total of that size, and a difference from it: 13 units each.
    same([sum(row) for row in table], [1.0 for _ in table], within=(2 * 6 + 26) * UNIT)
# %% check attention.causal_sees_no_future: Whatever the last word is, the rows of the words before it stay the same.
@given(
    words=st.integers(2, 5).flatmap(lambda n: st.tuples(matrices(n, 2, -3, 3), matrices(n, 2, -3, 3))),
    other=rows(-3, 3, least=2, most=2),
)
def check(words, other):
    queries, keys = words
    same(looks_back(queries, [*keys[:-1], other])[:-1], looks_back(queries, keys)[:-1])
# %% check attention.decode_equals_prefill: Reading one word at a time gives the rows that reading all at once gives.
@given(words=st.integers(1, 5).flatmap(lambda n: st.tuples(matrices(n, 2, -3, 3), matrices(n, 2, -3, 3))))
def check(words):
    queries, keys = words
    for i, row in enumerate(looks_back(queries, keys)):
        scores = [sum(a * b for a, b in zip(queries[i], k)) / math.sqrt(2) for k in keys[: i + 1]]
        # The same numbers, but perhaps scaled or added in another order: gaps are at most 51, so that rounding them
        # moves a power of e by 300 units at most.
        same(row[: i + 1], softmax(scores), within=1000 * UNIT)
# %% broken a_large_number_less attention.mask_excludes: 9 is taken from the scores of later words, instead of leaving them out.
def softmax(scores):
    raised = [math.exp(x - max(scores)) for x in scores]
    return [e / sum(raised) for e in raised]


def looks_back(queries, keys):
    table = []
    for i, q in enumerate(queries):
        root = math.sqrt(len(q))
        scores = [sum(a * b for a, b in zip(q, k)) / root for k in keys]
        table.append(
            softmax([s if j <= i else s - 9 for j, s in enumerate(scores)])
        )
    return table
# %% broken too_late attention.weights_are_distributions: The shares of later words are set to 0 after softmax.
def softmax(scores):
    raised = [math.exp(x - max(scores)) for x in scores]
    return [e / sum(raised) for e in raised]


def looks_back(queries, keys):
    table = []
    for i, q in enumerate(queries):
        root = math.sqrt(len(q))
        scores = [sum(a * b for a, b in zip(q, k)) / root for k in keys]
        shares = softmax(scores)
        table.append([p if j <= i else 0.0 for j, p in enumerate(shares)])
    return table
# %% broken one_too_far attention.causal_sees_no_future: Each word also sees the one after it.
def softmax(scores):
    raised = [math.exp(x - max(scores)) for x in scores]
    return [e / sum(raised) for e in raised]


def looks_back(queries, keys):
    table = []
    for i, q in enumerate(queries):
        seen = keys[: i + 2]
        root = math.sqrt(len(q))
        scores = [sum(a * b for a, b in zip(q, k)) / root for k in seen]
        shares = softmax(scores)
        table.append(shares + [0.0] * (len(keys) - len(seen)))
    return table
# %% broken not_itself attention.decode_equals_prefill: A word does not see itself, but for the first.
def softmax(scores):
    raised = [math.exp(x - max(scores)) for x in scores]
    return [e / sum(raised) for e in raised]


def looks_back(queries, keys):
    table = []
    for i, q in enumerate(queries):
        seen = keys[: max(i, 1)]
        root = math.sqrt(len(q))
        scores = [sum(a * b for a, b in zip(q, k)) / root for k in seen]
        shares = softmax(scores)
        table.append(shares + [0.0] * (len(keys) - len(seen)))
    return table
