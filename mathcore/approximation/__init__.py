"""approximation."""
