"""`python run_notebook.py FILE`: runs a notebook as its reader does, and prints as JSON the outputs that differ."""

import ast
import contextlib
import io
import json
import sys
from pathlib import Path


def outcome(source):
    """What a cell prints, the value of its last line, and the error that ends it."""
    tree = ast.parse(source)
    last = ast.Expression(tree.body.pop().value) if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    value, raised, text = None, "", io.StringIO()
    with contextlib.redirect_stdout(text):
        try:
            exec(compile(tree, "<cell>", "exec"), vars(sys.modules["__main__"]))
            value = eval(compile(last, "<cell>", "eval"), vars(sys.modules["__main__"])) if last else None
        except Exception as error:
            raised = f"{type(error).__name__}: {error}"
    return text.getvalue(), "" if value is None else repr(value), raised


def told(cell):
    """What the notebook says of the same three."""
    by_kind = {output["output_type"]: output for output in cell["outputs"]}
    text = "".join(by_kind["stream"]["text"]) if "stream" in by_kind else ""
    value = "".join(by_kind["execute_result"]["data"]["text/plain"]) if "execute_result" in by_kind else ""
    error = by_kind.get("error")
    return text, value, f"{error['ename']}: {error['evalue']}" if error else ""


def differences(cells):
    """The cells that give something else; of those that were not run, the ones that end in an error."""
    for cell in cells:
        source = "".join(cell["source"])
        got, expected = outcome(source), told(cell)
        goes_on = not got[2] or "raises-exception" in cell["metadata"].get("tags", ())
        same = [one.split() for one in got] == [one.split() for one in expected]
        if not goes_on or (cell["execution_count"] is not None and not same):
            yield [source, *got, *expected]


if __name__ == "__main__":
    whole = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    found = list(differences([cell for cell in whole["cells"] if cell["cell_type"] == "code"]))
    sys.stdout.write(json.dumps(found))
