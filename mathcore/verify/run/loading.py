"""Objects by their paths, as on the command line."""

from __future__ import annotations

import importlib
import sys
from typing import Any


def load_object(module: str, name: str = "") -> Any:
    """The object of that name in a module, or the module itself; names may have dots.

    Modules are also looked for in the current folder.

    Raises:
        Exception: whatever the module raises, or ImportError or AttributeError if one of the two is not there.

    Examples:
        >>> from mathcore.verify.run.loading import load_object
        >>> load_object("math", "pi")
        3.141592653589793
    """
    if "" not in sys.path:
        sys.path.insert(0, "")
    found = importlib.import_module(module)
    for part in filter(None, name.split(".")):
        found = getattr(found, part)
    return found
