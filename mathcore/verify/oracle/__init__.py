"""Reference values: Arb balls, dual numbers, exact numbers, and operation counts."""
