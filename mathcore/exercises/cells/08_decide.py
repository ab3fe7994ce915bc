"""From a vector to a word: logits, then argmax."""
# %% start
def logits(vector, templates):
    scores = []
    for template in templates:
        total = 0
        for x, w in zip(vector, template):
            total = total + x * w
        scores.append(total)
    return scores


def decide(vector, templates):
    # The index of the template with the highest logit,
    # the first of equals.
    return 0


cat, dog, mat = [0, 2, -1, 0], [-2, 0, 1, 4], [1, 0, 1, 0]
print(logits([1, 1, 2, -1], [cat, dog, mat]))
print(decide([1, 1, 2, -1], [cat, dog, mat]))
# %% solution
def decide(vector, templates):
    scores = logits(vector, templates)
    best = 0
    for i in range(len(scores)):
        if scores[i] > scores[best]:
            best = i
    return best
# %% check argmax.index_of_highest: The decision is the first word with the highest logit.
whole = st.integers(-3, 3)
vectors = st.lists(whole, min_size=2, max_size=2)


@given(vector=vectors, templates=st.lists(vectors, min_size=1, max_size=5))
def check(vector, templates):
    scores = [sum(x * w for x, w in zip(vector, template)) for template in templates]
    same(decide(vector, templates), scores.index(max(scores)))
# %% check argmax.shift_and_scale_free: A vector that points the same way and is longer decides the same.
whole = st.integers(-3, 3)
vectors = st.lists(whole, min_size=2, max_size=2)


@given(vector=vectors, templates=st.lists(vectors, min_size=1, max_size=5), times=st.integers(1, 9))
def check(vector, templates, times):
    same(decide([times * x for x in vector], templates), decide(vector, templates))
# %% broken lowest argmax.index_of_highest: The lowest logit wins.
def logits(vector, templates):
    return [sum(x * w for x, w in zip(vector, template)) for template in templates]


def decide(vector, templates):
    scores = logits(vector, templates)
    return scores.index(min(scores))
# %% broken threshold argmax.shift_and_scale_free: The first logit above 5 wins, whatever stands behind it.
def logits(vector, templates):
    return [sum(x * w for x, w in zip(vector, template)) for template in templates]


def decide(vector, templates):
    scores = logits(vector, templates)
    for i, score in enumerate(scores):
        if score > 5:
            return i
    return scores.index(max(scores))
