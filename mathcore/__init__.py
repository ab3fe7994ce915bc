"""The mathematics of language models: small exact primitives on NumPy alone."""

from __future__ import annotations

from mathcore._loader import attach

__version__ = "0.2.0"

__getattr__, __dir__, __all__ = attach(globals())
