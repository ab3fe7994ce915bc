"""Reading the nearest digit: a fair chance for thin templates."""
# %% start
def score(picture, template):
    return sum(x * w for x, w in zip(picture, template))


def read(picture, templates):
    # Subtract half of score(template, template)
    # from each score before you compare.
    scores = [score(picture, template) for template in templates]
    return scores.index(max(scores))


black = [1, 1, 1, 1, 1, 1, 1, 1, 1]
one = [0, 1, 0, 0, 1, 0, 0, 1, 0]
print(["black", "one"][read(one, [black, one])])
# %% solution
def read(picture, templates):
    scores = []
    for template in templates:
        scores.append(score(picture, template) - score(template, template) / 2)
    return scores.index(max(scores))
# %% check digits.best_score_is_best_match: No template is nearer to the picture than the one that is read.
whole = st.integers(0, 4)
pictures = st.lists(whole, min_size=3, max_size=3)


@given(picture=pictures, templates=st.lists(pictures, min_size=1, max_size=4))
def check(picture, templates):
    distances = [sum((x - w) ** 2 for x, w in zip(picture, t)) for t in templates]
    same(distances[read(picture, templates)], min(distances))
# %% check digits.highest_score_wins: Of equal scores the first one is read.
@given(picture=st.lists(st.integers(0, 4), min_size=3, max_size=3), copies=st.integers(2, 4))
def check(picture, copies):
    same(read(picture, [picture] * copies), 0)
# %% broken bias_forgotten digits.best_score_is_best_match: The highest score is read as it stands.
def read(picture, templates):
    scores = [score(picture, template) for template in templates]
    return scores.index(max(scores))
# %% broken not_halved digits.best_score_is_best_match: The template's own score is subtracted whole.
def read(picture, templates):
    scores = [score(picture, t) - score(t, t) for t in templates]
    return scores.index(max(scores))
# %% broken last_of_equals digits.highest_score_wins: Of equal scores the last one is read.
def read(picture, templates):
    scores = [score(picture, t) - score(t, t) / 2 for t in templates]
    return max(range(len(scores)), key=lambda i: (scores[i], i))
