"""How far dot products spread: over all vectors of signs."""
# %% start
import math


def dot(q, k):
    return sum(a * b for a, b in zip(q, k))


def scaled(q, k):
    return dot(q, k) / math.sqrt(len(q))


def variance(numbers):
    """The mean square of the distances from the mean."""
    mean = sum(numbers) / len(numbers)
    return sum((x - mean) ** 2 for x in numbers) / len(numbers)


def signs(d):
    """Every vector of d numbers that are 1 or -1."""
    if d == 0:
        return [[]]
    return [[s] + rest for s in (1, -1) for rest in signs(d - 1)]


for d in (1, 2, 3, 4):
    pairs = [(q, k) for q in signs(d) for k in signs(d)]
    bare = variance([dot(q, k) for q, k in pairs])
    divided = variance([scaled(q, k) for q, k in pairs])
    print(d, bare, round(divided, 10))
# %% check scaling.variance_is_d: Over all signs the dot product has the variance d; entries a times as large make it a⁴d.
@given(d=st.integers(1, 3), a=st.integers(1, 4))
def check(d, a):
    vectors = [[a * s for s in v] for v in signs(d)]
    same(variance([dot(q, k) for q in vectors for k in vectors]), a**4 * d)
# %% check scaling.variance_is_d: Divided by √d, it has the variance 1.
@given(d=st.integers(1, 3))
def check(d):
    # Each score is off by two roundings, of at most √3, and there are 64: squares and their mean by 64 + 8 more.
    same(variance([scaled(q, k) for q in signs(d) for k in signs(d)]), 1.0, within=3 * 80 * UNIT)
# %% check scaling.variance_is_d: If all entries are copies of one, the variance is d², and √d is not enough.
@given(d=st.integers(1, 9))
def check(d):
    copies = [[s] * d for s in (1, -1)]
    same(variance([dot(q, k) for q in copies for k in copies]), d * d)
# %% broken mean_for_sum scaling.variance_is_d: The products are averaged, not added up.
def dot(q, k):
    return sum(a * b for a, b in zip(q, k)) / len(q)


def scaled(q, k):
    return dot(q, k) * math.sqrt(len(q))
# %% broken divided_by_d scaling.variance_is_d: Divided by d, not by its root.
def scaled(q, k):
    return dot(q, k) / len(q)
# %% broken not_squared scaling.variance_is_d: The variance adds up distances, not their squares.
def variance(numbers):
    mean = sum(numbers) / len(numbers)
    return sum(abs(x - mean) for x in numbers) / len(numbers)
