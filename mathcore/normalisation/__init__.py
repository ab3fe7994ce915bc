"""Normalisation: RMS norm."""
