"""Several heads: side by side, then mixed."""
# %% start
import math


def softmax(scores):
    highest = max(scores)
    raised = [math.exp(x - highest) for x in scores]
    total = sum(raised)
    return [e / total for e in raised]


def through(x, matrix):
    """The row x times the matrix."""
    return [sum(a * b for a, b in zip(x, c)) for c in zip(*matrix)]


def one_head(words, WQ, WK, WV):
    """What each word takes in through this head."""
    queries = [through(x, WQ) for x in words]
    keys = [through(x, WK) for x in words]
    values = [through(x, WV) for x in words]
    out = []
    for q in queries:
        scores = [sum(a * b for a, b in zip(q, k)) for k in keys]
        shares = softmax([s / math.sqrt(len(q)) for s in scores])
        out.append(through(shares, values))
    return out


def multi_head(words, heads, WO):
    """Each head by itself, side by side, through one more matrix."""
    results = [one_head(words, *head) for head in heads]
    out = []
    for of_word in zip(*results):
        side_by_side = [number for part in of_word for number in part]
        out.append(through(side_by_side, WO))
    return out


words = [[1, 0, 2], [0, 1, -1]]
one = [[1], [0], [0]], [[0], [3], [0]], [[0], [0], [1]]
two = [[0], [1], [0]], [[3], [0], [0]], [[0], [0], [1]]
for row in multi_head(words, [one, two], [[1, 0], [0, 1]]):
    print([round(number, 2) for number in row])
# %% check heads.equal_a_loop: Mixed by a matrix that changes nothing, each head's result stands in its own place.
@given(
    words=st.lists(st.lists(st.integers(-2, 2), min_size=2, max_size=2), min_size=1, max_size=3),
    numbers=st.lists(st.integers(-2, 2), min_size=12, max_size=12),
)
def check(words, numbers):
    column = lambda i: [[numbers[i]], [numbers[i + 1]]]
    one, two = [column(0), column(2), column(4)], [column(6), column(8), column(10)]
    got = multi_head(words, [one, two], [[1, 0], [0, 1]])
    alone = zip(one_head(words, *one), one_head(words, *two))
    # 1 times a number and 0 times another, added: nothing is rounded.
    same(got, [[*a, *b] for a, b in alone])
# %% check heads.are_independent: A head whose rows of the last matrix are 0 has no say, whatever its matrices are.
@given(
    words=st.lists(st.lists(st.integers(-2, 2), min_size=2, max_size=2), min_size=1, max_size=3),
    numbers=st.lists(st.integers(-2, 2), min_size=18, max_size=18),
    mix=st.lists(st.integers(-2, 2), min_size=2, max_size=2),
)
def check(words, numbers, mix):
    column = lambda i: [[numbers[i]], [numbers[i + 1]]]
    one, two, other = ([column(i), column(i + 2), column(i + 4)] for i in (0, 6, 12))
    WO = [mix, [0, 0]]
    same(multi_head(words, [one, two], WO), multi_head(words, [one, other], WO))
# %% check heads.projection_generalises_slicing: Matrices that pick coordinates give attention on slices of the words.
@given(words=st.lists(st.lists(st.integers(-3, 3), min_size=2, max_size=2), min_size=1, max_size=3))
def check(words):
    first, second = [[1], [0]], [[0], [1]]
    got = multi_head(words, [[first] * 3, [second] * 3], [[1, 0], [0, 1]])
    slices = ([[x[i]] for x in words] for i in (0, 1))
    cut = [one_head(part, [[1]], [[1]], [[1]]) for part in slices]
    same(got, [[*a, *b] for a, b in zip(*cut)])
# %% broken averaged heads.equal_a_loop: The heads are averaged, not laid side by side.
def softmax(scores):
    raised = [math.exp(x - max(scores)) for x in scores]
    return [e / sum(raised) for e in raised]


def one_head(words, WQ, WK, WV):
    queries = [through(x, WQ) for x in words]
    keys = [through(x, WK) for x in words]
    values = [through(x, WV) for x in words]
    out = []
    for q in queries:
        scores = [sum(a * b for a, b in zip(q, k)) for k in keys]
        out.append(through(softmax(scores), values))
    return out


def multi_head(words, heads, WO):
    results = [one_head(words, *head) for head in heads]
    out = []
    for of_word in zip(*results):
        mean = [sum(part) / len(heads) for part in zip(*of_word)]
        out.append(through(mean * len(heads), WO))
    return out
# %% broken shares_of_the_first heads.projection_generalises_slicing: All heads see through the first one's query and key.
def softmax(scores):
    raised = [math.exp(x - max(scores)) for x in scores]
    return [e / sum(raised) for e in raised]


def one_head(words, WQ, WK, WV):
    queries = [through(x, WQ) for x in words]
    keys = [through(x, WK) for x in words]
    values = [through(x, WV) for x in words]
    out = []
    for q in queries:
        scores = [sum(a * b for a, b in zip(q, k)) for k in keys]
        out.append(through(softmax(scores), values))
    return out


def multi_head(words, heads, WO):
    WQ, WK, _ = heads[0]
    results = [one_head(words, WQ, WK, WV) for _, _, WV in heads]
    return [through(sum(parts, []), WO) for parts in zip(*results)]
# %% broken order_lost heads.are_independent: Word by word instead of head by head: the results stand in wrong places.
def softmax(scores):
    raised = [math.exp(x - max(scores)) for x in scores]
    return [e / sum(raised) for e in raised]


def one_head(words, WQ, WK, WV):
    queries = [through(x, WQ) for x in words]
    keys = [through(x, WK) for x in words]
    values = [through(x, WV) for x in words]
    out = []
    for q in queries:
        scores = [sum(a * b for a, b in zip(q, k)) for k in keys]
        out.append(through(softmax(scores), values))
    return out


def multi_head(words, heads, WO):
    flat = [n for h in heads for row in one_head(words, *h) for n in row]
    width = len(WO)
    rows = [flat[i : i + width] for i in range(0, len(flat), width)]
    return [through(row, WO) for row in rows]
