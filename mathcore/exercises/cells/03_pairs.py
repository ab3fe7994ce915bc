"""Every word with its neighbours."""
# %% start
def neighbour_pairs(text, window):
    """(word, neighbour) for all that stand at most `window` apart."""
    pairs = []
    for s in range(len(text)):
        for t in range(len(text)):
            if s != t and abs(s - t) <= window:
                pairs.append((text[s], text[t]))
    return pairs


for word, neighbour in neighbour_pairs(["the", "cat", "sat"], 1):
    print(word, "next to", neighbour)
# %% check training.pairs_are_neighbours: Exactly the pairs within the window, in both directions, as often as they occur.
@given(text=st.lists(st.integers(0, 3), max_size=7), window=st.integers(1, 3))
def check(text, window):
    expected = []
    for far in range(1, window + 1):
        for left, right in zip(text, text[far:]):
            expected += [(left, right), (right, left)]
    same(sorted(neighbour_pairs(text, window)), sorted(expected))
# %% broken to_the_right training.pairs_are_neighbours: Only the neighbours to the right.
def neighbour_pairs(text, window):
    return [
        (text[s], text[t])
        for s in range(len(text))
        for t in range(s + 1, min(s + window + 1, len(text)))
    ]
# %% broken round_the_end training.pairs_are_neighbours: A negative index: the first word is next to the last one.
def neighbour_pairs(text, window):
    pairs = []
    for s in range(len(text)):
        for far in range(1, window + 1):
            pairs.append((text[s], text[s - far]))
            pairs.append((text[s - far], text[s]))
    return pairs
# %% broken once_each training.pairs_are_neighbours: A pair that occurs twice is noted once.
def neighbour_pairs(text, window):
    return list(
        {
            (text[s], text[t])
            for s in range(len(text))
            for t in range(len(text))
            if s != t and abs(s - t) <= window
        }
    )
