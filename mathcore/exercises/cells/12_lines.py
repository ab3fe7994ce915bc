"""Line detectors, and a layer that asks whether any of them fired."""
# %% start
def relu(x):
    return x if x > 0 else 0


def score(image, weights, bias):
    """A single layer: every pixel pushes by its own weight."""
    total = bias
    for pixel, weight in zip(image, weights):
        total += pixel * weight
    return total


def row_full(image):
    """1 if a row of an image of 2 by 2 pixels is full, else 0."""
    upper = relu(score(image, [1, 1, 0, 0], -1))
    lower = relu(score(image, [0, 0, 1, 1], -1))
    full_rows = upper + lower
    return relu(full_rows) - relu(full_rows - 1)


for image in [1, 1, 0, 0], [1, 0, 1, 0], [1, 1, 1, 0], [1, 1, 1, 1]:
    print(image, row_full(image))
# %% check depth.patterns_of_patterns: On each of the 16 images the answer is right: 1 if a row is full, else 0.
@given(image=st.lists(st.integers(0, 1), min_size=4, max_size=4))
def check(image):
    same(row_full(image), int(image[:2] == [1, 1] or image[2:] == [1, 1]))
# %% check depth.single_layer_is_limited: A layer scores two rows together as it scores two columns together.
@given(
    weights=st.lists(st.integers(-9, 9), min_size=4, max_size=4),
    bias=st.integers(-9, 9),
)
def check(weights, bias):
    rows = score([1, 1, 0, 0], weights, bias) + score(
        [0, 0, 1, 1], weights, bias
    )
    columns = score([1, 0, 1, 0], weights, bias) + score(
        [0, 1, 0, 1], weights, bias
    )
    same(rows, columns)
# %% broken rows_counted depth.patterns_of_patterns: The full rows are counted: two of them give 2.
def score(image, weights, bias):
    return bias + sum(p * w for p, w in zip(image, weights))


def row_full(image):
    return relu(score(image, [1, 1, 0, 0], -1)) + relu(
        score(image, [0, 0, 1, 1], -1)
    )
# %% broken nothing_between depth.patterns_of_patterns: No ReLU after the detectors.
def score(image, weights, bias):
    return bias + sum(p * w for p, w in zip(image, weights))


def row_full(image):
    full_rows = score(image, [1, 1, 0, 0], -1) + score(
        image, [0, 0, 1, 1], -1
    )
    return max(full_rows, 0) - max(full_rows - 1, 0)
# %% broken neighbours depth.single_layer_is_limited: Pixels are multiplied with each other: that is no single layer.
def score(image, weights, bias):
    return (
        bias
        + weights[0] * image[0] * image[1]
        + weights[3] * image[2] * image[3]
    )


def row_full(image):
    return max(image[0] * image[1], image[2] * image[3])
