"""How fast the primitives are, beside others."""
