"""Running claims: inputs, attempts, verdicts, processes."""
