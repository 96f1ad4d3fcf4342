"""The tree of errors: what people branch on."""

import ast
import builtins
import copy
import pickle
from pathlib import Path

import pytest

from belimo_nb import errors

TREE = {
    "BelimoError": ("Exception", 1),
    "SettingsError": ("BelimoError", 2),
    "UsageError": ("BelimoError", 2),
    "UnknownDevice": ("UsageError", 2),
    "AmbiguousDevice": ("UsageError", 2),
    "UnknownDatapoint": ("UsageError", 2),
    "CloudError": ("BelimoError", 3),
    "SignInError": ("CloudError", 3),
    "ConnectionFailed": ("CloudError", 3),
    "TimedOut": ("ConnectionFailed", 3),
    "RateLimited": ("CloudError", 3),
    "ServerError": ("CloudError", 3),
    "ApiError": ("CloudError", 3),
    "AnswerError": ("CloudError", 3),
    "NoDataError": ("BelimoError", 1),
    "StoreError": ("BelimoError", 1),
}


def test_tree():
    """Every error has its place and its exit status, and there are no others."""
    found = {name: getattr(errors, name) for name in errors.__all__}
    assert {name: (kind.__base__.__name__, kind.exit_status) for name, kind in found.items()} == TREE


def test_the_docstring_draws_the_tree():
    """The picture at the top of the module names every error."""
    picture = errors.__doc__.split("::")[1]
    assert [name for name in TREE if name not in picture] == []


def test_exported_names_are_sorted():
    """`__all__` is sorted and complete."""
    defined = {
        name for name, value in vars(errors).items() if isinstance(value, type) and value.__module__ == errors.__name__
    }
    assert errors.__all__ == sorted(defined)


@pytest.mark.parametrize("remake", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])  # noqa: S301
def test_fields_survive(remake):
    """Errors keep their fields when they are copied or sent from another process."""
    error = errors.RateLimited("Slow down.", status_code=429, retry_after=7.5, retryable=True)
    again = remake(error)
    assert type(again) is errors.RateLimited
    assert str(again) == "Slow down."
    assert (again.status_code, again.retry_after, again.retryable) == (429, 7.5, True)


def test_usage_errors_are_value_errors():
    """Who catches ValueError catches wrong arguments, too."""
    with pytest.raises(ValueError, match="No such"):
        raise errors.UnknownDevice("No such device.")


def test_a_sentence_instead_of_a_trace():
    """Notebooks show the sentence, not a stack of calls."""
    assert errors.SettingsError("It is missing.")._render_traceback_() == ["SettingsError: It is missing."]


def test_the_package_raises_nothing_else():
    """No module of the client raises a bare built-in error at its users."""
    package = Path(errors.__file__).parent
    raised = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
                raised.add((path.relative_to(package).as_posix(), node.exc.func.id))
    expected = {
        ("__init__.py", "AttributeError"),
        ("cloud/__init__.py", "AttributeError"),
        ("system/files.py", "OSError"),  # as any write may; here for a path that leads elsewhere
        ("explorer/choice.py", "ValueError"),  # from a kept choice, whose reader takes it for none
        ("report/engine/shell.py", "TypeError"),  # as the kernel that it stands for does
    }
    found = {(file, name) for file, name in raised if hasattr(builtins, name) and not file.startswith("demo/")}
    assert found <= expected
    assert ("settings/__init__.py", "SettingsError") in raised
