"""A step that leaves alone what is frozen."""
# %% start
def step(params, slopes, rate, frozen):
    """New tables: those in `frozen` as they are, the others a step on."""
    new = {}
    for name, table in params.items():
        new[name] = table  # complete: a step, if it is not frozen
    return new


params = {"vectors": [[1, 2], [3, 4]], "weights": [[0, 1]]}
slopes = {"vectors": [[2, 2], [0, 4]], "weights": [[4, 0]]}
print(step(params, slopes, 0.5, ["vectors"]))
# %% solution
def step(params, slopes, rate, frozen):
    """New tables: those in `frozen` as they are, the others a step on."""
    new = {}
    for name, table in params.items():
        if name in frozen:
            new[name] = table
        else:
            new[name] = [
                [x - rate * g for x, g in zip(row, slope)]
                for row, slope in zip(table, slopes[name])
            ]
    return new
# %% check training.frozen_stays: A frozen table stays what it was, even if it has no slopes at all.
@given(
    table=st.lists(st.lists(st.integers(-9, 9), min_size=2, max_size=2), min_size=1, max_size=3),
    rate=st.integers(1, 4),
    told=st.booleans(),
)
def check(table, rate, told):
    ones = [[1] * len(row) for row in table]
    params = {"vectors": [list(row) for row in table], "weights": [list(row) for row in table]}
    slopes = {"vectors": ones, "weights": ones} if told else {"weights": ones}
    same(step(params, slopes, rate, ["vectors"])["vectors"], table)
# %% check training.sgd_is_theta_minus_alpha_g: What is not frozen moves by the rate times its slope.
@given(
    table=st.lists(st.lists(st.integers(-9, 9), min_size=2, max_size=2), min_size=1, max_size=3),
    by=st.integers(-3, 3),
    rate=st.integers(1, 4),
)
def check(table, by, rate):
    params = {"vectors": [list(row) for row in table], "weights": [list(row) for row in table]}
    slopes = {name: [[by] * len(row) for row in table] for name in params}
    wanted = [[x - rate * by for x in row] for row in table]
    same(step(params, slopes, rate, ["vectors"])["weights"], wanted)
    same(step(params, slopes, rate, [])["vectors"], wanted)
# %% broken nothing_frozen training.frozen_stays: Whatever has slopes is moved.
def step(params, slopes, rate, frozen):
    return {
        name: [[x - rate * g for x, g in zip(row, slope)] for row, slope in zip(table, slopes[name])]
        if name in slopes
        else table
        for name, table in params.items()
    }
# %% broken all_or_nothing training.sgd_is_theta_minus_alpha_g: If one table is frozen, none of them moves.
def step(params, slopes, rate, frozen):
    if frozen:
        return params
    return {
        name: [[x - rate * g for x, g in zip(row, slope)] for row, slope in zip(table, slopes[name])]
        for name, table in params.items()
    }
