"""Self-attention: queries, keys and values of the same words."""
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


def looks(words, WQ, WK):
    """Row i: how much word i takes from each word."""
    queries = [through(x, WQ) for x in words]
    keys = [through(x, WK) for x in words]
    table = []
    for q in queries:
        scores = [sum(a * b for a, b in zip(q, k)) for k in keys]
        table.append(softmax([s / math.sqrt(len(q)) for s in scores]))
    return table


def self_attention(words, WQ, WK, WV):
    values = [through(x, WV) for x in words]
    return [through(shares, values) for shares in looks(words, WQ, WK)]


words = [[0, 1], [2, 0], [1, 1]]
WQ, WK, WV = [[0, 1], [1, 0]], [[1, 0], [0, 1]], [[1, 2], [0, 1]]
for row in looks(words, WQ, WK):
    print([round(p, 2) for p in row])
print([round(v, 2) for v in self_attention(words, WQ, WK, WV)[0]])
# %% check attention.order_blind_without_position: Shuffle the words, and the outputs are shuffled, nothing else.
@given(
    shuffled=st.lists(st.lists(st.integers(-2, 2), min_size=2, max_size=2), min_size=1, max_size=4).flatmap(
        lambda words: st.tuples(st.just(words), st.permutations(range(len(words))))
    ),
    three=st.lists(
        st.lists(st.lists(st.integers(-2, 2), min_size=2, max_size=2), min_size=2, max_size=2),
        min_size=3,
        max_size=3,
    ),
)
def check(shuffled, three):
    words, order = shuffled
    out = self_attention(words, *three)
    # Scores of whole numbers agree to the bit. Then each total and each mix is added up in another order: 4n + 8
    # units, of values that are at most 8.
    after = self_attention([words[i] for i in order], *three)
    same(after, [out[i] for i in order], within=8 * (4 * len(words) + 8) * UNIT)
# %% check attention.weights_depend_on_the_sentence: Another word in the sentence, and other shares.
@given(
    word=st.lists(st.integers(-2, 2), min_size=2, max_size=2).filter(any),
    other=st.lists(st.integers(-2, 2), min_size=2, max_size=2),
)
def check(word, other):
    keep = [[1, 0], [0, 1]]
    changed = [o + w for o, w in zip(other, word)]  # its score rises by the square of the word's length
    # The word that looks comes last, so that it sees the other one even if it looks back only.
    differ(looks([other, word], keep, keep)[1], looks([changed, word], keep, keep)[1])
# %% broken only_back attention.order_blind_without_position: Each word sees only itself and the words before it.
def looks(words, WQ, WK):
    keys = [through(x, WK) for x in words]
    table = []
    for i, x in enumerate(words):
        q = through(x, WQ)
        scores = [sum(a * b for a, b in zip(q, k)) for k in keys]
        raised = [math.exp(s / math.sqrt(len(q))) for s in scores[: i + 1]]
        later = [0.0] * (len(words) - i - 1)
        table.append([e / sum(raised) for e in raised] + later)
    return table
# %% broken nearest_first attention.order_blind_without_position: The share falls with the distance of the words.
def looks(words, WQ, WK):
    table = []
    for i in range(len(words)):
        near = [0.5 ** abs(i - j) for j in range(len(words))]
        table.append([share / sum(near) for share in near])
    return table
# %% broken the_same_for_all attention.weights_depend_on_the_sentence: Every word takes the same from each: a fixed matrix.
def looks(words, WQ, WK):
    return [[1 / len(words)] * len(words) for _ in words]
