"""Distance and score: the same comparison in two dresses."""
# %% start
def score(picture, template):
    total = 0
    for pixel, weight in zip(picture, template):
        total = total + pixel * weight
    return total


def bias(template):
    """Minus half the dot product of the template with itself."""
    return -score(template, template) / 2


def distance(picture, template):
    """The squares of all differences, added up."""
    total = 0
    for pixel, weight in zip(picture, template):
        total = total + (pixel - weight) ** 2
    return total


one = [0, 1, 0, 0, 1, 0, 0, 1, 0]
seven = [1, 1, 1, 0, 0, 1, 0, 1, 0]
black = [1, 1, 1, 1, 1, 1, 1, 1, 1]
for template in (one, seven, black):
    print(score(one, template) + bias(template), distance(one, template))
# %% check digits.best_score_is_best_match: Distance is the picture's own square less twice its score with the bias.
@given(pairs=st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), max_size=6))
def check(pairs):
    picture, template = [x for x, _ in pairs], [w for _, w in pairs]
    own = sum(x * x for x in picture)
    same(distance(picture, template), own - 2 * (score(picture, template) + bias(template)))
# %% check digits.scores_are_dot_products: The score is the sum of pixel times weight.
@given(pairs=st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), max_size=6))
def check(pairs):
    picture, template = [x for x, _ in pairs], [w for _, w in pairs]
    same(score(picture, template), sum(x * w for x, w in pairs))
# %% broken not_halved digits.best_score_is_best_match: The square of the template is subtracted whole.
def score(picture, template):
    return sum(x * w for x, w in zip(picture, template))


def bias(template):
    return -score(template, template)


def distance(picture, template):
    return sum((x - w) ** 2 for x, w in zip(picture, template))
# %% broken steps_not_squares digits.best_score_is_best_match: The differences are added up without their squares.
def score(picture, template):
    return sum(x * w for x, w in zip(picture, template))


def distance(picture, template):
    return sum(abs(x - w) for x, w in zip(picture, template))
# %% broken equal_pixels digits.scores_are_dot_products: The score counts the pixels that are equal.
def score(picture, template):
    return sum(1 for x, w in zip(picture, template) if x == w)


def bias(template):
    return 0


def distance(picture, template):
    return sum((x - w) ** 2 for x, w in zip(picture, template))
