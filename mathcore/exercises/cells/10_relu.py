"""ReLU in two lines, and its slope."""
# %% start
def relu(x):
    if x <= 0:
        return 0.0
    return x


def relu_back(slope, x):
    """The slope that arrives at the output, passed back to the input."""
    if x > 0:
        return slope
    return 0.0


for x in [-2.0, -0.5, 0.0, 3.0]:
    print(x, "becomes", relu(x), "slope", relu_back(1.0, x))
# %% check relu.keeps_positive_zeroes_negative: Positive stays, negative becomes 0, and NaN stays NaN.
@given(x=st.floats() | st.just(float("nan")))
def check(x):
    if x > 0:
        same(relu(x), x)
    elif x <= 0:
        same(relu(x), 0.0)
    else:
        same("NaN" if relu(x) != relu(x) else relu(x), "NaN")
# %% check relu.algebra: A number is its positive part less that of its negative; twice is once.
@given(x=st.integers(-1000, 1000))
def check(x):
    same(relu(x) - relu(-x), x)
    same(relu(relu(x)), relu(x))
# %% check relu.gradient_is_a_mask: The slope passes where x is positive, and nothing where x is negative.
@given(x=st.integers(-20, 20), slope=st.integers(-9, 9))
def check(x, slope):
    assume(x != 0)
    same(relu_back(slope, x), slope * (relu(x + 0.5) - relu(x - 0.5)))
# %% broken sign_lost relu.algebra: The sign is taken off: −2 becomes 2.
def relu(x):
    return abs(x)


def relu_back(slope, x):
    return slope if x > 0 else -slope
# %% broken leaky relu.keeps_positive_zeroes_negative: A hundredth of what is negative leaks through.
def relu(x):
    return x if x > 0 else 0.01 * x


def relu_back(slope, x):
    return slope if x > 0 else 0.01 * slope
# %% broken nan_hidden relu.keeps_positive_zeroes_negative: Not larger than 0 is not the same as at most 0.
def relu(x):
    return x if x > 0 else 0.0


def relu_back(slope, x):
    return slope if x > 0 else 0.0
# %% broken all_pass relu.gradient_is_a_mask: The slope passes back as if nothing had been cut off.
def relu(x):
    return 0.0 if x <= 0 else x


def relu_back(slope, x):
    return slope
