"""Score and cosine: with the lengths, and without."""
# %% start
import math


def score(x, w):
    total = 0
    for a, b in zip(x, w):
        total = total + a * b
    return total


def cosine(x, w):
    """How well x is aligned with w, whatever their lengths."""
    lengths = math.sqrt(score(x, x)) * math.sqrt(score(w, w))
    return score(x, w) / lengths


w = [3, 4]
for x in ([3, 4], [5, 0], [10, 0], [-4, 3]):
    print(x, "score", score(x, w), "cosine", round(cosine(x, w), 2))
# %% check linear.score_is_alignment: The score is the length of x times the length of w times the cosine.
@given(x=st.lists(st.integers(-9, 9), min_size=3, max_size=3), w=st.lists(st.integers(-9, 9), min_size=3, max_size=3))
def check(x, w):
    assume(any(x) and any(w))
    xx, ww, gap = (sum(v * v for v in side) for side in (x, w, [a - b for a, b in zip(x, w)]))
    # By the law of cosines, in whole numbers: the square of the third side knows the angle, too.
    same(score(x, w), (xx + ww - gap) / 2)
    # Three roundings in the lengths, one in the quotient, and three on this side; the product is 243 at most.
    same(math.sqrt(xx) * math.sqrt(ww) * cosine(x, w), (xx + ww - gap) / 2, within=8 * UNIT * 243)
# %% check linear.high_score_means_aligned: Among inputs of one length, the higher score and the higher cosine go together.
@given(numbers=st.lists(st.integers(-9, 9), min_size=3, max_size=3), order=st.permutations(range(3)), w=st.lists(st.integers(-9, 9), min_size=3, max_size=3))
def check(numbers, order, w):
    x, y = numbers, [-numbers[i] for i in order]
    dots = [sum(a * b for a, b in zip(side, w)) for side in (x, y)]
    # Scores that differ do so by 1 at least, and then the cosines by 1/243, far beyond rounding.
    assume(any(w) and dots[0] != dots[1])
    same([score(x, w) > score(y, w), cosine(x, w) > cosine(y, w)], [dots[0] > dots[1]] * 2)
# %% check linear.high_score_means_aligned: A long input beats the pattern itself by its score, and never by its cosine.
@given(w=st.lists(st.integers(-9, 9), min_size=2, max_size=2), beside=st.integers(1, 3))
def check(w, beside):
    assume(any(w))
    long = [2 * w[0] - beside * w[1], 2 * w[1] + beside * w[0]]
    # Its cosine is 2 / √(4 + beside²), below 0.9.
    same([score(long, w) > score(w, w), cosine(long, w) < cosine(w, w)], [True, True])
# %% broken one_length linear.score_is_alignment: Divides by the length of w alone.
def score(x, w):
    return sum(a * b for a, b in zip(x, w))


def cosine(x, w):
    return score(x, w) / math.sqrt(score(w, w))
# %% broken sign_lost linear.score_is_alignment: Takes the size of the score, so that opposite counts as aligned.
def score(x, w):
    return abs(sum(a * b for a, b in zip(x, w)))


def cosine(x, w):
    return score(x, w) / math.sqrt(score(x, x) * score(w, w))
# %% broken score_for_cosine linear.high_score_means_aligned: Believes that a high score means good alignment.
def score(x, w):
    return sum(a * b for a, b in zip(x, w))


def cosine(x, w):
    return score(x, w)
# %% broken mean_taken_off linear.high_score_means_aligned: Computes the correlation of statistics instead.
def score(x, w):
    x, w = ([v - sum(side) / len(side) for v in side] for side in (x, w))
    return sum(a * b for a, b in zip(x, w))


def cosine(x, w):
    return score(x, w) / math.sqrt(max(score(x, x) * score(w, w), 1e-9))
