"""The implementations that claims are checked on: how they are called, and what they declare."""
