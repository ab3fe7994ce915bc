"""Training: optimisers, rates, checkpoints."""
