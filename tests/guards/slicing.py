"""The statements of a notebook that its checks depend on.

A planted bug is mostly caught by mathematics, and a `check` needs few of the cells before it: no
figure, no widget, no network that is only looked at. The slice is taken backwards over the
notebook's statements (Weiser 1981): one is kept if it binds, or may change, a name that is needed
below it.
"""

import ast
import symtable
from collections.abc import Callable

CLAIMS = {"check", "finding"}
LOOKED_AT = CLAIMS | {"show", "show_source", "film", "print", "record", "reveal", "interact"}
TRAINS = {"fit", "train_gan"}  # they change the networks that they are given
DEFINES = (ast.FunctionDef, ast.ClassDef)
WHOLLY = (ast.Assign, ast.Import, ast.ImportFrom, *DEFINES)  # they bind their names anew


def checks_alone(cells: list[str]) -> list[str]:
    """The sources of a notebook's cells, cut down to what its calls of `check` depend on."""
    return _cut_down(cells, lambda i, node: _is_call(node, {"check"}))


def claims_of(cells: list[str], where: int) -> list[str]:
    """The sources of a notebook's cells, cut down to what the claims in one depend on.

    Raises:
        ValueError: the cell makes no claim.
    """
    if not any(_is_call(node, CLAIMS) for node in ast.parse(cells[where]).body):
        raise ValueError("the cell claims nothing")
    return _cut_down(cells[: where + 1], lambda i, node: i == where and _is_call(node, CLAIMS))


def _cut_down(cells: list[str], is_asked: Callable[[int, ast.stmt], bool]) -> list[str]:
    statements = [(i, node) for i, cell in enumerate(cells) for node in ast.parse(cell).body]
    defined = [node for _, node in statements if isinstance(node, DEFINES)]
    bodies = {node.name: _read(node) for node in defined}
    collected = set().union(*(_collected(node) for node in defined))
    needed: set[str] = set()
    kept: list[tuple[int, ast.stmt]] = []
    for i, node in reversed(statements):
        changed = _changed(node)
        if _trains(node):  # and what is trained may call whatever is defined
            changed |= collected
        if is_asked(i, node) or (needed & (_bound(node) | changed)):
            kept.append((i, node))
            if isinstance(node, WHOLLY):  # what its names were before is of no matter
                needed -= _bound(node) - changed
            # A function reads what its body names when it is called, not where it stands.
            inner = set() if isinstance(node, ast.FunctionDef) else _read(node)
            needed |= _reached(inner | _names_at_once(node), bodies)
    lines = {i: cell.splitlines() for i, cell in enumerate(cells)}
    found: dict[int, list[str]] = {}
    for i, node in reversed(kept):
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        found.setdefault(i, []).append("\n".join(lines[i][first - 1 : node.end_lineno]))
    return ["\n".join(found[i]) for i in sorted(found)]


def _table(node: ast.AST) -> symtable.SymbolTable:
    return symtable.symtable(ast.unparse(node), "a cell", "exec")


def _names_at_once(node: ast.AST) -> set[str]:
    """The names that the statement reads where it stands, as decorators and defaults are."""
    return {s.get_name() for s in _table(node).get_symbols() if s.is_referenced()}


def _read(node: ast.AST) -> set[str]:
    """The names of the notebook that the statement reads, in its own scope or in one inside it."""

    def of_others(table: symtable.SymbolTable) -> set[str]:
        own = {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
        return own.union(*map(of_others, table.get_children()))

    return _names_at_once(node).union(*map(of_others, _table(node).get_children()))


def _reached(names: set[str], bodies: dict[str, set[str]]) -> set[str]:
    """The names, and those that functions among them use: they may be bound after the function."""
    inner = set().union(*(bodies[name] for name in names & bodies.keys())) - names
    return _reached(names | inner, bodies) if inner else names


def _called(node: ast.AST) -> str:
    """The last name of what is called: `fit` of `training.fit(…)`."""
    if not isinstance(node, ast.Call):
        return ""
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def _is_call(node: ast.stmt, names: set[str]) -> bool:
    return isinstance(node, ast.Expr) and _called(node.value) in names


def _trains(node: ast.stmt) -> bool:
    return not isinstance(node, DEFINES) and any(_called(part) in TRAINS for part in ast.walk(node))


def _collected(node: ast.stmt) -> set[str]:
    """Names of the notebook to whose objects a definition adds, as in `seen.append(…)`."""
    alone = [part for part in ast.walk(node) if isinstance(part, ast.Expr)]
    calls = [part.value.func for part in alone if isinstance(part.value, ast.Call)]
    owners = [f.value.id for f in calls if isinstance(getattr(f, "value", None), ast.Name)]
    return set(owners) & _read(node)


def _bound(node: ast.stmt) -> set[str]:
    """Names of the notebook that the statement gives a value."""
    return {s.get_name() for s in _table(node).get_symbols() if s.is_assigned() or s.is_imported()}


def _changed(node: ast.stmt) -> set[str]:
    """Names whose object the statement may change: what is trained, what a statement that keeps no
    value calls or is given, what is assigned to by index or attribute."""
    found: set[str] = set()
    if isinstance(node, ast.FunctionDef | ast.ClassDef) or _is_call(node, LOOKED_AT):
        return found
    for part in ast.walk(node):
        alone = isinstance(part, ast.Expr) and not _is_call(part, LOOKED_AT)
        trained = _called(part) in TRAINS or _called(part).endswith("_")
        placed = isinstance(part, ast.Subscript | ast.Attribute) and isinstance(part.ctx, ast.Store)
        if alone or trained or placed:
            called = {id(c.func) for c in ast.walk(part) if isinstance(c, ast.Call)}
            inner = [x for x in ast.walk(part) if isinstance(x, ast.Name) and id(x) not in called]
            found |= {x.id for x in inner}
    return found
