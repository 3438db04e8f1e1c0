"""What the package shows, and the rules that its source keeps."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from packaging.version import Version

import clerk_hooks
from clerk_hooks import errors

SOURCE = Path(clerk_hooks.__file__).parent
MODULES = sorted(SOURCE.rglob("*.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef

each_module = pytest.mark.parametrize(
    "module", MODULES, ids=lambda path: str(path.relative_to(SOURCE))
)


def is_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Exception)


def is_decorated(node: Function, *names: str) -> bool:
    return any(ast.unparse(decorator).endswith(names) for decorator in node.decorator_list)


def public_definitions(node: ast.AST, place: str) -> Iterator[tuple[str, ast.AST]]:
    """The public functions, classes and methods in `node`, which is a module or a class."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.If, ast.Try)):
            yield from public_definitions(child, place)
        elif isinstance(child, (ast.ClassDef, Function)) and not child.name.startswith("_"):
            name = f"{place}.{child.name}"
            if not (isinstance(child, Function) and is_decorated(child, "overload", ".setter")):
                yield name, child
            if isinstance(child, ast.ClassDef):
                yield from public_definitions(child, name)


def functions() -> Iterator[tuple[str, Function]]:
    """All that have a body: neither overloads nor the methods of a Protocol."""
    for module in MODULES:
        tree = ast.parse(module.read_text("utf-8"))
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and "Protocol" in map(ast.unparse, node.bases):
                node.body.clear()
        for node in ast.walk(tree):
            if isinstance(node, Function) and not is_decorated(node, "overload"):
                yield f"{module.stem}.{node.name}", node


def test_all_is_what_there_is() -> None:
    there = {
        name
        for name, value in vars(clerk_hooks).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    there -= {"TYPE_CHECKING"}
    assert there | {"__version__", "Worker"} == set(clerk_hooks.__all__)


def test_all_is_what_was_designed() -> None:
    tree = [name for name, value in vars(errors).items() if is_error(value)]
    assert sorted(clerk_hooks.__all__) == sorted(
        [
            "AsyncIdempotencyStore",
            "AsyncInbox",
            "Delivery",
            "Endpoint",
            "IdempotencyStore",
            "Inbox",
            "MemoryStore",
            "Observer",
            "Processor",
            "Reply",
            "RetryPolicy",
            "Router",
            "SvixVerifier",
            "Verifier",
            "Worker",
            "__version__",
            "parse_event",
            "sign",
            "verify",
            *tree,
        ]
    )


def test_all_is_sorted_and_without_duplicates() -> None:
    assert clerk_hooks.__all__ == sorted(set(clerk_hooks.__all__))


def test_the_public_names_are_documented() -> None:
    for name in set(clerk_hooks.__all__) - {"__version__"}:
        assert getattr(clerk_hooks, name).__doc__


def test_the_version_is_one() -> None:
    assert str(Version(clerk_hooks.__version__)) == clerk_hooks.__version__


@each_module
def test_every_public_definition_has_a_docstring(module: Path) -> None:
    tree = ast.parse(module.read_text("utf-8"))
    definitions = [(module.name, tree), *public_definitions(tree, module.stem)]
    without = {name for name, node in definitions if not ast.get_docstring(node)}  # type: ignore[arg-type]
    documented = {name for name, _ in definitions} - without
    overrides = {  # They inherit the docstring.
        f"{module.stem}.{each.name}.{name.rpartition('.')[2]}"
        for each in tree.body
        if isinstance(each, ast.ClassDef)
        for base in map(ast.unparse, each.bases)
        for name in documented
        if name.startswith(f"{module.stem}.{base}.")
    }
    assert without - overrides == set()


def test_a_module_is_at_most_300_lines() -> None:
    """Those of nothing but overloads or models are as long as Clerk's events make them."""
    lengths = {
        str(module.relative_to(SOURCE)): len(module.read_text("utf-8").splitlines())
        for module in MODULES
        if module.name != "_on.py" and module.parent.name != "events"
    }
    assert {name: length for name, length in lengths.items() if length > 300} == {}


def test_nine_functions_of_ten_are_at_most_30_lines() -> None:
    lengths = sorted((node.end_lineno or 0) - node.lineno + 1 for _, node in functions())
    assert lengths[len(lengths) * 9 // 10] <= 30


@each_module
def test_nothing_is_left_to_do(module: Path) -> None:
    text = module.read_text("utf-8")
    assert re.findall(r"\b(?:TODO|FIXME|XXX|HACK|NotImplementedError)\b", text) == []


def test_no_function_is_a_stub() -> None:
    stubs = [
        name
        for name, node in functions()
        if ast.unparse(node.body[-1]) in ("...", "pass")
        and not is_decorated(node, "abstractmethod")
    ]
    assert stubs == []


def test_the_source_was_found() -> None:
    assert {"__init__.py", "router.py", "endpoint.py"} <= {module.name for module in MODULES}
