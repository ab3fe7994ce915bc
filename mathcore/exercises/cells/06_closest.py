"""How near the two nearest of some directions come."""
# %% start
from fractions import Fraction


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def closest(directions):
    """The largest squared cosine of any two: 0 if at right angles."""
    largest = Fraction(0)
    for j in range(len(directions)):
        for i in range(j):
            a, b = directions[i], directions[j]
            square = Fraction(dot(a, b) ** 2, dot(a, a) * dot(b, b))
            largest = max(largest, square)
    return largest


four = [[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]]
print(closest(four))
print(closest([*four, [1, 0, 0, 0]]))
# %% check embedding.room_grows: In 4 numbers, two of any five directions have a cosine of ¼ or more, in size.
@given(
    directions=st.lists(st.lists(st.integers(-5, 5), min_size=4, max_size=4).filter(any), min_size=5, max_size=5),
    order=st.permutations(range(5)),
)
def check(directions, order):
    same(closest(directions) >= Fraction(1, 16), True)
    axes = [[int(i == k) for k in range(4)] for i in range(4)]  # as far apart as four can be; and one more
    crowded = [*axes, directions[0]]
    same(closest([crowded[i] for i in order]) >= Fraction(1, 16), True)
# %% check embedding.cosine_in_range: Opposite directions count as near, wherever they stand in the list; length does not count.
@given(times=st.integers(-9, 9).filter(bool), order=st.permutations(range(4)))
def check(times, order):
    directions = [[1, 0, 0, 0], [0, 2, 0, 0], [0, 0, 3, 0], [times, 0, 0, 0]]
    same(closest([directions[i] for i in order]), 1)
    same(closest(directions[:3]), 0)
# %% broken signs embedding.cosine_in_range: The sign is kept, so that opposite directions count as far apart.
def closest(directions):
    largest = Fraction(0)
    for j, b in enumerate(directions):
        for a in directions[:j]:
            if dot(a, b) > 0:
                largest = max(largest, Fraction(dot(a, b) ** 2, dot(a, a) * dot(b, b)))
    return largest
# %% broken side_by_side embedding.room_grows: Each direction is compared with the next one only.
def closest(directions):
    pairs = zip(directions, directions[1:])
    return max(Fraction(dot(a, b) ** 2, dot(a, a) * dot(b, b)) for a, b in pairs)
# %% broken one_length embedding.cosine_in_range: Divided by one of the two lengths only.
def closest(directions):
    pairs = [(a, b) for j, b in enumerate(directions) for a in directions[:j]]
    return max(Fraction(dot(a, b) ** 2, dot(b, b)) for a, b in pairs)
