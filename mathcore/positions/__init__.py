"""Positions: RoPE and sinusoidal codes."""
