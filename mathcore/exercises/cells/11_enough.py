"""How many knots are enough?"""
# %% start
def knots_needed(length, most_bent, allowed):
    """The fewest evenly spread knots for which M·h²/8 is at most `allowed`.

    M is `most_bent`, the largest second derivative, and h the gap.
    There are at least 2 knots, and n of them leave n − 1 gaps.
    """
    n = 2
    return n  # complete


print(knots_needed(length=2, most_bent=2, allowed=0.01))
# %% solution
def knots_needed(length, most_bent, allowed):
    """Fewest evenly spread knots for which M·h²/8 is at most `allowed`."""
    n = 2
    while most_bent * (length / (n - 1)) ** 2 / 8 > allowed:
        n += 1
    return n
# %% check approximation.relu_net_fits_any_continuous: So many knots follow c·x² closely enough, and one fewer does not.
@given(
    length=st.integers(1, 6), c=st.integers(1, 5), over=st.integers(1, 40)
)
def check(length, c, over):
    from fractions import Fraction

    allowed = Fraction(1, over)
    n = knots_needed(Fraction(length), 2 * c, allowed)

    def worst(n):  # at the middle of a gap: the chord is at c·h²/2
        h = Fraction(length, n - 1)
        return c * h * h / 2 - c * (h / 2) ** 2

    same(max(worst(n), allowed), allowed)
    if n > 2:
        differ(max(worst(n - 1), allowed), allowed)
# %% broken one_gap_too_many approximation.relu_net_fits_any_continuous: n knots are taken to leave n gaps.
def knots_needed(length, most_bent, allowed):
    n = 2
    while most_bent * (length / n) ** 2 / 8 > allowed:
        n += 1
    return n
# %% broken not_squared approximation.relu_net_fits_any_continuous: The gap is not squared.
def knots_needed(length, most_bent, allowed):
    n = 2
    while most_bent * (length / (n - 1)) / 8 > allowed:
        n += 1
    return n
