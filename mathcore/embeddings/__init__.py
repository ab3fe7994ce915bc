"""Words as vectors: tables, cosines, scores."""
