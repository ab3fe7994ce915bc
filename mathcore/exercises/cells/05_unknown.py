"""A word that was never seen."""
# %% start
def encode(words, word_to_id, unknown=None):
    # A word not in the dictionary gets the id `unknown`.
    # If `unknown` is None, raise a LookupError that names
    # the first such word and its place, counted from 0.
    ids = []
    for word in words:
        ids.append(word_to_id.get(word, 0))
    return ids


word_to_id = {"the": 0, "cat": 1, "sat": 2}
print(encode(["the", "puppy", "sat"], word_to_id))
# %% solution
def encode(words, word_to_id, unknown=None):
    ids = []
    for place, word in enumerate(words):
        if word in word_to_id:
            ids.append(word_to_id[word])
        elif unknown is not None:
            ids.append(unknown)
        else:
            raise LookupError(f"unknown word {word!r} at place {place}")
    return ids
# %% check tokenizer.unknown_word: With an id for it, a new word gets that id, and every other word its own.
@given(
    words=st.lists(st.sampled_from(["the", "cat", "sat", "puppy", "zebra"]), max_size=6),
    unknown=st.sampled_from([0, 3, 99]),
)
def check(words, unknown):
    ids = {"the": 0, "cat": 1, "sat": 2}
    same(encode(words, ids, unknown=unknown), [ids[w] if w in ids else unknown for w in words])
# %% check tokenizer.unknown_word: Without an id for it, a new word is an error that names it and its place.
@given(
    before=st.lists(st.sampled_from(["the", "cat", "sat"]), max_size=4), stranger=st.sampled_from(["puppy", "Cat", "猫"])
)
def check(before, stranger):
    words = [*before, stranger, "the", "zebra"]
    try:
        answer = encode(words, {"the": 0, "cat": 1, "sat": 2})
    except LookupError as problem:
        said = str(problem)
        answer = [part for part in (stranger, str(len(before))) if part in said]
    same(answer, [stranger, str(len(before))])
# %% check tokenizer.ids_are_a_bijection: A word that was seen has its own id, and a known text is never an error.
@given(words=st.lists(st.sampled_from(["the", "cat", "sat"]), max_size=6))
def check(words):
    ids = {"the": 0, "cat": 1, "sat": 2}
    same(encode(words, ids), [ids[w] for w in words])
# %% broken skipped tokenizer.unknown_word: A new word is left out.
def encode(words, word_to_id, unknown=None):
    return [word_to_id[word] for word in words if word in word_to_id]
# %% broken zero_is_none tokenizer.unknown_word: The id 0 is taken for no id, since both count as false.
def encode(words, word_to_id, unknown=None):
    ids = []
    for place, word in enumerate(words):
        if word in word_to_id:
            ids.append(word_to_id[word])
        elif unknown:
            ids.append(unknown)
        else:
            raise LookupError(f"unknown word {word!r} at place {place}")
    return ids
# %% broken places tokenizer.ids_are_a_bijection: A word gets its place in the text, not in the dictionary.
def encode(words, word_to_id, unknown=None):
    return [place for place, word in enumerate(words)]
