"""Sweeps: an operation on every number of a format, or on every pair, with the error of each in ulp."""
