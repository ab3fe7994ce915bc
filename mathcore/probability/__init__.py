"""Scores and probabilities: softmax, its logarithm, cross-entropy, argmax."""
