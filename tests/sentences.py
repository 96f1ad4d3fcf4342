"""What the checks can say, by the literals of their code, and examples that contain all of them."""

import ast
from pathlib import Path

import belimo_nb.hydronics

FOLDER = Path(belimo_nb.hydronics.__file__).parent
PLACES = sorted(
    [*(FOLDER / "checks").glob("*.py"), FOLDER / "exchanger.py", FOLDER / "samples.py", FOLDER / "spells.py"]
)
LEAST = 8  # letters from which on a literal is a part of a sentence
NO_SENTENCES = {
    *("THRESHOLD", "CHECK", "MEAN", "LOW", "limits", "threshold"),
    *("UsageError", "__repr__", "_numbers", "__post_init__", "match", "plural"),
}


def literals():
    """The parts of sentences in the code of the checks, by file: strings, and what lies between the figures of one."""
    return {path.name: sorted(set(_parts(ast.parse(path.read_text(encoding="utf-8"))))) for path in PLACES}


def _parts(tree):
    """The parts of sentences below a node."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # a docstring
        if isinstance(node, ast.FunctionDef) and node.name in NO_SENTENCES:
            continue
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id in NO_SENTENCES for target in targets):
                continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NO_SENTENCES:
            continue
        if isinstance(node, ast.FormattedValue):  # not its format
            node = ast.Module([ast.Return(node.value)], [])
        if isinstance(node, ast.Constant):
            text = str(node.value).strip()
            if isinstance(node.value, str) and len(text) >= LEAST and " " in text:
                yield text
            continue
        yield from _parts(node)
