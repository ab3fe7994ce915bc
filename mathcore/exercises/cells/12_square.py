"""Lines, then a square: three layers of your own."""
# %% start
def relu(x):
    return x if x > 0 else 0


def all_of(values):
    """1 if every value is 1, else 0."""
    return relu(sum(values) - (len(values) - 1))


def any_of(values):
    """1 if some value is 1, else 0."""
    return 0  # complete: two ReLUs of the sum


def square(image):
    """1 if four pixels of a 3 by 3 image form a full square."""
    bars = []  # bars[r][c] is 1 if (r, c) and its right neighbour are full
    for row in image:
        bars.append([all_of(row[c : c + 2]) for c in range(2)])
    squares = []  # complete: two bars, one below the other
    return any_of(squares)


print(square([[1, 1, 0], [1, 1, 0], [0, 0, 0]]))
# %% solution
def any_of(values):
    """1 if some value is 1, else 0."""
    return relu(sum(values)) - relu(sum(values) - 1)


def square(image):
    """1 if four pixels of a 3 by 3 image form a full square."""
    bars = []
    for row in image:
        bars.append([all_of(row[c : c + 2]) for c in range(2)])
    squares = []
    for r in range(2):
        for c in range(2):
            squares.append(all_of([bars[r][c], bars[r + 1][c]]))
    return any_of(squares)
# %% check depth.patterns_of_patterns: A square anywhere gives 1, no square gives 0, and several squares give 1.
@given(
    image=st.lists(
        st.lists(st.sampled_from([1, 1, 0]), min_size=3, max_size=3),
        min_size=3,
        max_size=3,
    )
)
def check(image):
    corners = [(0, 0), (0, 1), (1, 0), (1, 1)]
    full = lambda r, c: (
        image[r][c]
        and image[r][c + 1]
        and image[r + 1][c]
        and image[r + 1][c + 1]
    )
    same(any_of([1, 0]), 1)
    same(square(image), int(any(full(r, c) for r, c in corners)))
# %% broken bars_anywhere depth.patterns_of_patterns: Two bars are enough, wherever they are.
def any_of(values):
    return 1 if sum(values) else 0


def square(image):
    bars = sum(row[c] * row[c + 1] for row in image for c in range(2))
    return 1 if bars >= 2 else 0
# %% broken squares_counted depth.patterns_of_patterns: Two squares give 2.
def any_of(values):
    return sum(values)


def square(image):
    corners = [(0, 0), (0, 1), (1, 0), (1, 1)]
    return sum(
        image[r][c]
        * image[r][c + 1]
        * image[r + 1][c]
        * image[r + 1][c + 1]
        for r, c in corners
    )
