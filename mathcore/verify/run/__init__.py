"""Running claims: input search, attempts, verdicts, worker processes."""
