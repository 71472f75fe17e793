"""What can be said about a cell before it runs: its last value, the names it reads and assigns.

Relies on `ast`, and on `symtable` for what functions and comprehensions read.  The one idea: a
name is *free* if the text reads it before assigning it; only free names may become symbols, so that
a cell which makes its own array sees that array on the second run too.
"""

from __future__ import annotations

import ast
import dataclasses
import symtable
from collections.abc import Iterator

from autodiff_lab.errors import LabValueError
from autodiff_lab.graph import SourceLine


@dataclasses.dataclass(frozen=True)
class CellSyntax:
    """A cell taken apart.

    Attributes
    ----------
    body : ast.Module
        Every statement that is run before the value is taken.
    value : ast.Expression
        The expression to differentiate.
    value_line : int
        The line on which it stands.
    name : str or None
        Its name, where it is one.
    is_function : bool
        The cell ends in a ``def`` (or in a name that the cell defines as a function).
    free : tuple of str
        Names read before they are assigned, in the order of reading.
    assigned : tuple of str
        Names the cell assigns, in order.
    silenced : bool
        The cell ends in ``;``.
    """

    body: ast.Module
    value: ast.Expression
    value_line: int
    name: str | None
    is_function: bool
    free: tuple[str, ...]
    assigned: tuple[str, ...]
    silenced: bool


def take_apart(
    tree: ast.Module, text: str, of: str | None = None, filename: str = "cell"
) -> CellSyntax:
    """Split a parsed cell into what runs first and the value to differentiate."""
    statements = list(tree.body)
    if not statements:
        raise LabValueError(
            "The cell is empty.", remedy="write the expression to differentiate in it"
        )
    reads, assigned = names_of(tree)
    last = statements[-1]
    name, value = _value_of(last)
    if of is not None:
        name = of
        value = ast.copy_location(ast.Name(of, ast.Load()), last)
    elif value is None:
        raise _no_value(last, filename)
    elif isinstance(last, ast.Expr):
        statements.pop()
    assert value is not None
    return CellSyntax(
        body=ast.Module(statements, tree.type_ignores), value=ast.Expression(value),
        value_line=value.lineno, name=name,
        is_function=name is not None and _binds_function(statements, name), free=reads,
        assigned=assigned, silenced=text.rstrip().endswith(";"),
    )


def _value_of(last: ast.stmt) -> tuple[str | None, ast.expr | None]:
    """The name and expression that the last statement stands for, None where it has no value."""
    if isinstance(last, ast.Expr):
        name = last.value.id if isinstance(last.value, ast.Name) else None
        return name, last.value
    target: str | None = None
    if isinstance(last, ast.FunctionDef):
        target = last.name
    elif isinstance(last, ast.Assign) and isinstance(last.targets[-1], ast.Name):
        target = last.targets[-1].id
    elif isinstance(last, (ast.AugAssign, ast.AnnAssign)) and isinstance(last.target, ast.Name):
        target = last.target.id
    if target is None:
        return None, None
    return target, ast.copy_location(ast.Name(target, ast.Load()), last)


def _no_value(last: ast.stmt, filename: str) -> LabValueError:
    kind = {
        ast.For: "a loop", ast.While: "a loop", ast.If: "an if", ast.Import: "an import",
        ast.ImportFrom: "an import", ast.ClassDef: "a class", ast.With: "a with block",
    }.get(type(last), f"{type(last).__name__.lower()!r}")
    return LabValueError(
        "The cell does not end in an expression.", where=SourceLine(filename, last.lineno),
        why=f"its last statement is {kind}, which has no value to differentiate",
        remedy="end with the expression or its name, or say which with --of NAME",
    )


def _binds_function(statements: list[ast.stmt], name: str) -> bool:
    """Whether the last top statement that assigns `name` makes it a function."""
    found = False
    for statement in statements:
        if isinstance(statement, ast.FunctionDef):
            found = statement.name == name or found
        elif isinstance(statement, ast.Assign):
            targets = [t.id for t in statement.targets if isinstance(t, ast.Name)]
            if name in targets:
                found = isinstance(statement.value, ast.Lambda)
    return found


# --- which names are free -----------------------------------------------------------------------

# Parts of a text that have a scope of their own: those that run where they stand, and those that
# run later, nobody knows when.
_Scope = ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_Late = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def names_of(tree: ast.Module) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names a module reads before assigning them, and the names it assigns, both in order.

    Inside functions a name counts as read unless the module assigns it anywhere, as nobody knows
    when the function is called.

    Examples
    --------
    >>> names_of(ast.parse("a = w * x\\ndef f(t): return t + b + a\\nw = f(a)"))
    (('w', 'x', 'b'), ('a', 'f', 'w'))
    """
    free: dict[str, None] = {}
    late: dict[str, None] = {}
    assigned: dict[str, None] = {}
    waiting: list[ast.stmt] = list(reversed(tree.body))
    while waiting:
        statement = waiting.pop()
        inner: list[ast.stmt] = []
        parts: list[ast.AST] = []
        stored: list[str] = []
        if isinstance(statement, _Late):
            stored.append(statement.name)
            late.update(dict.fromkeys(_read_inside(statement)))
        else:
            for child in ast.iter_child_nodes(statement):
                _sort_child(child, parts, inner)
        for name, is_store in _names_in(parts):
            if is_store:
                stored.append(name)
            elif name not in assigned:
                free[name] = None
        if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
            if statement.target.id not in assigned:
                free[statement.target.id] = None
        assigned.update(dict.fromkeys(stored))
        waiting.extend(reversed(inner))
    free.update({name: None for name in late if name not in assigned})
    return tuple(free), tuple(assigned)


def _sort_child(child: ast.AST, parts: list[ast.AST], inner: list[ast.stmt]) -> None:
    """Put the statements inside a child to `inner`, everything else to `parts`."""
    if isinstance(child, ast.stmt):
        inner.append(child)
    elif isinstance(child, (ast.ExceptHandler, ast.match_case)):
        inner.extend(child.body)
        parts.extend(c for c in ast.iter_child_nodes(child) if not isinstance(c, ast.stmt))
    elif isinstance(child, ast.alias):
        name = (child.asname or child.name).split(".")[0]
        parts.append(ast.Name(name, ast.Store()))
    else:
        parts.append(child)


def _names_in(parts: list[ast.AST]) -> Iterator[tuple[str, bool]]:
    """Each name in some expressions, and whether it is stored; not those local to a scope."""
    waiting = list(reversed(parts))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name):
            yield node.id, not isinstance(node.ctx, ast.Load)
        elif isinstance(node, _Scope):
            yield from ((name, False) for name in _read_inside(node))
        else:
            waiting.extend(reversed(list(ast.iter_child_nodes(node))))


def _read_inside(part: ast.AST) -> list[str]:
    """The names of the module that a part with a scope of its own reads, in order."""
    found: set[str] = set()
    tables = [symtable.symtable(ast.unparse(part), "<part>", "exec")]
    while tables:
        table = tables.pop()
        found.update(s.get_name() for s in table.get_symbols()
                     if s.is_referenced() and (s.is_global() or table.get_type() == "module"))
        tables += table.get_children()
    names = [n for n in ast.walk(part) if isinstance(n, ast.Name) and n.id in found]
    return [n.id for n in sorted(names, key=lambda n: (n.lineno, n.col_offset))]
