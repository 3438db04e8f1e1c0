"""The page of the errors has every class, status and reason that the library can raise."""

import ast
import re

import clerk_hooks
from clerk_hooks import ClerkHooksError, ConfigurationError, InputTypeError

from .pages import BLOCK, ROOT, SOURCE


def test_the_table_of_reasons_has_every_reason_and_no_other() -> None:
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    documented = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (\w+) \|", page, re.MULTILINE)
    raised = reasons_in_source()
    in_no_use_yet = {
        (error.reason, name)
        for name, error in ERRORS.items()
        if not error.__subclasses__() and name not in {raiser for _, raiser in raised}
    }
    assert sorted(documented) == sorted(
        (reason, name, answer_of(ERRORS[name])) for reason, name in raised | in_no_use_yet
    )


def test_the_tree_of_errors_has_every_class_and_its_status() -> None:
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    drawn = re.findall(r"(?m)^([│├└─ ]*)([A-Z]\w+)(?: \(.*?\))?(?: +(\d+))?", tree_in(page))
    depths = {name: len(indent) // 4 for indent, name, _ in drawn}
    assert depths == {name: depth(error) for name, error in ERRORS.items()}
    for _, name, status in drawn:
        assert status in {"", answer_of(ERRORS[name])}


ERRORS: dict[str, type[ClerkHooksError]] = {
    name: value
    for name, value in vars(clerk_hooks).items()
    if isinstance(value, type) and issubclass(value, ClerkHooksError)
}


def tree_in(page: str) -> str:
    return next(match["text"] for match in BLOCK.finditer(page) if "└" in match["text"])


def depth(error: type[ClerkHooksError]) -> int:
    return sum(issubclass(ancestor, ClerkHooksError) for ancestor in error.__mro__) - 1


def answer_of(error: type[ClerkHooksError]) -> str:
    """The status of its reply, or that there is none."""
    never_a_reply = issubclass(error, (ConfigurationError, InputTypeError))
    return "raised" if never_a_reply else str(error.status)


def reasons_in_source() -> set[tuple[str, str]]:
    """Each (reason, class of error) that a module of the library builds an error with."""
    found: set[tuple[str, str]] = set()
    for path in SOURCE.rglob("*.py"):
        module = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(module):
            call = node.exc if isinstance(node, ast.Raise) else node
            function = call.func if isinstance(call, ast.Call) else call
            raised = isinstance(node, (ast.Raise, ast.Call)) and isinstance(function, ast.Name)
            if not raised or function.id not in ERRORS:
                continue
            keywords = call.keywords if isinstance(call, ast.Call) else []
            values = [keyword.value for keyword in keywords if keyword.arg == "reason"]
            reasons = texts(values[0], module) if values else {ERRORS[function.id].reason}
            assert reasons, f"{path}:{node.lineno}: a reason that cannot be read"
            found |= {(reason, function.id) for reason in reasons}
    return found


def texts(value: ast.expr, module: ast.Module) -> set[str]:
    """The texts that an expression may be: those in it, or in what its variable is assigned."""
    if isinstance(value, ast.Name):
        assigned = [
            node.value
            for node in ast.walk(module)
            if isinstance(node, ast.Assign) and value.id in map(ast.unparse, node.targets)
        ]
        return {text for other in assigned for text in texts(other, module)}
    constants = [node.value for node in ast.walk(value) if isinstance(node, ast.Constant)]
    return {constant for constant in constants if isinstance(constant, str)}
