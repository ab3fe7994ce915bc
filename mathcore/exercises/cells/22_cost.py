"""What several heads cost, in multiplications."""
# %% start
def multiplications(words, width, heads):
    """How often attention multiplies, from the words to its output."""
    narrow = width // heads  # the numbers of one head
    # W_Q, W_K and W_V of each head: every word, width by narrow.
    count = 3 * heads * words * width * narrow
    # Complete: each head's queries times its keys, for all pairs.
    # Complete: each head's shares times its values.
    # Complete: the last matrix, every word, width by width.
    return count


def powers_of_e(words, heads):
    # Complete: one for each score of each head.
    return 0


for heads in (1, 2, 4):
    print(heads, multiplications(10, 8, heads), powers_of_e(10, heads))
# %% solution
def multiplications(words, width, heads):
    """How often attention multiplies, from the words to its output."""
    narrow = width // heads  # the numbers of one head
    # W_Q, W_K and W_V of each head: every word, width by narrow.
    count = 3 * heads * words * width * narrow
    count += heads * words * words * narrow
    count += heads * words * words * narrow
    return count + words * width * width


def powers_of_e(words, heads):
    return heads * words * words
# %% check heads.cost_the_same: 4Td² + 2T²d multiplications for T words of width d, whatever the number of heads.
@given(words=st.integers(1, 50), narrow=st.integers(1, 16), heads=st.integers(1, 16))
def check(words, narrow, heads):
    width = narrow * heads
    same(multiplications(words, width, heads), 4 * words * width**2 + 2 * words**2 * width)
# %% check heads.cost_the_same: But powers of e are as many times as many as there are heads.
@given(words=st.integers(1, 50), heads=st.integers(1, 16))
def check(words, heads):
    same(powers_of_e(words, heads), heads * powers_of_e(words, 1))
    same(powers_of_e(words, 1), words**2)
# %% broken each_head_full heads.cost_the_same: Each head is taken to be as wide as all together.
def multiplications(words, width, heads):
    return heads * (4 * words * width**2 + 2 * words**2 * width)
# %% broken one_matrix_of_shares heads.cost_the_same: Softmax is counted once, for all heads together.
def multiplications(words, width, heads):
    return 4 * words * width**2 + 2 * words**2 * width


def powers_of_e(words, heads):
    return words * words
