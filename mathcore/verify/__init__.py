"""Check claims about language-model primitives, on mathcore or on any other implementation."""

from mathcore.verify.claims import Claim, Mutant, mutant
from mathcore.verify.domains import (
    domain,
    draw_array,
    draw_exact,
    draw_integers,
    dtypes,
    floats,
    integers_as_floats,
    log_uniform,
    positions,
    score_rows,
    seeds,
    widths,
)
from mathcore.verify.laws import every_law
from mathcore.verify.limits import Limits, given_that
from mathcore.verify.operation import Operation, like
from mathcore.verify.oracle.enclosures import Enclosure, balls, enclose
from mathcore.verify.promises import reproduced
from mathcore.verify.relations import (
    all_of,
    at_least,
    at_most,
    differs,
    equal,
    equal_in_range,
    identical,
    less,
    raises,
    same,
)
from mathcore.verify.report.report import Report
from mathcore.verify.run.catalogue import catalogue, select
from mathcore.verify.run.parametrize import parametrize_claims
from mathcore.verify.run.session import Functions, verify
from mathcore.verify.targets.detect import Detection, detect
from mathcore.verify.targets.restrictions import Restrictions
from mathcore.verify.targets.target import Conventions, Operations, Target, mathcore_target
from mathcore.verify.tolerances import Allowance, tolerance
from mathcore.verify.vjp import VjpCheck, check_vjp

__all__ = [
    "Allowance",
    "Claim",
    "Conventions",
    "Detection",
    "Enclosure",
    "Functions",
    "Limits",
    "Mutant",
    "Operation",
    "Operations",
    "Report",
    "Restrictions",
    "Target",
    "VjpCheck",
    "all_of",
    "at_least",
    "at_most",
    "balls",
    "catalogue",
    "check_vjp",
    "detect",
    "differs",
    "domain",
    "draw_array",
    "draw_exact",
    "draw_integers",
    "dtypes",
    "enclose",
    "equal",
    "equal_in_range",
    "every_law",
    "floats",
    "given_that",
    "identical",
    "integers_as_floats",
    "less",
    "like",
    "log_uniform",
    "mathcore_target",
    "mutant",
    "parametrize_claims",
    "positions",
    "raises",
    "reproduced",
    "same",
    "score_rows",
    "seeds",
    "select",
    "tolerance",
    "verify",
    "widths",
]
