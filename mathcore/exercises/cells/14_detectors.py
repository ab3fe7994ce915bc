"""A layer as a row of detectors."""
# %% start
def scores(x, W):
    """The dot product of x with each column of W."""
    result = []
    for j in range(len(W[0])):
        column = [row[j] for row in W]
        total = 0
        for a, w in zip(x, column):
            total = total + a * w
        result.append(total)
    return result


W = [[3, 4], [4, -3]]
for x in ([3, 4], [4, -3], [7, 1]):
    print(x, scores(x, W))
# %% check linear.columns_are_detectors: A column alone gives the same score as among others.
@given(x=st.lists(st.integers(-9, 9), min_size=2, max_size=2), columns=st.lists(st.lists(st.integers(-9, 9), min_size=2, max_size=2), min_size=1, max_size=4))
def check(x, columns):
    together = scores(list(x), [list(row) for row in zip(*columns)])
    same(together, [scores(list(x), [[w] for w in column])[0] for column in columns])
    same(together, [x[0] * column[0] + x[1] * column[1] for column in columns])
# %% check linear.columns_are_detectors: Whatever is put into the other columns, a score stays.
@given(x=st.lists(st.integers(-9, 9), min_size=2, max_size=2), column=st.lists(st.integers(-9, 9), min_size=2, max_size=2), others=st.lists(st.integers(-99, 99), min_size=2, max_size=2))
def check(x, column, others):
    W = [[w, other] for w, other in zip(column, others)]
    same(scores(list(x), W)[0], scores(list(x), [[w, 0] for w in column])[0])
# %% check linear.score_is_alignment: Of all inputs with the same numbers in another order or with other signs, none scores above the column itself.
@given(w=st.lists(st.integers(-9, 9), min_size=3, max_size=3), order=st.permutations(range(3)), signs=st.lists(st.sampled_from([-1, 1]), min_size=3, max_size=3))
def check(w, order, signs):
    W = [[v] for v in w]
    (own,), (other,) = scores(list(w), W), scores([s * w[i] for s, i in zip(signs, order)], W)
    same(own, sum(v * v for v in w))
    same(other <= own, True)
    same(scores([-v for v in w], W), [-own])
    same(scores([-w[1], w[0], 0], W), [0])
# %% broken row_by_row linear.columns_are_detectors: The input meets the rows of the matrix.
def scores(x, W):
    result = []
    for j in range(len(W[0])):
        row = W[j % len(W)]
        result.append(sum(x[i % len(x)] * w for i, w in enumerate(row)))
    return result
# %% broken shared_total linear.columns_are_detectors: The total is not set back to 0 for the next column.
def scores(x, W):
    result, total = [], 0
    for j in range(len(W[0])):
        total += sum(a * row[j] for a, row in zip(x, W))
        result.append(total)
    return result
# %% broken winner_only linear.columns_are_detectors: The highest score silences all others.
def scores(x, W):
    columns = list(zip(*W))
    all_scores = [sum(a * w for a, w in zip(x, c)) for c in columns]
    return [s if s == max(all_scores) else 0 for s in all_scores]
# %% broken only_positive linear.score_is_alignment: A negative score becomes 0: "opposite" looks like "at a right angle".
def scores(x, W):
    columns = list(zip(*W))
    return [max(0, sum(a * w for a, w in zip(x, c))) for c in columns]
# %% broken nearness linear.score_is_alignment: Minus the distance, which also is largest for the pattern itself.
def scores(x, W):
    columns = list(zip(*W))
    return [-sum((a - w) ** 2 for a, w in zip(x, c)) for c in columns]
