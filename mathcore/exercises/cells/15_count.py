"""Count what a matrix product costs."""
# %% start
def cost(m, k, n):
    """Multiplications and additions of (m, k) times (k, n)."""
    multiplications = additions = 0
    for i in range(m):
        for j in range(n):
            for t in range(k):
                multiplications += 1
                if t > 0:
                    additions += 1
    return multiplications, additions


print(cost(1, 3, 2))
print(cost(5, 4, 12), "the last layer of the tiny model, for five words")
# %% check linear.operation_count: m n k multiplications, and m n (k - 1) additions.
@given(m=st.integers(1, 6), k=st.integers(1, 6), n=st.integers(1, 6))
def check(m, k, n):
    same(list(cost(m, k, n)), [m * n * k, m * n * (k - 1)])
# %% broken one_too_many linear.operation_count: Adds to 0 first, and counts it.
def cost(m, k, n):
    return m * n * k, m * n * k
# %% broken rows_forgotten linear.operation_count: Counts a single row.
def cost(m, k, n):
    return n * k, n * (k - 1)
