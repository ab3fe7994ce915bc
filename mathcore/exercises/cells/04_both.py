"""One step of both sides: the word's vector and all weight vectors."""
# %% start
import math


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def step(vectors, weights, word, came, rate):
    """What the vectors and the weights are after one step."""
    e = vectors[word]
    raised = [math.exp(dot(e, w)) for w in weights]
    errors = [r / sum(raised) for r in raised]
    errors[came] -= 1

    new_e = list(e)
    new_weights = []
    for r, w in zip(errors, weights):
        for k in range(len(e)):
            new_e[k] -= rate * r * w[k]
        new_weights.append([x - rate * r * y for x, y in zip(w, e)])

    new_vectors = list(vectors)
    new_vectors[word] = new_e
    return new_vectors, new_weights


vectors = [[1, 1], [0.5, 2]]  # "the", "a"
weights = [[1, -1], [-1, 1]]  # "cat", "dog"
for _ in range(3):
    for row in vectors[0], weights[0]:
        print([round(x, 2) for x in row], end=" ")
    print("score of cat", round(dot(vectors[0], weights[0]), 2))
    vectors, weights = step(vectors, weights, 0, 0, 0.5)
# %% check training.both_sides_learn: Both sides move in one step, and the vectors of other words stay what they were.
@given(
    vectors=st.lists(st.lists(st.integers(1, 3), min_size=2, max_size=2), min_size=3, max_size=3),
    weights=st.lists(st.lists(st.integers(-2, 2), min_size=2, max_size=2), min_size=3, max_size=3),
    word=st.integers(0, 2),
)
def check(vectors, weights, word):
    new, moved = step([list(v) for v in vectors], [list(w) for w in weights], word, 0, 0.25)
    same([new[i] for i in range(3) if i != word], [vectors[i] for i in range(3) if i != word])
    for j in range(3):
        differ(moved[j], weights[j])
# %% check training.error_drives_update: What the weights of the right word gain, those of the others lose.
@given(
    vectors=st.lists(st.lists(st.integers(-3, 3), min_size=2, max_size=2), min_size=2, max_size=2),
    weights=st.lists(st.lists(st.integers(-2, 2), min_size=2, max_size=2), min_size=3, max_size=3),
)
def check(vectors, weights):
    _, moved = step([list(v) for v in vectors], [list(w) for w in weights], 0, 0, 0.25)
    # All numbers are below 4; some ten roundings for each of three words.
    for k in (0, 1):
        same(sum(w[k] for w in moved), sum(w[k] for w in weights), within=30 * 4 * UNIT)
# %% check training.step_aligns: The dot product of the word with what came changes as the formula says.
@given(
    vectors=st.lists(st.lists(st.integers(-3, 3), min_size=2, max_size=2), min_size=2, max_size=2),
    weights=st.lists(st.lists(st.integers(-2, 2), min_size=2, max_size=2), min_size=3, max_size=3),
    rate=st.sampled_from([0.125, 0.25, 0.5]),
)
def check(vectors, weights, rate):
    e, w = vectors[0], weights[0]
    raised = [math.exp(sum(x * y for x, y in zip(e, v))) for v in weights]
    p = [r / sum(raised) for r in raised]
    away = [w[k] - sum(share * v[k] for share, v in zip(p, weights)) for k in (0, 1)]
    inner = lambda a, b: a[0] * b[0] + a[1] * b[1]
    bracket = (1 - p[0]) * inner(e, e) + inner(w, away)
    wanted = inner(e, w) + rate * bracket + rate**2 * (1 - p[0]) * inner(e, away)
    new, moved = step([list(v) for v in vectors], [list(v) for v in weights], 0, 0, rate)
    # Scores are whole, so exact. All numbers are below 16, their products below 256; fewer than 64 roundings a side.
    same(inner(new[0], moved[0]), wanted, within=2 * 64 * 256 * UNIT)
# %% broken one_after_the_other training.step_aligns: The weights are moved along the word's vector of after the step.
def step(vectors, weights, word, came, rate):
    e = vectors[word]
    raised = [math.exp(dot(e, w)) for w in weights]
    errors = [r / sum(raised) - (j == came) for j, r in enumerate(raised)]
    e = [x - rate * sum(r * w[k] for r, w in zip(errors, weights)) for k, x in enumerate(e)]
    moved = [[x - rate * r * y for x, y in zip(w, e)] for r, w in zip(errors, weights)]
    return [e if i == word else v for i, v in enumerate(vectors)], moved
# %% broken frozen_word training.step_aligns: The word's vector stays.
def step(vectors, weights, word, came, rate):
    e = vectors[word]
    raised = [math.exp(dot(e, w)) for w in weights]
    errors = [r / sum(raised) - (j == came) for j, r in enumerate(raised)]
    return vectors, [[x - rate * r * y for x, y in zip(w, e)] for r, w in zip(errors, weights)]
# %% broken all_words training.both_sides_learn: Every vector is pulled towards 0 a little, seen or not.
def step(vectors, weights, word, came, rate):
    e = vectors[word]
    raised = [math.exp(dot(e, w)) for w in weights]
    errors = [r / sum(raised) - (j == came) for j, r in enumerate(raised)]
    new = [x - rate * sum(r * w[k] for r, w in zip(errors, weights)) for k, x in enumerate(e)]
    moved = [[x - rate * r * y for x, y in zip(w, e)] for r, w in zip(errors, weights)]
    return [new if i == word else [0.99 * x for x in v] for i, v in enumerate(vectors)], moved
# %% broken only_the_right_one training.error_drives_update: Only the weights of the word that came are moved.
def step(vectors, weights, word, came, rate):
    e = vectors[word]
    raised = [math.exp(dot(e, w)) for w in weights]
    errors = [r / sum(raised) - (j == came) for j, r in enumerate(raised)]
    new = [x - rate * sum(r * w[k] for r, w in zip(errors, weights)) for k, x in enumerate(e)]
    moved = [list(w) for w in weights]
    moved[came] = [x - rate * errors[came] * y for x, y in zip(weights[came], e)]
    return [new if i == word else v for i, v in enumerate(vectors)], moved
