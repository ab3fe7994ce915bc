"""How the weights are pushed."""
# %% start
from fractions import Fraction


def pushed(weights, e, shares, came, rate):
    """The new weight vectors of all words, after the guess `shares`."""
    new = []
    for j, w in enumerate(weights):
        error = shares[j]  # complete: 1 less for the word that came
        new.append(list(w))  # complete: a step against error times e
    return new


half = Fraction(1, 2)
print(pushed([[1, -1], [-1, 1]], [1, 1], [half, half], 0, half))
# %% solution
def pushed(weights, e, shares, came, rate):
    """The new weight vectors of all words, after the guess `shares`."""
    new = []
    for j, w in enumerate(weights):
        error = shares[j] - (1 if j == came else 0)
        new.append([x - rate * error * y for x, y in zip(w, e)])
    return new
# %% check training.both_sides_learn: The weights of every word move along the word's vector, by rate times error.
@given(
    weights=st.lists(st.lists(st.integers(-3, 3), min_size=2, max_size=2), min_size=3, max_size=3),
    e=st.lists(st.integers(-3, 3), min_size=2, max_size=2),
    counts=st.lists(st.integers(1, 6), min_size=3, max_size=3),
    came=st.integers(0, 2),
    rate=st.fractions(min_value=0, max_value=1, max_denominator=8),
)
def check(weights, e, counts, came, rate):
    # In fractions, so that nothing is rounded.
    shares = [Fraction(n, sum(counts)) for n in counts]
    got = pushed([list(w) for w in weights], e, shares, came, rate)
    for j, w in enumerate(weights):
        error = shares[j] - (j == came)
        same(got[j], [w[k] - rate * error * e[k] for k in (0, 1)])
# %% check training.error_drives_update: All that is given to one is taken from others: the sum of all weights stays.
@given(
    weights=st.lists(st.lists(st.integers(-3, 3), min_size=2, max_size=2), min_size=3, max_size=3),
    e=st.lists(st.integers(-3, 3), min_size=2, max_size=2),
    counts=st.lists(st.integers(1, 6), min_size=3, max_size=3),
    came=st.integers(0, 2),
)
def check(weights, e, counts, came):
    shares = [Fraction(n, sum(counts)) for n in counts]
    got = pushed([list(w) for w in weights], e, shares, came, Fraction(1, 2))
    for k in (0, 1):
        same(sum(w[k] for w in got), sum(w[k] for w in weights))
# %% broken uphill training.both_sides_learn: The step is added.
def pushed(weights, e, shares, came, rate):
    errors = [p - (j == came) for j, p in enumerate(shares)]
    return [[x + rate * r * y for x, y in zip(w, e)] for r, w in zip(errors, weights)]
# %% broken answer_forgotten training.error_drives_update: The guess is taken for the error: nothing is subtracted.
def pushed(weights, e, shares, came, rate):
    return [[x - rate * p * y for x, y in zip(w, e)] for p, w in zip(shares, weights)]
