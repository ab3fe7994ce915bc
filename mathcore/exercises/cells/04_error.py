"""The error of a guess: what was guessed, minus what came."""
# %% start
import math


def error(scores, came):
    highest = max(scores)
    raised = [math.exp(s - highest) for s in scores]
    total = sum(raised)
    out = [r / total for r in raised]
    out[came] = out[came] - 1
    return out


print([round(r, 2) for r in error([0, 0, 0, 0], 0)])
print([round(r, 2) for r in error([3, 0, 0, 0], 0)])
# %% check training.error_drives_update: The errors add up to 0, and their sizes to twice what was missing from 1.
@given(scores=rows(-50, 50, least=2), came=st.integers(0, 5))
def check(scores, came):
    assume(came < len(scores))
    errors = error(scores, came)
    others = sum(r for j, r in enumerate(errors) if j != came)
    # A unit for each addition of the total and of this sum, for the divisions, and for taking off the 1.
    allowed = (3 * len(scores) + 3) * UNIT
    same(sum(errors), 0.0, within=allowed)
    same(sum(abs(r) for r in errors), 2 * others, within=allowed)
    same([r >= 0 for j, r in enumerate(errors) if j != came], [True] * (len(scores) - 1))
# %% check gradient.cross_entropy: The error is how fast the loss −ln p changes with each score.
@given(scores=st.lists(st.integers(-8, 8), min_size=2, max_size=5), came=st.integers(0, 4), k=st.integers(0, 4))
def check(scores, came, k):
    assume(came < len(scores) and k < len(scores))
    h = 2.0**-10

    def loss(nudge):
        moved = [s + nudge * (j == k) for j, s in enumerate(scores)]
        top = max(moved)
        return math.log(sum(math.exp(s - top) for s in moved)) + top - moved[came]

    # One score moves, at speed 1: the third derivative is √3/18 at most. A loss is 18 at most, with some 20 roundings.
    allowed = 3**0.5 / 18 * h * h / 6 + 2 * 20 * 18 * UNIT / h
    same(error(scores, came)[k], (loss(h) - loss(-h)) / (2 * h), within=allowed)
# %% broken answer_alone training.error_drives_update: Only the word that came has an error.
def error(scores, came):
    raised = [math.exp(s - max(scores)) for s in scores]
    out = [0.0] * len(scores)
    out[came] = raised[came] / sum(raised) - 1
    return out
# %% broken right_or_wrong training.error_drives_update: 1 off or 0 off: how sure the guess was is not looked at.
def error(scores, came):
    guess = scores.index(max(scores))
    return [(j == guess) - (j == came) * 0.5 for j in range(len(scores))]
# %% broken turned_round gradient.cross_entropy: What came, minus what was guessed.
def error(scores, came):
    raised = [math.exp(s - max(scores)) for s in scores]
    return [(j == came) - r / sum(raised) for j, r in enumerate(raised)]
# %% broken halved gradient.cross_entropy: Half of the error. It adds up to 0 all the same.
def error(scores, came):
    raised = [math.exp(s - max(scores)) for s in scores]
    return [(r / sum(raised) - (j == came)) / 2 for j, r in enumerate(raised)]
