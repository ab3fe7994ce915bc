"""What every public function makes of every kind of argument: the matrix, from signatures and examples alone."""

from mathcore.verify.arguments.cells import Cell, matrix

__all__ = ["Cell", "matrix"]
