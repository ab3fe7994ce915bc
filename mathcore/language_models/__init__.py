"""Language models of bytes and words, trained and compared."""
