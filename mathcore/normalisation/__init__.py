"""normalisation."""
