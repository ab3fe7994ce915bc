"""What the course builds and measures: nets by hand, real digits, a predictor of neighbours, a text."""

from __future__ import annotations

from mathcore._loader import attach

__getattr__, __dir__, __all__ = attach(globals())
