"""Reading a digit: dot products with templates, then the highest."""
# %% start
def scores(picture, templates):
    result = []
    for template in templates:
        total = 0
        for pixel, weight in zip(picture, template):
            total = total + pixel * weight
        result.append(total)
    return result


def read(picture, templates):
    all_scores = scores(picture, templates)
    return all_scores.index(max(all_scores))


one = [0, 1, 0,
       0, 1, 0,
       0, 1, 0]
seven = [1, 1, 1,
         0, 0, 1,
         0, 1, 0]
picture = [0, 1, 1,
           0, 0, 1,
           0, 1, 0]
print(scores(picture, [one, seven]))
print(["one", "seven"][read(picture, [one, seven])])
# %% check digits.scores_are_dot_products: Each score is the sum of pixel times weight, over all pixels.
@given(pixels=st.integers(1, 9), numbers=st.lists(st.integers(-5, 5), min_size=36, max_size=36))
def check(pixels, numbers):
    picture, *templates = [numbers[i * 9 : i * 9 + pixels] for i in range(4)]
    same(scores(picture, templates), [sum(x * w for x, w in zip(picture, t)) for t in templates])
# %% check digits.highest_score_wins: The answer is the first template with the highest score.
@given(picture=st.lists(st.integers(0, 3), min_size=2, max_size=2), numbers=st.lists(st.integers(-3, 3), min_size=8, max_size=8))
def check(picture, numbers):
    templates = [numbers[i : i + 2] for i in range(0, 8, 2)]
    dots = [sum(x * w for x, w in zip(picture, t)) for t in templates]
    same(read(picture, templates), dots.index(max(dots)))
# %% check digits.highest_score_wins: All ink made stronger by one factor changes no answer.
@given(
    picture=st.lists(st.integers(0, 3), min_size=2, max_size=2),
    numbers=st.lists(st.integers(-3, 3), min_size=8, max_size=8),
    times=st.integers(1, 9),
)
def check(picture, numbers, times):
    templates = [numbers[i : i + 2] for i in range(0, 8, 2)]
    same(read([times * x for x in picture], templates), read(picture, templates))
# %% broken last_pixel_missed digits.scores_are_dot_products: The loop ends one pixel too early.
def scores(picture, templates):
    result = []
    for template in templates:
        total = 0
        for i in range(len(picture) - 1):
            total = total + picture[i] * template[i]
        result.append(total)
    return result
# %% broken first_good_one digits.highest_score_wins: The first template with a score above 4 is taken at once.
def scores(picture, templates):
    return [sum(x * w for x, w in zip(picture, template)) for template in templates]


def read(picture, templates):
    all_scores = scores(picture, templates)
    for i, score in enumerate(all_scores):
        if score > 4:
            return i
    return all_scores.index(max(all_scores))
# %% broken by_size digits.highest_score_wins: A score far below 0 counts as much as one far above.
def scores(picture, templates):
    return [sum(x * w for x, w in zip(picture, template)) for template in templates]


def read(picture, templates):
    sizes = [abs(score) for score in scores(picture, templates)]
    return sizes.index(max(sizes))
