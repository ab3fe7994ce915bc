"""Two words compared: dot product and cosine."""
# %% start
import math


def dot(a, b):
    total = 0
    for x, y in zip(a, b):
        total = total + x * y
    return total


def cosine(a, b):
    lengths = math.sqrt(dot(a, a)) * math.sqrt(dot(b, b))
    return dot(a, b) / lengths


pear, apple, dog = [0, 0.25, 1], [0, 0.5, 1], [1, 0.75, 0]
print("pear, apple", dot(pear, apple), round(cosine(pear, apple), 2))
print("pear, dog  ", dot(pear, dog), round(cosine(pear, dog), 2))
# %% check embedding.same_dot_product: It does not matter which word comes first, and a word twice as long scores twice as much.
@given(words=st.lists(st.lists(st.integers(-9, 9), min_size=3, max_size=3), min_size=3, max_size=3))
def check(words):
    a, b, c = words
    same(dot(a, b), dot(b, a))
    same(dot([2 * x + y for x, y in zip(a, c)], b), 2 * dot(a, b) + dot(c, b))
    same(dot(a, [0, 0, 1]), a[2])
# %% check embedding.features_order_similarity: Of features from 0 up, a shared one scores higher than none.
@given(
    word=st.lists(st.integers(1, 9), min_size=2, max_size=2),
    other=st.lists(st.integers(0, 9), min_size=4, max_size=4),
    stranger=st.lists(st.integers(1, 9), min_size=2, max_size=2),
)
def check(word, other, stranger):
    assume(other[2] or other[3])
    word, stranger = [0, 0, *word], [*stranger, 0, 0]
    same(dot(word, stranger), 0)
    same(dot(word, other) > 0, True)
# %% check embedding.cosine_in_range: A cosine is 1 for the same direction, −1 for the opposite one, and never beyond.
@given(
    a=st.lists(st.integers(-9, 9), min_size=3, max_size=3),
    b=st.lists(st.integers(-9, 9), min_size=3, max_size=3),
    factor=st.integers(1, 9),
)
def check(a, b, factor):
    assume(any(a) and any(b))
    # Sums of whole numbers are exact. Two roots, their product and the division are four roundings, and a little.
    allowed = 5 * UNIT
    same(cosine(a, [factor * x for x in a]), 1, within=allowed)
    same(cosine(a, [-factor * x for x in a]), -1, within=allowed)
    same(cosine(a, [factor * x for x in b]), cosine(a, b), within=2 * allowed)
    same(abs(cosine(a, b)) <= 1 + allowed, True)
# %% broken distance embedding.same_dot_product: How far apart the words are, in place of how well they agree.
def dot(a, b):
    return sum(abs(x - y) for x, y in zip(a, b))


def cosine(a, b):
    return dot(a, b) / (math.sqrt(dot(a, a)) * math.sqrt(dot(b, b)))
# %% broken signs_lost embedding.same_dot_product: The signs of the products are taken off.
def dot(a, b):
    return sum(abs(x * y) for x, y in zip(a, b))


def cosine(a, b):
    return dot(a, b) / (math.sqrt(dot(a, a)) * math.sqrt(dot(b, b)))
# %% broken last_left_out embedding.features_order_similarity: The loop ends one number too early.
def dot(a, b):
    total = 0
    for k in range(len(a) - 1):
        total = total + a[k] * b[k]
    return total


def cosine(a, b):
    return dot(a, b) / (math.sqrt(dot(a, a)) * math.sqrt(dot(b, b)))
# %% broken one_length embedding.cosine_in_range: Divided by the length of the first word alone.
def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def cosine(a, b):
    return dot(a, b) / math.sqrt(dot(a, a))
# %% broken no_roots embedding.cosine_in_range: The roots of the lengths are forgotten.
def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def cosine(a, b):
    return dot(a, b) / (dot(a, a) * dot(b, b))
