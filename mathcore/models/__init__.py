"""Models: a predictor of neighbours, and a small transformer."""
