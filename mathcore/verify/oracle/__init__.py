"""Where true values come from: balls, dual numbers, exact numbers, and counts."""
