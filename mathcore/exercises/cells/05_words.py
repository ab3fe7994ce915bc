"""A tokenizer of words: replace, split, number."""
# %% start
def words_of(text):
    return text.replace(".", "").split()


def train(text):
    word_to_id = {}
    for word in words_of(text):
        if word not in word_to_id:
            word_to_id[word] = len(word_to_id)
    return word_to_id


def encode(text, word_to_id):
    return [word_to_id[word] for word in words_of(text)]


def decode(ids, word_to_id):
    words = list(word_to_id)
    return " ".join(words[i] for i in ids)


word_to_id = train("The cat sat on the mat. The dog sat.")
print(word_to_id)
print(encode("The dog sat on the mat.", word_to_id))
print(decode([0, 6, 2], word_to_id))
# %% check tokenizer.period_is_ignored: Periods do not count, wherever they stand.
@given(parts=st.lists(st.tuples(st.sampled_from(["cat", "sat", " ", "a"]), st.sampled_from(["", ".", ".."])), max_size=5))
def check(parts):
    plain, dotted = "".join(part for part, _ in parts), "".join(part + dots for part, dots in parts)
    ids = train(plain)
    same(encode(dotted, ids), encode(plain, ids))
# %% check tokenizer.split_gives_words: White space of any kind and amount separates words, and nothing else does.
WHITE = st.sampled_from([" ", "  ", "\n", "\t", " \n"])
WORD = st.sampled_from(["cat", "Cat", "dog,", "it's", "a-b"])


@given(pairs=st.lists(st.tuples(WORD, WHITE), max_size=5))
def check(pairs):
    text = "".join(word + white for word, white in pairs)
    words = [word for word, _ in pairs]
    same(words_of(text), words)
# %% check tokenizer.ids_are_a_bijection: The ids count the words from 0, in the order in which they first appear.
@given(words=st.lists(st.sampled_from(["the", "cat", "sat", "on", "a"]), max_size=8))
def check(words):
    same(list(train(" ".join(words)).items()), [(w, i) for i, w in enumerate(dict.fromkeys(words))])
# %% check tokenizer.roundtrip: Decoding the ids of a text gives its words, with one space between them.
@given(words=st.lists(st.sampled_from(["the", "cat.", "sat", "..on", "3.14"]), max_size=8))
def check(words):
    text = "  ".join(words)
    ids = train(text)
    same(decode(encode(text, ids), ids), " ".join(text.replace(".", "").split()))
# %% broken last_period_only tokenizer.period_is_ignored: Only a period at the end of the text is removed.
def words_of(text):
    return text.removesuffix(".").split()


def train(text):
    return {word: i for i, word in enumerate(dict.fromkeys(words_of(text)))}


def decode(ids, word_to_id):
    return " ".join(list(word_to_id)[i] for i in ids)
# %% broken single_spaces tokenizer.split_gives_words: Every single space separates, so that two make an empty word.
def words_of(text):
    return text.replace(".", "").split(" ")


def train(text):
    return {word: i for i, word in enumerate(dict.fromkeys(words_of(text)))}


def decode(ids, word_to_id):
    return " ".join(list(word_to_id)[i] for i in ids)
# %% broken counted_again tokenizer.ids_are_a_bijection: A word that comes again gets its latest place.
def train(text):
    return {word: i for i, word in enumerate(words_of(text))}


def decode(ids, word_to_id):
    return " ".join(list(word_to_id)[i] for i in ids)
# %% broken no_spaces tokenizer.roundtrip: Words are put together without spaces.
def train(text):
    return {word: i for i, word in enumerate(dict.fromkeys(words_of(text)))}


def decode(ids, word_to_id):
    return "".join(list(word_to_id)[i] for i in ids)
