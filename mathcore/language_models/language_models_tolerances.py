r"""What rounding may do to the numbers of a language model.

Notation as in `mathcore.verify.tolerances`. A word of m bytes, its end included, is spelled with the factors
$q_1, \dots, q_m$; u is that of float64.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mathcore.verify.tolerances import gamma, tolerance

_U = 2.0**-53
_LETTER = 10  # roundings of one factor q: 1/257, and a product, a sum and a quotient for runs of 0, 1 and 2 bytes


@tolerance
def bigram_rounding(p: Any, letters: Any) -> Any:
    r"""The probability $p(w \mid v)$ of a word.

    Every number in it is positive, so relative errors do not grow. A factor of the spelling meets 10 roundings, their
    product one more each: $\gamma_{11m}$. The quotients, products and sums around it are 8 roundings at most. Counts
    and multiples of δ = ¾ are exact.
    """
    return gamma((_LETTER + 1) * max(letters, default=0) + 8, _U) * np.asarray(p, np.float64)


@tolerance
def bits_rounding(bits: Any, spelled: Any, letters: Any, size: int) -> Any:
    r"""The bits of some words, $-\log_2 p(w \mid v)$ each, over the bytes of the text.

    The bits of the spelling, $L = -\sum_i \log_2 q_i$, are off by $m\gamma_{10}/\ln 2$ for the factors and by
    $(\gamma_m + 2u)L$ for the sum and for logarithms that are off by 1 ulp. What is counted, the share of the rest,
    the power and the sum of both move p by $\gamma_8$ more, so its bits by $\gamma_8/\ln 2$; the last logarithm and the
    sum after it add 4u of the bits. The sum over n words and the quotient add $\gamma_{n+1}$ of the total. All of it is
    taken 1 % larger, for errors of errors.
    """
    bits, spelled, m = (np.asarray(x, np.float64) for x in (bits, spelled, letters))
    turned = (m * gamma(_LETTER, _U) + gamma(8, _U)) / math.log(2)
    words = turned + (gamma(float(m.max()), _U) + 2 * _U) * spelled + 4 * _U * bits
    return 1.01 * (words.sum() + gamma(len(bits) + 1, _U) * bits.sum()) / size


@tolerance
def windows_rounding(bits: float, windows: int) -> Any:
    r"""Bits a byte that are put together from natural logarithms, window by window.

    Each window's nats are divided by ln 2, itself rounded; a sum over `windows` of them and the bits of a first token,
    another logarithm that is off by 1 ulp, and the quotient by the bytes: $\gamma_{w+6}$ of the whole.
    """
    return gamma(windows + 6, _U) * abs(bits)
