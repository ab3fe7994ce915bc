"""The word that is most alike."""
# %% start
import math


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def nearest(word, vectors):
    """The other word whose vector has the highest cosine with it."""
    best, highest = None, -2.0  # below every cosine
    for other in vectors:
        pass  # complete: skip the word itself, and keep the best
    return best


vectors = {
    "pear": [0, 0.25, 1],
    "apple": [0, 0.5, 1],
    "dog": [1, 0.75, 0],
    "elephant": [2, 4, 0],
}
for word in vectors:
    print(word, nearest(word, vectors))
# %% solution
def nearest(word, vectors):
    """The other word whose vector has the highest cosine with it."""
    best, highest = None, -2.0
    for other in vectors:
        a, b = vectors[word], vectors[other]
        cosine = dot(a, b) / math.sqrt(dot(a, a) * dot(b, b))
        if other != word and cosine > highest:
            best, highest = other, cosine
    return best
# %% check embedding.features_order_similarity: Of words that share nothing and one that does, it is the one that does.
@given(
    word=st.lists(st.integers(1, 9), min_size=2, max_size=2),
    friend=st.lists(st.integers(1, 9), min_size=2, max_size=2),
    strangers=st.lists(st.lists(st.integers(1, 9), min_size=2, max_size=2), min_size=1, max_size=3),
)
def check(word, friend, strangers):
    vectors = {f"stranger {i}": [*s, 0, 0] for i, s in enumerate(strangers)}
    vectors = {"word": [0, 0, *word], **vectors, "friend": [0, 0, *friend]}
    same(nearest("word", vectors), "friend")
    same(nearest("friend", vectors), "word")
# %% check embedding.cosine_in_range: It stays the same if one of the vectors is made 2, 4 or 8 times as long.
@given(
    rows=st.lists(st.lists(st.integers(-9, 9), min_size=2, max_size=2).filter(any), min_size=3, max_size=4),
    longer=st.integers(0, 3),
    times=st.sampled_from([2, 4, 8]),
)
def check(rows, longer, times):
    # A power of two is exact in every step of a cosine, its root included: no digit changes.
    assume(longer < len(rows))
    vectors = dict(zip("abcd", rows))
    other = {w: [times * x for x in v] if w == "abcd"[longer] else v for w, v in vectors.items()}
    same(nearest("a", other), nearest("a", vectors))
# %% broken by_dot embedding.cosine_in_range: The dot product decides: long vectors are near to everybody.
def nearest(word, vectors):
    others = [w for w in vectors if w != word]
    return max(others, key=lambda w: dot(vectors[w], vectors[word]))
# %% broken by_distance embedding.cosine_in_range: The shortest way between two ends decides, whatever the direction.
def nearest(word, vectors):
    def square(w):
        return sum((x - y) ** 2 for x, y in zip(vectors[w], vectors[word]))

    return min((w for w in vectors if w != word), key=square)
# %% broken itself embedding.features_order_similarity: Nothing is more like a word than the word.
def nearest(word, vectors):
    a = vectors[word]
    return max(vectors, key=lambda w: dot(a, vectors[w]) / math.sqrt(dot(vectors[w], vectors[w])))
