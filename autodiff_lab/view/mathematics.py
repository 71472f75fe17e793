"""From a graph to a formula: `Writer` walks the graph and lets a dialect put pieces together.

What is here: the walk, index notation for sums over arrays, and names for parts that would make a
formula too long.  Relies on `dialects` for the looks and on `notation` for how ops are written.

The one idea: what is written is a variable *at an index*.  A sum over all axes of ``f(x)`` is
``sum_i`` of ``f(x)`` at ``i``; elementwise ops hand the index on to their inputs, and at a leaf it
becomes ``x_i``.  Without an index a variable stands for its whole array.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from autodiff_lab.graph import Apply, Constant, Variable, toposort
from autodiff_lab.tensor.indexing.keys import Slice
from autodiff_lab.view import notation
from autodiff_lab.view.dialects import LATEX, TEXT, AnyDialect, Piece
from autodiff_lab.view.notation import notation_of, rank

# The letters of the axes of one element; "" for an axis along which a value is stretched.
Index = tuple[str, ...] | None


class Place(NamedTuple):
    """A variable at an index, with the letters that sums around it have taken."""

    variable: Variable
    index: Index
    bound: str


INDEX_LETTERS = "ijklmnpqrtuv"
SHORTEST_PART = 40  # in a long formula, longer parts get a name
BIG_SIGNS = {"sum": "sum", "prod": "prod", "mean": "mean", "max": "max", "min": "min"}
HANDS_ON = ("dimshuffle", "second", "derivative", "inc_subtensor")
SHOWN = {
    "maximum": "max", "minimum": "min", "switch": "where", "true_div": "/", "identity": "",
    "sign": "sign",
}


class Part(NamedTuple):
    """A part of a formula that is written apart: ``u_1[i] = text``."""

    place: Place
    name: str
    left: str
    text: str


@dataclasses.dataclass(frozen=True)
class Formula:
    """A formula and the parts that it gives names to."""

    text: str
    parts: tuple[Part, ...] = ()


class Writer:
    """Writes variables of one graph in one dialect.

    Parameters
    ----------
    dialect : TextDialect or LatexDialect
    symbols : mapping, optional
        Variable -> a name to write instead of opening it.
    longest_part : int, optional
        Parts with a longer text get a name of their own, u_1, u_2, ...
    names : dict, optional
        Text of a part -> its name, as far as formulas before gave one; it grows.
    spelling : mapping, optional
        Op name -> another name for functions of one argument: the logistic is ``s``.
    cut : int, optional
        Parts with a longer text become ``...``; one writer then serves every node of a graph in
        linear time.
    """

    def __init__(
        self, dialect: AnyDialect, symbols: Mapping[Variable, str] | None = None,
        longest_part: int | None = None, spelling: Mapping[str, str] | None = None,
        cut: int | None = None, names: dict[str, str] | None = None,
    ) -> None:
        self.cut = cut
        self.names = {} if names is None else names
        self.spelling = dict(spelling or {})
        self.dialect = dialect
        self.symbols = dict(symbols or {})
        self.longest_part = longest_part
        self.parts: list[Part] = []
        self.taken = set(self.names.values())
        self._done: dict[Place, Piece] = {}
        self._seen: set[Variable] = set()
        self._open: set[Place] = set()  # places with something still to be differentiated
        self._unnamed: dict[Variable, str] = {}

    def write(self, variable: Variable, index: Index = None) -> Piece:
        """The piece of a variable, at an index or as a whole."""
        self._take_names(variable)
        root = Place(notation.behind_axes(variable), index, "".join(index or ()))
        stack: list[Place] = [root]
        while True:
            place = stack[-1]
            children = self._children(place)
            waiting = [child for child in children if child not in self._done]
            if waiting:
                stack.extend(reversed(waiting))
            elif place == root:  # written out here, but cut or named where it is a part
                return self._element(root)
            else:
                stack.pop()
                if place not in self._done:
                    if _is_hole(place) or not self._open.isdisjoint(children):
                        self._open.add(place)
                    self._done[place] = self._named_if_long(place, self._element(place))

    def _element(self, place: Place) -> Piece:
        """The piece of a place; at an index it is one number and no array."""
        piece = self._combine(place)
        if piece.array and place.index is not None:
            return dataclasses.replace(piece, array=False)
        return piece

    def _take_names(self, variable: Variable) -> None:
        """Note the names of the leaves; what was walked once is not walked again."""
        stack = [variable]
        while stack:
            found = stack.pop()
            if found in self._seen or found in self.symbols:
                continue
            self._seen.add(found)
            if found.owner is not None:
                stack.extend(found.owner.inputs)
            if found.name is not None:
                self.taken.add(found.name)

    # -- the walk ---------------------------------------------------------------------------

    def _children(self, place: Place) -> list[Place]:
        """What must be written before a place can be."""
        variable, index, bound = place
        node = variable.owner
        if node is None or variable in self.symbols or _length_of(node) is not None:
            return []
        name = node.op.name
        if name in BIG_SIGNS and self._opens(node, index):
            inner = self._inner_index(node, place)
            return [self._below(node.inputs[0], inner, _joined_letters(bound, inner))]
        if name == "dimshuffle":
            return [self._below(node.inputs[0], self._shuffled(node, index), bound)]
        element = _element_index(node)
        if element is not None:
            return [self._below(node.inputs[0], element, bound)]
        inside = _place_inside(node, index)
        if inside is not None:
            base = [self._below(v, index, bound) for v in node.inputs[:1] if _filled_with(v) != 0]
            return [self._below(node.inputs[1], inside, bound), *base]
        handed = index if self._hands_on(node) else None
        read = node.inputs[1:] if name == "second" else node.inputs
        return [self._below(child, handed, bound) for child in read]

    @staticmethod
    def _below(variable: Variable, index: Index, bound: str) -> Place:
        """A child place: without added leading axes, without letters where it is stretched."""
        behind = notation.behind_axes(variable)
        if index is None or not rank(behind):
            return Place(behind, None, bound)
        kept = index[len(index) - rank(behind):]
        return Place(behind, _fitting(behind, kept), bound)

    @staticmethod
    def _shuffled(node: Apply, index: Index) -> Index:
        order = notation.axes_order(node.op)
        if index is None or order is None:
            return None
        letters = {axis: letter for axis, letter in zip(order, index) if axis != "x"}
        return tuple(letters.get(axis, "") for axis in range(rank(node.inputs[0])))

    @staticmethod
    def _hands_on(node: Apply) -> bool:
        """Whether the index of a result is written at the inputs."""
        return hasattr(node.op, "row") or node.op.name in HANDS_ON

    @staticmethod
    def _opens(node: Apply, index: Index) -> bool:
        """Whether a reduction is written with a sum sign: its result is one number."""
        return index is not None or rank(node.outputs[0]) == 0

    def _inner_index(self, node: Apply, place: Place) -> tuple[str, ...]:
        """The index inside a reduction: new letters for the axes that go."""
        given, axes = iter(place.index or ()), getattr(node.op, "axis", None)
        inner = rank(node.inputs[0])
        fresh = (c for c in INDEX_LETTERS if c not in place.bound and c not in self.taken)
        return _fitting(node.inputs[0], [
            next(fresh, "i") if axes is None or axis in axes else next(given, "")
            for axis in range(inner)
        ])

    # -- putting together -------------------------------------------------------------------

    def _combine(self, place: Place) -> Piece:
        variable, index, _ = place
        if variable in self.symbols:
            return self._symbol(self.symbols[variable], variable, index)
        node = variable.owner
        value = notation.scalar_value(variable)
        if value is not None:
            return self.dialect.number(value)
        if node is None:
            return self._leaf(variable, index)
        pieces = [self._done[child] for child in self._children(place)]
        name = node.op.name
        if name in BIG_SIGNS and self._opens(node, index):
            letters = self._inner_index(node, place)
            new = "".join(c for c in letters if c and c not in (index or ()))
            return self.dialect.big(BIG_SIGNS[name], new, pieces[0]) if new else pieces[0]
        if name in self.spelling and len(pieces) == 1:
            return self.dialect.named_call(self.spelling[name], pieces[0])
        if _element_index(node) is not None:
            return pieces[0]
        if name.startswith("cast_"):
            is_condition = getattr(node.inputs[0].type, "dtype", "") == "bool"
            return self.dialect.bracket(pieces[0]) if is_condition else pieces[0]
        if _place_inside(node, index) is not None:
            return self._put_in(node, index or (), pieces)
        if name == "exp" and ("e" in self.taken or "e" in self.symbols.values()):
            return self.dialect.named_call("exp", pieces[0])  # e is something else here
        form = _FORMS.get(name)
        piece = form(self.dialect, node, pieces) if form else self._general(variable, node, pieces)
        if index is not None and any(index) and not self._hands_on(node):
            return self.dialect.indexed(piece, "".join(index))
        return piece

    def _put_in(self, node: Apply, index: tuple[str, ...], pieces: list[Piece]) -> Piece:
        """``[i = 1] g``: a part put into an array, as the element at an index."""
        value, *base = pieces
        pattern = _pattern(node)
        for letter, entry in reversed(list(zip(index, pattern))):
            if isinstance(entry, int):
                sides = [self.dialect.symbol(letter), self.dialect.number(entry)]
                bracket = self.dialect.bracket(self.dialect.infix("==", sides))
                value = bracket if value.text == "1" else self.dialect.product(bracket, value)
        return self.dialect.add(*base, value) if base else value

    def _general(self, variable: Variable, node: Apply, pieces: list[Piece]) -> Piece:
        """Any op: its sign between operands, or a call."""
        written = notation_of(node.op)
        if written.infix is not None:
            piece = self.dialect.infix(written.infix, pieces)
        else:
            name = SHOWN.get(written.name, written.name)
            name += str(variable.index) if len(node.outputs) > 1 else ""
            axes = getattr(node.op, "axis", None) if written.name in BIG_SIGNS else None
            if axes is not None:
                pieces = [*pieces, Piece(f"axis={axes[0] if len(axes) == 1 else tuple(axes)}")]
            template = written.latex if hasattr(node.op, "row") else None
            piece = self.dialect.call(name, pieces, template)
        return dataclasses.replace(piece, array=rank(variable) > 0)

    def _leaf(self, variable: Variable, index: Index) -> Piece:
        name = variable.name
        if name is None and isinstance(variable, Constant):
            text = notation.array_text(variable.data)
            if len(text) <= notation.LONGEST_ARRAY:
                letters = "".join(index or ())
                return self.dialect.indexed(Piece(text), letters) if letters else Piece(text)
            name = self._array_name(variable, text)
        fresh = f"v_{len(self._unnamed) + 1}"
        return self._symbol(name or self._unnamed.setdefault(variable, fresh), variable, index)

    def _array_name(self, constant: Constant, text: str) -> str:
        """c_1, c_2, ... for arrays without a name, with what they hold behind the formula."""
        if constant not in self._unnamed:
            name = self._unnamed[constant] = f"c_{len(self._unnamed) + 1}"
            shown = self.dialect.symbol(name).text
            text = self.dialect.words(text)
            self.parts.append(Part(Place(constant, None, ""), name, shown, text))
        return self._unnamed[constant]

    def _symbol(self, name: str, variable: Variable, index: Index) -> Piece:
        piece = self.dialect.symbol(name, "".join(index or ()))
        return dataclasses.replace(piece, array=rank(variable) > 0 and index is None)

    def _named_if_long(self, place: Place, piece: Piece) -> Piece:
        """A part that became too long is written apart under a name."""
        variable, index, _ = place
        if self.cut is not None and len(piece.text) > self.cut:
            return Piece(r"\ldots" if self.dialect.latex else "...", array=piece.array)
        if not self.longest_part or len(piece.text) <= self.longest_part or place in self._open:
            return piece
        key = self._whatever_letters(piece.text)
        name = self.names.get(key)
        if name is None:
            fresh = (f"u_{k}" for k in itertools.count(1))
            name = self.names[key] = next(n for n in fresh if n not in self.taken)
            self.taken.add(name)
        symbol = self.dialect.symbol(name, "".join(index or ()))
        self.parts.append(Part(place, name, symbol.text, piece.text))
        return dataclasses.replace(symbol, array=piece.array)


    def _whatever_letters(self, text: str) -> str:
        """A part's text whatever letters its indices have: the same part has the same name."""
        seen: dict[str, str] = {}
        letters = "".join(c for c in INDEX_LETTERS if c not in self.taken)

        def numbered(match: re.Match[str]) -> str:
            return "".join(seen.setdefault(c, f"#{len(seen)}") for c in match[0])

        index = rf"(?<=_)[{letters}]+(?![A-Za-z\d])|(?<=\[)[{letters}](?= ==)"
        return re.sub(index, numbered, text)


def _place_inside(node: Apply, index: Index) -> Index:
    """The index inside the part that is put into an array, where whole axes are numbered."""
    pattern = _pattern(node)
    plain = all(isinstance(p, int) and p >= 0 or p == Slice() for p in pattern)
    if index is None or node.op.name != "inc_subtensor" or not plain:
        return None
    return tuple(letter for axis, letter in enumerate(index)
                 if axis >= len(pattern) or not isinstance(pattern[axis], int))


def _pattern(node: Apply) -> tuple[Any, ...]:
    """The key of an indexing op; numbers from the end are counted from the front if they can be."""
    shape = getattr(node.inputs[0].type, "shape", ()) if node.inputs else ()
    lengths = itertools.chain(shape, itertools.repeat(None))
    return tuple(entry + length if isinstance(entry, int) and entry < 0 and length else entry
                 for entry, length in zip(getattr(node.op, "pattern", ()), lengths))


def _element_index(node: Apply) -> Index:
    """The numbers by which one element of a leaf or of an elementwise result is chosen."""
    pattern = _pattern(node)
    inner = node.inputs[0] if node.inputs else None
    if node.op.name != "subtensor" or inner is None or len(pattern) != rank(inner):
        return None
    plain = all(isinstance(entry, int) and entry >= 0 for entry in pattern)
    by_element = inner.owner is None or hasattr(inner.owner.op, "row")
    return tuple(map(str, pattern)) if plain and by_element and len(node.inputs) == 1 else None


def _filled_with(variable: Variable) -> float | None:
    """The number that an array holds everywhere."""
    variable = notation.behind_axes(variable)
    node = variable.owner
    filled = node is not None and node.op.name == "second"
    return notation.scalar_value(node.inputs[1] if filled and node else variable)


def _fitting(variable: Variable, letters: Sequence[str]) -> tuple[str, ...]:
    """An index without the letters of axes of length 1."""
    shape = getattr(variable.type, "shape", ())
    return tuple("" if length == 1 else letter for letter, length in zip(letters, shape))


def _is_hole(place: Place) -> bool:
    return place.variable.owner is not None and place.variable.owner.op.name == "derivative"


def _joined_letters(bound: str, index: tuple[str, ...]) -> str:
    return bound + "".join(letter for letter in index if letter not in bound)


# -- ops that mathematics writes in its own way ------------------------------------------------

Form = Callable[[AnyDialect, Apply, list[Piece]], Piece]
_FORMS: dict[str, Form] = {
    "add": lambda dialect, node, pieces: dialect.add(*pieces),
    "sub": lambda dialect, node, pieces: dialect.subtract(*pieces),
    "neg": lambda dialect, node, pieces: dialect.negative(*pieces),
    "mul": lambda dialect, node, pieces: dialect.product(*pieces),
    "true_div": lambda dialect, node, pieces: dialect.quotient(*pieces),
    "reciprocal": lambda dialect, node, pieces: dialect.quotient(dialect.number(1), *pieces),
    "sqr": lambda dialect, node, pieces: dialect.power(pieces[0], dialect.number(2)),
    "sqrt": lambda dialect, node, pieces: dialect.root(*pieces),
    "exp": lambda dialect, node, pieces: dialect.exponential(*pieces),
    "abs": lambda dialect, node, pieces: dialect.absolute(*pieces),
    "second": lambda dialect, node, pieces: pieces[0],
    "identity": lambda dialect, node, pieces: pieces[0],
    "specify_shape": lambda dialect, node, pieces: pieces[0],
    "derivative": lambda dialect, node, pieces: dialect.hole(
        *pieces, node.op.variable, node.op.total  # type: ignore[attr-defined]
    ),
}


def _form(*names: str) -> Callable[[Form], None]:
    return lambda function: _FORMS.update(dict.fromkeys(names, function))


@_form("pow")
def _pow(dialect: AnyDialect, node: Apply, pieces: list[Piece]) -> Piece:
    if notation.scalar_value(node.inputs[1]) == 0.5:
        return dialect.root(pieces[0])
    return dialect.power(*pieces)


@_form("eq")
def _eq(dialect: AnyDialect, node: Apply, pieces: list[Piece]) -> Piece:
    """``a == False`` is what `textbook` entries use for "not a"."""
    value = notation.scalar_value(node.inputs[1])
    if value is False or (value == 0 and getattr(node.inputs[0].type, "dtype", "") == "bool"):
        return dialect.call("not", pieces[:1])
    return dialect.infix("==", pieces)


@_form("switch")
def _switch(dialect: AnyDialect, node: Apply, pieces: list[Piece]) -> Piece:
    """``where(c, 1, 0)`` is the condition itself, counted as 1 or 0."""
    chosen = [_filled_with(v) for v in node.inputs[1:]]
    if chosen == [1, 0]:
        return dialect.bracket(pieces[0])
    if chosen == [0, 1]:
        return dialect.bracket(dialect.call("not", pieces[:1]))
    return dialect.call("where", pieces)


@_form("subtensor")
def _subtensor(dialect: AnyDialect, node: Apply, pieces: list[Piece]) -> Piece:
    """``x[0]``, or the letter for a length."""
    length = _length_of(node)
    if length is not None:
        return dialect.symbol(length)
    key = node.op.key_text([piece.text for piece in pieces[1:]])  # type: ignore[attr-defined]
    return dialect.part(pieces[0], key)


@_form("inc_subtensor", "set_subtensor")
def _inc_subtensor(dialect: AnyDialect, node: Apply, pieces: list[Piece]) -> Piece:
    """A part put into an array that is not read one element at a time."""
    key = node.op.key_text([piece.text for piece in pieces[2:]])  # type: ignore[attr-defined]
    rest = [] if _filled_with(node.inputs[0]) == 0 else [pieces[0]]
    return dialect.call("put", [pieces[1], Piece(dialect.words(f"at [{key}]")), *rest])


@_form("inc_diagonal")
def _inc_diagonal(dialect: AnyDialect, node: Apply, pieces: list[Piece]) -> Piece:
    """The identity matrix, or numbers put on a diagonal."""
    plain = getattr(node.op, "offset", 1) == 0 and rank(node.outputs[0]) == 2
    if plain and list(map(_filled_with, node.inputs)) == [0, 1]:
        return Piece("I", array=True)
    return dialect.call("inc_diagonal", pieces)


def _length_of(node: Apply) -> str | None:
    """``n`` for ``shape(v)[0]``, ``n_1``, ``n_2`` for the lengths of a matrix."""
    if node.op.name != "subtensor" or node.inputs[0].owner is None or len(node.inputs) > 1:
        return None
    shape = node.inputs[0].owner
    pattern = getattr(node.op, "pattern", ())
    if shape.op.name != "shape" or len(pattern) != 1 or not isinstance(pattern[0], int):
        return None
    ndim = rank(shape.inputs[0])
    return "n" if ndim == 1 else f"n_{pattern[0] % ndim + 1}"


@_form("dimshuffle")
def _dimshuffle(dialect: AnyDialect, node: Apply, pieces: list[Piece]) -> Piece:
    order = notation.axes_order(node.op)
    assert order is not None
    kept = [axis for axis in order if axis != "x"]
    if not pieces[0].array or len(kept) < rank(node.inputs[0]):
        return pieces[0]
    if kept == [1, 0] and len(order) == 2:
        return dialect.transposed(pieces[0])
    if kept != sorted(kept):
        return dialect.call("transpose", [*pieces, Piece(", ".join(map(str, order)))])
    leading = len(order) - len(kept)
    if all(axis == "x" for axis in order[:leading]):
        return pieces[0]
    key = ", ".join("None" if axis == "x" else ":" for axis in order)
    return dataclasses.replace(dialect.part(pieces[0], key), array=True)


@_form("dot", "matmul")
def _dot(dialect: AnyDialect, node: Apply, pieces: list[Piece]) -> Piece:
    scalar = rank(node.outputs[0]) == 0
    whole = [dataclasses.replace(piece, array=False) for piece in pieces]
    return dialect.matrix_product(whole[0], whole[1], scalar)


def estimated_length(variable: Variable) -> int:
    """About how many symbols the formula has if every shared part is written out each time."""
    length: dict[Any, int] = {}
    for node in toposort([variable]):
        total = 1 + sum(length.get(child, 1) for child in node.inputs)
        length.update(dict.fromkeys(node.outputs, min(total, 10**9)))
    return length.get(variable, 1)


def write(
    variable: Variable, latex: bool, symbols: Mapping[Variable, str] | None = None,
    index: Index = None, longest: int | None = None, spelling: Mapping[str, str] | None = None,
    names: dict[str, str] | None = None,
) -> Formula:
    """A variable as a formula; parts get names where it would be longer than `longest`."""
    dialect: AnyDialect = LATEX if latex else TEXT
    if longest is None or estimated_length(variable) * 2 <= longest:
        writer = Writer(dialect, symbols, None, spelling)
        piece = writer.write(variable, index)
        if longest is None or len(piece.text) <= longest:
            return Formula(piece.text, tuple(writer.parts))
    writer = Writer(dialect, symbols, max(SHORTEST_PART, longest // 2), spelling, names=names)
    return Formula(writer.write(variable, index).text, tuple(writer.parts))
