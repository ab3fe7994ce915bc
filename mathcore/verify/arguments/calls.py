"""A call of every public function and method that works: the first of its kind in its own docstring.

So no list of functions is kept here. A name without an example has no call, and the test of the matrix says so.
"""

from __future__ import annotations

import doctest
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import mathcore


@dataclass(frozen=True)
class Call:
    """A call that works.

    Attributes:
        name: of the function, as it is reached from `mathcore`.
        function: what is called.
        arguments: parameter → argument, of all parameters; the default where the example gives none.
        annotations: parameter → its annotation, as it is written.
        doc: the docstring.
    """

    name: str
    function: Callable[..., Any]
    arguments: dict[str, Any]
    annotations: dict[str, str]
    doc: str

    def answer(self, given: dict[str, Any]) -> Any:
        """What the call returns for these arguments."""
        return self.function(**given)


APART = (  # modules whose functions read and write files, or train for long: they have tests of their own
    "mathcore.tokenizers.byte_pairs", "mathcore.tokenizers.pretrained.load_tokenizer",
    "mathcore.training.checkpoint", "mathcore.training.loop", "mathcore.models.decoder_folder",
    "mathcore.language_models.language_models.LanguageModel", "mathcore.language_models.language_models.start",
    "mathcore.language_models.language_models.train",
)  # fmt: skip


class _ReachedError(Exception):
    """The example has come to the call."""


def calls() -> Iterator[Call]:
    """A call of every public function, constructor and method of `mathcore` and `mathcore.course`."""
    for prefix, module in (("", mathcore), ("course.", mathcore.course)):
        for name in module.__all__:
            what = getattr(module, name)
            if f"{getattr(what, '__module__', '')}.{name}".startswith(APART):
                continue
            if inspect.isfunction(what):
                yield from _call(prefix + name, what, what, module, name)
            elif inspect.isclass(what) and not issubclass(what, Exception):
                yield from _call(prefix + name, what, what, what, "__init__")
                for method in _methods(what):
                    bound = inspect.getattr_static(what, method)
                    yield from _call(f"{prefix}{name}.{method}", getattr(what, method), bound, what, method)


def _methods(what: type) -> list[str]:
    kinds = (classmethod, staticmethod)
    own = {name: value for name, value in vars(what).items() if not name.startswith("_")}
    return [name for name, value in own.items() if inspect.isfunction(value) or isinstance(value, kinds)]


def _call(name: str, shown: Any, what: Any, home: Any, attribute: str) -> Iterator[Call]:
    reached = _reached(inspect.getdoc(shown) or "", what, home, attribute)
    if reached is None:
        return
    function, args, options = reached
    signature = inspect.signature(function)
    bound = signature.bind(*args, **options)
    bound.apply_defaults()
    annotations = {n: str(p.annotation).strip("'") for n, p in signature.parameters.items()}
    if bound.arguments:
        yield Call(name, function, dict(bound.arguments), annotations, inspect.getdoc(shown) or "")


def _reached(doc: str, what: Any, home: Any, attribute: str) -> tuple[Any, tuple[Any, ...], dict[str, Any]] | None:
    """The first call of `home.attribute` in the examples of a docstring, as they come to it: it is not made."""
    found: list[Any] = []

    def reached(*args: Any, **options: Any) -> Any:
        if isinstance(what, classmethod):
            found.append((what.__get__(None, home), args[1:], options))
        elif what is home:
            found.append((what, args[1:], options))
        elif inspect.isclass(home):
            found.append((what.__get__(args[0]), args[1:], options))
        else:
            found.append((what, args, options))
        raise _ReachedError

    stand_in = classmethod(reached) if isinstance(what, classmethod) else reached
    names = {"np": np, "mc": mathcore}
    for example in doctest.DocTestParser().get_examples(doc):
        before = vars(home)[attribute]
        setattr(home, attribute, stand_in)
        try:
            exec(compile(example.source, "<example>", "single"), names)
        except _ReachedError:
            function, args, options = found[0]
            return function, args, options
        finally:
            setattr(home, attribute, before)
    return None
