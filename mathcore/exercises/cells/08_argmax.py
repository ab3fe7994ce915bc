"""Argmax in one loop."""
# %% start
def argmax(scores):
    best = 0
    for i in range(len(scores)):
        if scores[i] > scores[best]:
            best = i
    return best


words = ["cat", "dog", "mat"]
logits = [0.0, -4.0, 3.0]
print(argmax(logits), words[argmax(logits)])
# %% check argmax.index_of_highest: The answer is where the highest score stands, the first of equals.
@given(scores=st.lists(st.integers(-5, 5), min_size=1, max_size=8))
def check(scores):
    same(argmax(scores), scores.index(max(scores)))
# %% check argmax.shift_and_scale_free: Adding a number to all scores, or multiplying by a positive one, keeps the answer.
@given(scores=st.lists(st.integers(-50, 50), min_size=1, max_size=6), times=st.integers(1, 9), plus=st.integers(-99, 99))
def check(scores, times, plus):
    same(argmax([times * x + plus for x in scores]), argmax(scores))
# %% check argmax.softmax_keeps_the_winner: The winner of the scores has the largest share of softmax, too.
import math


@given(scores=rows(-1000, 1000))
def check(scores):
    highest = max(scores)
    raised = [math.exp(x - highest) for x in scores]
    shares = [e / sum(raised) for e in raised]
    same(shares[argmax(scores)], max(shares))
# %% broken last_of_ties argmax.index_of_highest: Of equal scores the last one wins.
def argmax(scores):
    best = 0
    for i in range(len(scores)):
        if scores[i] >= scores[best]:
            best = i
    return best
# %% broken starts_at_zero argmax.index_of_highest: The highest so far begins at 0, which no negative score exceeds.
def argmax(scores):
    best, highest = 0, 0
    for i in range(len(scores)):
        if scores[i] > highest:
            best, highest = i, scores[i]
    return best
# %% broken by_size argmax.shift_and_scale_free: The score farthest from 0 wins, be it negative.
def argmax(scores):
    best = 0
    for i in range(len(scores)):
        if abs(scores[i]) > abs(scores[best]):
            best = i
    return best
# %% broken highest_score argmax.softmax_keeps_the_winner: The highest score itself is returned, not its place.
def argmax(scores):
    return int(max(scores))
