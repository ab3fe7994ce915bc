"""Going on by k words is one turn, the same everywhere."""
# %% start
import math


def hand(m, speed):
    """Sine and cosine of a hand at the position m."""
    return [math.sin(m * speed), math.cos(m * speed)]


def turned(pair, angle):
    """The hand, turned on by an angle: no need to know where it stood."""
    sine, cosine = pair
    return [
        sine * math.cos(angle) + cosine * math.sin(angle),
        cosine * math.cos(angle) - sine * math.sin(angle),
    ]


print(hand(5, 1.0))
print(turned(hand(2, 1.0), 3.0), "the same, three words on from 2")
# %% check position.shift_is_linear: A hand turned on by k steps is the hand of the position k further.
@given(m=st.integers(-500, 500), k=st.integers(-500, 500), speed=st.sampled_from([1.0, 0.5, 0.125]))
def check(m, k, speed):
    # with these speeds the angles are exact; then four sines and three operations round
    same(turned(hand(m, speed), k * speed), hand(m + k, speed), within=8 * UNIT)
# %% check position.stays_small: A turn does not change the length of a hand.
@given(m=st.integers(-500, 500), k=st.integers(-500, 500))
def check(m, k):
    sine, cosine = turned(hand(m, 1.0), float(k))
    same(sine * sine + cosine * cosine, 1.0, within=16 * UNIT)
# %% broken backwards position.shift_is_linear: The signs are exchanged: it turns the other way.
def turned(pair, angle):
    sine, cosine = pair
    return [
        sine * math.cos(angle) - cosine * math.sin(angle),
        cosine * math.cos(angle) + sine * math.sin(angle),
    ]
# %% broken both_added position.stays_small: A plus in both lines is no turn.
def turned(pair, angle):
    sine, cosine = pair
    return [
        sine * math.cos(angle) + cosine * math.sin(angle),
        cosine * math.cos(angle) + sine * math.sin(angle),
    ]
