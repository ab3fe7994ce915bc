"""Write into two lanes, and read both back."""
# %% start
def joined(word, place):
    """One list of both: the word's numbers first, then the place's."""
    raise NotImplementedError("your turn")


def meaning(x, size):
    """The first `size` numbers of what `joined` made."""
    raise NotImplementedError("your turn")


def position(x, size):
    """What is behind them."""
    raise NotImplementedError("your turn")
# %% solution
def joined(word, place):
    return word + place


def meaning(x, size):
    return x[:size]


def position(x, size):
    return x[size:]
# %% check position.independent_lanes: Both are read back, and a dot product is the sum of two.
@given(
    words=st.lists(st.lists(st.integers(-9, 9), min_size=2, max_size=2), min_size=2, max_size=2),
    places=st.lists(st.lists(st.integers(-9, 9), min_size=3, max_size=3), min_size=2, max_size=2),
)
def check(words, places):
    def dot(a, b):
        return sum(x * y for x, y in zip(a, b, strict=True))

    x, y = (joined(list(w), list(p)) for w, p in zip(words, places))
    same(meaning(x, 2), words[0])
    same(position(x, 2), places[0])
    same(dot(x, y), dot(words[0], words[1]) + dot(places[0], places[1]))
# %% broken added position.independent_lanes: Added number by number, both share every place.
def joined(word, place):
    return [word[0] + place[0], word[1] + place[1], place[2]]
