"""A module for each library: `TARGET`, the `PACKAGES` it comes in, and the `NAMES` of its functions."""
