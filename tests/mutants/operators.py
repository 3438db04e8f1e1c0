"""What is changed: one node of the syntax tree of a module at a time."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

COMPARISONS: dict[type[ast.cmpop], list[type[ast.cmpop]]] = {
    ast.Lt: [ast.LtE, ast.GtE],
    ast.LtE: [ast.Lt, ast.Gt],
    ast.Gt: [ast.GtE, ast.LtE],
    ast.GtE: [ast.Gt, ast.Lt],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
FOR_TYPES = ("TypeAlias", "TypeVar", "Literal", "Protocol", "ParamSpec", "Union", "Annotated")


class Mutant(NamedTuple):
    """A module with one change."""

    module: str
    name: str
    """Where and what, without line numbers, so that it outlasts changes elsewhere."""
    line: int
    source: str
    place: int
    number: int

    def tree(self) -> ast.Module:
        """The changed module."""
        tree = ast.parse(self.source)
        _, old = [*_places(tree, "")][self.place]
        new = ast.copy_location([*_changes(old)][self.number], old)
        _Replace(old, new).visit(tree)
        return ast.fix_missing_locations(tree)


def mutants(module: str, source: str) -> Iterator[Mutant]:
    """Every mutant of a module. A change that occurs twice in a function gets a number."""
    seen: Counter[str] = Counter()
    for index, (place, node) in enumerate(_places(ast.parse(source), module)):
        for number, changed in enumerate(_changes(node)):
            name = f"{place}: {_text(node)} -> {_text(changed)}"
            seen[name] += 1
            if seen[name] > 1:
                name += f" (#{seen[name]})"
            yield Mutant(module, name, getattr(node, "lineno", 0), source, index, number)


def _text(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())[:120]


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.old else self.generic_visit(node)


def _places(node: ast.AST, place: str) -> Iterator[tuple[str, ast.AST]]:
    """All nodes that run, each with the qualified name of what it stands in."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        place = f"{place}.{node.name}"
    yield place, node
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "bases", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_for_types_or_text(child):
                yield from _places(child, place)


def _is_for_types_or_text(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        text = ast.unparse(node)
        return text.startswith(("__all__", "__slots__")) or any(name in text for name in FOR_TYPES)
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_text or isinstance(node, (ast.Import, ast.ImportFrom, ast.JoinedStr))


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(ops=[operator]):
            for other in COMPARISONS[type(operator)]:
                yield _with(node, ops=[other()])
        case ast.BoolOp():
            yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.BinOp() if type(node.op) in ARITHMETIC:
            yield _with(node, op=ARITHMETIC[type(node.op)]())
        case ast.If() | ast.While() | ast.IfExp() if not isinstance(
            node.test, (ast.Compare, ast.UnaryOp, ast.Constant)
        ):
            yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int() | float()):
            yield ast.Constant(node.value + 1)
            yield ast.Constant(node.value - 1)
        case ast.Return(value=ast.expr()) if not _is_false(node.value):
            yield ast.Return(ast.Constant(None))
        case (
            ast.Raise() | ast.Delete() | ast.AugAssign() | ast.Expr(value=ast.Call() | ast.Await())
        ):
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield ast.Pass()
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()
        case _:
            pass


def _is_false(node: ast.AST | None) -> bool:
    """Whether it is None, False or an empty text already."""
    return isinstance(node, ast.Constant) and not node.value


def _with(node: ast.AST, **fields: object) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed
