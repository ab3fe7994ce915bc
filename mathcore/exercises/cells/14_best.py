"""Which input is aligned best, whatever its length?"""
# %% start
import math


def score(x, w):
    return sum(a * b for a, b in zip(x, w))


def best_aligned(inputs, w):
    """The index of the input that points most nearly along w."""
    # Complete: the highest score is not what is asked for.
    scores = [score(x, w) for x in inputs]
    return scores.index(max(scores))


print(best_aligned([[10, 0], [3, 4], [-3, -4]], [3, 4]))
# %% solution
def best_aligned(inputs, w):
    """The index of the input that points most nearly along w."""
    # The length of w is the same for all of them: no need to divide by it.
    per_length = [score(x, w) / math.sqrt(score(x, x)) for x in inputs]
    return per_length.index(max(per_length))
# %% check linear.high_score_means_aligned: Among badly aligned inputs, the one along the pattern wins, long or short.
@given(w=st.lists(st.integers(-9, 9), min_size=2, max_size=2), factor=st.integers(1, 9), along=st.integers(1, 9), beside=st.integers(1, 9), place=st.integers(0, 2))
def check(w, factor, along, beside, place):
    assume(any(w))
    long = [along * w[0] - beside * w[1], along * w[1] + beside * w[0]]
    # Turned by 6 degrees at least, its cosine is below 0.994: no rounding makes that 1.
    inputs = [long, [3 * v for v in long]]
    inputs.insert(place, [factor * v for v in w])
    same(best_aligned(inputs, list(w)), place)
# %% check linear.high_score_means_aligned: Among inputs of one length, the highest score wins.
@given(numbers=st.lists(st.integers(-9, 9), min_size=3, max_size=3), orders=st.lists(st.permutations(range(3)), min_size=2, max_size=4), w=st.lists(st.integers(-9, 9), min_size=3, max_size=3))
def check(numbers, orders, w):
    inputs = [[numbers[i] for i in order] for order in orders]
    dots = [sum(a * b for a, b in zip(x, w)) for x in inputs]
    # Whole scores that differ are 1 apart, far more than rounding; of equals any may win.
    assume(any(numbers) and any(w) and dots.count(max(dots)) == 1)
    same(best_aligned(inputs, list(w)), dots.index(max(dots)))
# %% check linear.score_is_alignment: Making an input longer or shorter changes nothing, and opposite is the worst.
@given(w=st.lists(st.integers(-9, 9), min_size=2, max_size=2), factor=st.integers(2, 9))
def check(w, factor):
    assume(any(w))
    across = [-factor * w[1], factor * w[0]]
    same(best_aligned([[-factor * v for v in w], across, list(w)], list(w)), 2)
    same(best_aligned([[-factor * v for v in w], across], list(w)), 1)
# %% broken nearest linear.high_score_means_aligned: Takes the input at the smallest distance.
def best_aligned(inputs, w):
    gaps = [sum((a - b) ** 2 for a, b in zip(x, w)) for x in inputs]
    return gaps.index(min(gaps))
# %% broken squared_length linear.high_score_means_aligned: Divides by the square of the length: short inputs win.
def best_aligned(inputs, w):
    per_length = [score(x, w) / score(x, x) for x in inputs]
    return per_length.index(max(per_length))
# %% broken opposite_counts linear.score_is_alignment: Takes the size of the cosine, so that opposite is as good.
def best_aligned(inputs, w):
    sizes = [
        abs(sum(a * b for a, b in zip(x, w)))
        / math.sqrt(sum(a * a for a in x))
        for x in inputs
    ]
    return sizes.index(max(sizes))
