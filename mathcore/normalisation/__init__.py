"""Normalisation: RMS norm and layer norm."""
