"""The mutants of a file: the same code with one operator, comparison or constant changed."""

from __future__ import annotations

import ast
import difflib
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import parso
from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.exception_replacer import ExceptionReplacer
from cosmic_ray.operators.operator import Example, Operator

ROOT = Path(__file__).resolve().parent.parent.parent
Position = tuple[int, int]

_COMPARISONS = ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Eq_NotEq", "NotEq_Eq", "Is_IsNot",
                "IsNot_Is")  # fmt: skip
_BINARY = ("Add_Sub", "Sub_Add", "Mul_FloorDiv", "FloorDiv_Mul", "Div_Mul", "Mod_FloorDiv",
           "Pow_Mul", "LShift_RShift", "RShift_LShift", "BitAnd_BitOr", "BitOr_BitAnd",
           "BitXor_BitAnd")  # fmt: skip
_OTHERS = ("ReplaceUnaryOperator_USub_UAdd", "ReplaceUnaryOperator_Delete_Not",
           "ReplaceUnaryOperator_Delete_Invert", "AddNot", "ReplaceTrueWithFalse",
           "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd",
           "ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "NumberReplacer",
           "ZeroIterationForLoop")  # fmt: skip
OPERATORS = (
    *(f"core/ReplaceComparisonOperator_{one}" for one in _COMPARISONS),
    *(f"core/ReplaceBinaryOperator_{one}" for one in _BINARY),
    *(f"core/{one}" for one in _OTHERS),
)
"""Of Cosmic Ray's. What else it knows is so wrong that every test notices (`<` made `>=`, `is`)."""


class OtherSign(Operator):  # type: ignore[misc]
    """`a += b` made `a -= b` and the like, which Cosmic Ray leaves alone."""

    signs = {"+=": "-=", "-=": "+=", "*=": "//=", "//=": "*=", "|=": "&=", "&=": "|=",
             "^=": "&=", "<<=": ">>=", ">>=": "<<="}  # fmt: skip

    def mutation_positions(self, node: Any) -> Iterator[tuple[Position, Position]]:
        if isinstance(node, parso.python.tree.Operator) and node.value in self.signs:
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        node.value = self.signs[node.value]
        return node

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (Example("a += b", "a -= b"),)


class NotIn(Operator):  # type: ignore[misc]
    """`a in b` made `a not in b`, and the other way round."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Position, Position]]:
        if node.type == "comparison":
            for sign in node.children[1::2]:
                if sign.get_code().split() in (["in"], ["not", "in"]):
                    yield sign.start_pos, sign.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        places = [
            place
            for place, sign in enumerate(node.children)
            if place % 2 and sign.get_code().split() in (["in"], ["not", "in"])
        ]
        sign = node.children[places[index]]
        other = " in" if sign.get_code().split() == ["not", "in"] else " not in"
        node.children[places[index]] = parso.parse(other)  # type: ignore[no-untyped-call]
        return node

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (Example("a in b", "a not in b"),)


class OtherException(ExceptionReplacer):  # type: ignore[misc]
    """Cosmic Ray's, which fails over `except a.b`: what is dotted is left alone."""

    @staticmethod
    def _name_nodes(node: Any) -> list[Any]:
        caught = node.children[1]
        if caught.type == "atom":
            caught = caught.children[1]
        each = caught.children[::2] if caught.type == "testlist_comp" else [caught]
        return [one for one in each if one.type == "name"]


@dataclass(frozen=True)
class Mutant:
    """One change.

    Attributes:
        file: of the repository.
        where: the function or class that it is in, dotted; "" outside of any.
        was: the lines that it changes, without their indentation.
        now: what it makes of them.
        nth: which of those that read alike, from 1 on.
        lines: first and last line of the statement that it is in; None outside of any function.
        code: the whole file, changed.
    """

    file: str
    where: str
    was: str
    now: str
    nth: int
    lines: tuple[int, int] | None
    code: str

    @property
    def key(self) -> tuple[str, str, str, str, int]:
        """By what it is known in the list of survivors: lines of code, not their numbers."""
        return self.file, self.where, self.was, self.now, self.nth


@dataclass(frozen=True)
class Place:
    """One change that could be made: what it takes to make it.

    Attributes:
        file: of the repository.
        where: as in `Mutant`.
        lines: as in `Mutant`.
        what: the line in which it begins without its indentation, the column in that, the
            operator's name, and which of its changes right there, from 1 on.
        nth: which of those that read alike in `where`, from 1 on.
        operator: one of Cosmic Ray's or of ours.
        occurrence: which of those that the operator finds in the file, from 0 on.
    """

    file: str
    where: str
    lines: tuple[int, int] | None
    what: tuple[str, int, str, int]
    nth: int
    operator: Any
    occurrence: int

    def lot(self, seed: int) -> bytes:
        """As good as drawn at random; it follows from the seed and from what the line reads, so
        that a change to one line does not change what is drawn of others."""
        named = repr((seed, self.file, self.where, self.what, self.nth))
        return hashlib.sha256(named.encode()).digest()

    def mutant(self) -> Mutant | None:
        """The change, made. None if what it makes is no code."""
        source = (ROOT / self.file).read_text()
        code = mutate_code(source, self.operator, self.occurrence)
        if code is None or not _is_code(code):
            return None
        was, now = _changed(source, code)
        return Mutant(self.file, self.where, was, now, self.nth, self.lines, code)


def places_in(file: str, only: Sequence[str] = ()) -> list[Place]:
    """All changes that could be made to a file, in the order of its lines.

    Args:
        file: of the repository.
        only: no others than in definitions whose dotted name has one of these in it.
    """
    source = (ROOT / file).read_text()
    tree, texts = ast.parse(source), source.splitlines()
    right_there: Counter[tuple[Position, str]] = Counter()
    alike: Counter[tuple[str, tuple[str, int, str, int]]] = Counter()
    found = []
    for start, operator, occurrence in sorted(
        _places(source, _left_alone(tree)), key=lambda one: (one[0], str(type(one[1])), one[2])
    ):
        name = type(operator).__name__
        right_there[start, name] += 1
        where, lines = _around(tree, start[0])
        line = texts[start[0] - 1]
        column = start[1] - len(line) + len(line.lstrip())
        what = (line.strip(), column, name, right_there[start, name])
        alike[where, what] += 1
        if not only or any(one in where for one in only):
            place = Place(file, where, lines, what, alike[where, what], operator, occurrence)
            found.append(place)
    return found


def _places(
    source: str, left_alone: list[tuple[Position, Position]]
) -> Iterator[tuple[Position, Any, int]]:
    """Where it begins, which operator, and which occurrence of it."""
    nodes = list(ast_nodes(get_ast(source)))
    operators = [plugins.get_operator(name)() for name in OPERATORS]
    for operator in [*operators, OtherException(), OtherSign(), NotIn()]:
        places = (place for node in nodes for place in operator.mutation_positions(node))
        for occurrence, (start, _) in enumerate(places):
            if not any(first <= start < last for first, last in left_alone):
                yield start, operator, occurrence


def _left_alone(tree: ast.Module) -> list[tuple[Position, Position]]:
    """Annotations, which nothing reads when it runs, and decorators, which say how to compile."""
    found: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign):
            found.append(node.annotation)
        if isinstance(node, ast.arg) and node.annotation is not None:
            found.append(node.annotation)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found += [node.returns] if node.returns is not None else []
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found += node.decorator_list
    return [
        ((one.lineno, one.col_offset), (one.end_lineno or 0, one.end_col_offset or 0))
        for one in found
    ]


def _is_code(code: str) -> bool:
    try:
        ast.parse(code)
    except SyntaxError:
        return False
    return True


def _around(tree: ast.Module, line: int) -> tuple[str, tuple[int, int] | None]:
    """The definition around a line, dotted, and the lines of the statement: of its head, if the
    line is in that. None for a statement that runs when the module is imported."""
    names: list[str] = []
    in_function = False
    inside: ast.AST = tree
    while True:
        found = next(
            (one for one in _statements(inside) if _first(one) <= line <= _last(one)), None
        )
        if found is None:
            break
        inside = found
        if isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(found.name)
            in_head = all(line < _first(one) for one in found.body)
            in_function = not isinstance(found, ast.ClassDef) and not in_head
    if not in_function:
        return ".".join(names), None
    parts = _statements(inside)
    in_head = bool(parts) and line < min(map(_first, parts))
    last = min(map(_first, parts)) - 1 if in_head else _last(inside)
    return ".".join(names), (_first(inside), last)


def _statements(node: ast.AST) -> list[ast.stmt]:
    """The statements right inside of one, those of its handlers and cases too."""
    found: list[ast.stmt] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            found.append(child)
        elif isinstance(child, ast.ExceptHandler | ast.match_case):
            found += child.body
    return found


def _first(node: Any) -> int:
    return int(node.lineno)


def _last(node: Any) -> int:
    return int(node.end_lineno)


def _changed(source: str, code: str) -> tuple[str, str]:
    was, now = [], []
    for line in difflib.ndiff(source.splitlines(), code.splitlines()):
        if line.startswith("- "):
            was.append(line[2:])
        elif line.startswith("+ "):
            now.append(line[2:])
    return _in_a_line(was), _in_a_line(now)


def _in_a_line(lines: list[str]) -> str:
    """Some lines of code as one. Cosmic Ray writes a blank before each number that it changes."""
    return " ".join(" ".join(lines).split()).replace("( ", "(").replace("[ ", "[")
