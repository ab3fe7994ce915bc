"""The claims about accuracy, on every set of instructions that NumPy may use on this processor.

NumPy has loops for several sets and picks the widest; `NPY_DISABLE_CPU_FEATURES` takes some away. By hand, for any
claims and with their mutants:

    NPY_DISABLE_CPU_FEATURES="X86_V4 AVX512_ICL AVX512_SPR" mathcore verify softmax rope
"""

import os
import subprocess
import sys
import textwrap

import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

HERE = [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]
WIDEST = [name for name in HERE if name.startswith(("AVX512", "X86_V4"))]
CLAIMS = ("softmax.accuracy", "logsumexp.accuracy", "log_softmax.accuracy", "cross_entropy.accuracy", "rope.anchor")
CODE = textwrap.dedent(
    """
    import sys
    from numpy._core._multiarray_umath import __cpu_features__
    from mathcore.verify import mathcore_target, verify

    off, claims = sys.argv[1].split(), sys.argv[2:]
    print("off:", *(name for name in off if not __cpu_features__[name]))
    for claim, result in verify(mathcore_target(), *claims, profile="quick", seed=0, workers=1).results:
        print(claim.id, result.outcome)
    """
)


@pytest.mark.parametrize("off", [WIDEST, HERE], ids=["narrower", "narrowest"])
def test_primitives_are_as_accurate_on_narrower_instructions(off):
    if not off:
        pytest.skip("this processor has no wider instructions that could be taken away")
    names = " ".join(off)
    environment = {**os.environ, "NPY_DISABLE_CPU_FEATURES": names}
    command = [sys.executable, "-c", CODE, names, *CLAIMS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    expected = {f"off: {names}", *(f"{claim} holds" for claim in CLAIMS)}
    assert set(done.stdout.splitlines()) == expected, done.stderr
