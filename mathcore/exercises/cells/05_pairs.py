"""A tokenizer of pieces: join the most frequent pair, again and again."""
# %% start
def most_frequent(words):
    counts = {}
    for pieces in words:
        for pair in zip(pieces, pieces[1:]):
            counts[pair] = counts.get(pair, 0) + 1
    # The highest count; of equal ones the first in the alphabet.
    best = min(counts, key=lambda pair: (-counts[pair], pair), default=None)
    return best, counts.get(best, 0)


def join(pieces, pair):
    joined, i = [], 0
    while i < len(pieces):
        if tuple(pieces[i : i + 2]) == pair:
            joined.append(pieces[i] + pieces[i + 1])
            i = i + 2
        else:
            joined.append(pieces[i])
            i = i + 1
    return joined


def train(text, count):
    words = [list(word) for word in text.split()]
    merges = []
    while len(merges) < count:
        pair, times = most_frequent(words)
        if times < 2:
            break
        merges.append(pair)
        words = [join(pieces, pair) for pieces in words]
    return merges


def encode(word, merges):
    pieces = list(word)
    for pair in merges:
        pieces = join(pieces, pair)
    return pieces


merges = train("the cat sat on the mat", 3)
print(merges)
print([encode(word, merges) for word in "the cat sat on the mat".split()])
# %% check bpe.learns_the_most_frequent: The pair that is learned first occurs most often within the words.
@given(words=st.lists(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=5))
def check(words):
    pairs = [(a, b) for word in words for a, b in zip(word, word[1:])]
    most = sorted(set(pairs), key=lambda pair: (-pairs.count(pair), pair))
    often = [pair for pair in most if pairs.count(pair) > 1]
    same(train(" ".join(words), 1), often[:1])
# %% check bpe.lossless: The pieces of a word, put together, are the word.
@given(words=st.lists(st.text("ab", min_size=1, max_size=6), min_size=1, max_size=4), word=st.text("abc", max_size=9))
def check(words, word):
    same("".join(encode(word, train(" ".join(words), 5))), word)
# %% check bpe.merges_by_rank: Of all pairs in a word the one learned first is joined first, until none is left.
PARTS = st.lists(st.sampled_from(["ab", "bc", "ca"]), min_size=4, max_size=9)


@given(words=PARTS, word=st.sampled_from(["abc", "bca", "cab", "abca", "cabc", "aabcc"]))
def check(words, word):
    merges, pieces = train(" ".join(words), 5), list(word)
    while known := [pair for pair in zip(pieces, pieces[1:]) if pair in merges]:
        first = min(known, key=merges.index)
        i = list(zip(pieces, pieces[1:])).index(first)
        pieces[i : i + 2] = ["".join(first)]
    same(encode(word, merges), pieces)
# %% broken first_pair bpe.learns_the_most_frequent: The first pair of the text is joined, however rare it is.
def most_frequent(words):
    pairs = [pair for pieces in words for pair in zip(pieces, pieces[1:])]
    return (pairs[0], 2) if pairs else (None, 0)


def join(pieces, pair):
    joined, i = [], 0
    while i < len(pieces):
        step = 2 if tuple(pieces[i : i + 2]) == pair else 1
        joined.append("".join(pieces[i : i + step]))
        i = i + step
    return joined


def train(text, count):
    words, merges = [list(word) for word in text.split()], []
    while len(merges) < count and most_frequent(words)[1] > 1:
        merges.append(most_frequent(words)[0])
        words = [join(pieces, merges[-1]) for pieces in words]
    return merges
# %% broken one_step_only bpe.lossless: After a join the loop goes on one place, not two.
def most_frequent(words):
    pairs = [pair for pieces in words for pair in zip(pieces, pieces[1:])]
    best = min(pairs, key=lambda pair: (-pairs.count(pair), pair), default=None)
    return best, pairs.count(best)


def join(pieces, pair):
    joined = []
    for i in range(len(pieces)):
        if tuple(pieces[i : i + 2]) == pair:
            joined.append(pieces[i] + pieces[i + 1])
        else:
            joined.append(pieces[i])
    return joined


def train(text, count):
    words, merges = [list(word) for word in text.split()], []
    while len(merges) < count and most_frequent(words)[1] > 1:
        merges.append(most_frequent(words)[0])
        words = [join(pieces, merges[-1]) for pieces in words]
    return merges
# %% broken longest_first bpe.merges_by_rank: From left to right, always the longest piece that is known.
def most_frequent(words):
    pairs = [pair for pieces in words for pair in zip(pieces, pieces[1:])]
    best = min(pairs, key=lambda pair: (-pairs.count(pair), pair), default=None)
    return best, pairs.count(best)


def join(pieces, pair):
    joined, i = [], 0
    while i < len(pieces):
        step = 2 if tuple(pieces[i : i + 2]) == pair else 1
        joined.append("".join(pieces[i : i + step]))
        i = i + step
    return joined


def train(text, count):
    words, merges = [list(word) for word in text.split()], []
    while len(merges) < count and most_frequent(words)[1] > 1:
        merges.append(most_frequent(words)[0])
        words = [join(pieces, merges[-1]) for pieces in words]
    return merges


def encode(word, merges):
    known = {"".join(pair) for pair in merges}
    pieces = []
    while word:
        longest = max((p for p in known if word.startswith(p)), key=len, default=word[0])
        pieces.append(longest)
        word = word[len(longest) :]
    return pieces
