"""From a graph to a formula: `Writer` walks the graph and lets a dialect put pieces together.

What is here: the walk, index notation for sums over arrays, and names for parts that would make a
formula too long.  Relies on `dialects` for the looks and on `notation` for how ops are written.

The one idea: what is written is a variable *at an index*.  A sum over all axes of ``f(x)`` is
``sum_i`` of ``f(x)`` at ``i``; elementwise ops hand the index on to their inputs, and at a leaf it
becomes ``x_i``.  Without an index a variable stands for its whole array.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from autodiff_lab.graph import Apply, Constant, Variable, toposort
from autodiff_lab.view import notation
from autodiff_lab.view.dialects import LATEX, TEXT, AnyDialect, Piece
from autodiff_lab.view.notation import COEFFICIENT, notation_of, rank

# The letters of the axes of one element; "" for an axis along which a value is stretched.
Index = tuple[str, ...] | None


class Place(NamedTuple):
    """A variable at an index, with the letters that sums around it have taken."""

    variable: Variable
    index: Index
    bound: str


INDEX_LETTERS = "ijklmnpqrtuv"
BIG_SIGNS = {"sum": "sum", "prod": "prod", "mean": "mean", "max": "max", "min": "min"}
SHOWN = {
    "maximum": "max", "minimum": "min", "switch": "where", "true_div": "/", "identity": "",
    "sign": "sign",
}


@dataclasses.dataclass(frozen=True)
class Formula:
    """A formula and the names it uses for its parts, as pairs (name, formula)."""

    text: str
    parts: tuple[tuple[str, str], ...] = ()


class Writer:
    """Writes variables of one graph in one dialect.

    Parameters
    ----------
    dialect : TextDialect or LatexDialect
    symbols : mapping, optional
        Variable -> a name to write instead of opening it; "(x)" behind a name is kept as it is.
    longest_part : int, optional
        Parts with a longer text get a name of their own, u_1, u_2, ...
    spelling : mapping, optional
        Op name -> another name for functions of one argument: the logistic is ``s``.
    cut : int, optional
        Parts with a longer text become ``...``; one writer then serves every node of a graph in
        linear time.
    """

    def __init__(
        self,
        dialect: AnyDialect,
        symbols: Mapping[Variable, str] | None = None,
        longest_part: int | None = None,
        spelling: Mapping[str, str] | None = None,
        cut: int | None = None,
    ) -> None:
        self.cut = cut
        self.spelling = dict(spelling or {})
        self.dialect = dialect
        self.symbols = dict(symbols or {})
        self.longest_part = longest_part
        self.parts: list[tuple[str, str]] = []
        self.taken: set[str] = set()
        self._done: dict[Place, Piece] = {}
        self._roots: dict[Place, Piece] = {}
        self._seen: set[Variable] = set()
        self._unnamed: dict[Variable, str] = {}

    def write(self, variable: Variable, index: Index = None) -> Piece:
        """The piece of a variable, at an index or as a whole."""
        self._take_names(variable)
        root = Place(notation.behind_axes(variable), index, "".join(index or ()))
        stack: list[Place] = [root]
        while stack:
            place = stack[-1]
            if place in self._done:
                stack.pop()
                continue
            waiting = [child for child in self._children(place) if child not in self._done]
            if waiting:
                stack.extend(reversed(waiting))
                continue
            piece = self._element(place)
            if place == root:
                # written out here, but cut or named where it is a part of something else
                self._roots[place] = piece
                if self.cut is None:
                    self._done[place] = piece
                    return piece
            self._done[place] = self._named_if_long(place, piece)
            stack.pop()
        return self._roots.get(root) or self._whole(root)

    def _whole(self, root: Place) -> Piece:
        """A place that was written as a part before, now on its own."""
        piece = self._roots[root] = self._element(root)
        return piece

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
            elif found.name is not None:
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
        if name == "second":
            # the value alone; where it is broadcast the index of the missing axes goes
            return [self._below(node.inputs[1], self._fitting(node.inputs[1], index), bound)]
        if hasattr(node.op, "row"):
            return [
                self._below(child, self._stretched(node, position, index), bound)
                for position, child in enumerate(node.inputs)
            ]
        if name == "derivative":
            return [self._below(node.inputs[0], index, bound)]
        return [self._below(child, None, bound) for child in node.inputs]

    @staticmethod
    def _below(variable: Variable, index: Index, bound: str) -> Place:
        """A child place, looking through leading axes that were only added."""
        behind = notation.behind_axes(variable)
        if index is not None:
            index = index[len(index) - rank(behind):]
        return Place(behind, index if rank(behind) else None, bound)

    def _stretched(self, node: Apply, position: int, index: Index) -> Index:
        if index is None:
            return None
        stretch = getattr(node.op, "stretch", ()) or ((),) * len(node.inputs)
        return tuple("" if axis in stretch[position] else letter
                     for axis, letter in enumerate(index))

    @staticmethod
    def _fitting(variable: Variable, index: Index) -> Index:
        if index is None:
            return None
        shape = getattr(variable.type, "shape", ())
        return tuple("" if length == 1 else letter for length, letter in zip(shape, index))

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
        return hasattr(node.op, "row") or node.op.name in ("dimshuffle", "second", "derivative")

    @staticmethod
    def _opens(node: Apply, index: Index) -> bool:
        """Whether a reduction is written with a sum sign: its result is one number."""
        return index is not None or rank(node.outputs[0]) == 0

    def _inner_index(self, node: Apply, place: Place) -> tuple[str, ...]:
        """The index inside a reduction: new letters for the axes that go."""
        given = list(place.index or ())
        axes = getattr(node.op, "axis", None)
        inner = rank(node.inputs[0])
        reduced = range(inner) if axes is None else axes
        fresh = [c for c in INDEX_LETTERS if c not in place.bound and c not in self.taken]
        letters: list[str] = []
        for axis in range(inner):
            if axis not in reduced:
                letters.append(given.pop(0) if given else "")
            else:
                letters.append(fresh.pop(0) if fresh else "i")
        shape = getattr(node.inputs[0].type, "shape", ())
        return tuple("" if length == 1 else c for c, length in zip(letters, shape))

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
        special = _FORMS.get(name)
        if name.startswith("cast_"):
            is_condition = getattr(node.inputs[0].type, "dtype", "") == "bool"
            return self.dialect.bracket(pieces[0]) if is_condition else pieces[0]
        if special is not None:
            piece = special(self.dialect, node, pieces)
        else:
            piece = self._general(variable, node, pieces)
        if index is not None and any(index) and not self._hands_on(node):
            return self.dialect.indexed(piece, "".join(index))
        return piece

    def _general(self, variable: Variable, node: Apply, pieces: list[Piece]) -> Piece:
        """Any op: its sign between operands, or a call."""
        written = notation_of(node.op)
        array = rank(variable) > 0
        if written.infix is not None:
            piece = self.dialect.infix(written.infix, pieces)
        else:
            name = SHOWN.get(written.name, written.name)
            pieces, options = _axes_shown(node, pieces)
            template = written.latex if hasattr(node.op, "row") else None
            name = name if len(node.outputs) == 1 else f"{name}{variable.index}"
            piece = self.dialect.call(name, [*pieces, *options], template)
        return dataclasses.replace(piece, array=array)

    def _leaf(self, variable: Variable, index: Index) -> Piece:
        if isinstance(variable, Constant):
            if variable.name is not None:
                return self._symbol(variable.name, variable, index)
            text = notation.data_text(variable.data)
            piece = Piece(r"\mathrm{const}" if self.dialect.latex and len(text) > 40 else text)
            letters = "".join(index or ())
            return self.dialect.indexed(piece, letters) if letters else piece
        name = variable.name
        if name is None:
            name = self._unnamed.setdefault(variable, f"v_{len(self._unnamed) + 1}")
        return self._symbol(name, variable, index)

    def _symbol(self, name: str, variable: Variable, index: Index) -> Piece:
        stem, opening, argument = name.partition("(")
        letters = "".join(index or ())
        if opening:
            head = self.dialect.symbol(stem).text
            return Piece(f"{head}({argument}", COEFFICIENT + 20, array=rank(variable) > 0)
        piece = self.dialect.symbol(name, letters)
        return dataclasses.replace(piece, array=rank(variable) > 0 and index is None)

    def _named_if_long(self, place: Place, piece: Piece) -> Piece:
        """A part that became too long is written apart under a name."""
        variable, index, _ = place
        if self.cut is not None and len(piece.text) > self.cut:
            return Piece(r"\ldots" if self.dialect.latex else "...", array=piece.array)
        if self.longest_part is None or len(piece.text) <= self.longest_part:
            return piece
        name = variable.name
        if name is None or name in self.taken:
            name = f"u_{len(self.parts) + 1}"
        self.taken.add(name)
        symbol = self.dialect.symbol(name, "".join(index or ()))
        self.parts.append((symbol.text, piece.text))
        return dataclasses.replace(symbol, array=piece.array)


def _joined_letters(bound: str, index: tuple[str, ...]) -> str:
    return bound + "".join(letter for letter in index if letter not in bound)


def _axes_shown(node: Apply, pieces: list[Piece]) -> tuple[list[Piece], list[Piece]]:
    """The axes of a reduction that is written as a call."""
    axes = getattr(node.op, "axis", None)
    if node.op.name not in BIG_SIGNS or axes is None:
        return pieces, []
    shown = axes[0] if len(axes) == 1 else tuple(axes)
    return pieces, [Piece(f"axis={shown}")]


# -- ops that mathematics writes in its own way ------------------------------------------------

Form = Callable[[AnyDialect, Apply, list[Piece]], Piece]
_FORMS: dict[str, Form] = {}


def _form(*names: str) -> Callable[[Form], Form]:
    def register(function: Form) -> Form:
        for name in names:
            _FORMS[name] = function
        return function

    return register


@_form("add")
def _add(dialect: AnyDialect, node: Apply, pieces: list[Piece]) -> Piece:
    return dialect.add(*pieces)


@_form("sub")
def _sub(dialect: AnyDialect, node: Apply, pieces: list[Piece]) -> Piece:
    return dialect.subtract(*pieces)


@_form("neg")
def _neg(dialect: AnyDialect, node: Apply, pieces: list[Piece]) -> Piece:
    return dialect.negative(*pieces)


@_form("mul")
def _mul(dialect: AnyDialect, node: Apply, pieces: list[Piece]) -> Piece:
    return dialect.product(*pieces)


@_form("true_div")
def _true_div(dialect: AnyDialect, node: Apply, pieces: list[Piece]) -> Piece:
    return dialect.quotient(*pieces)


@_form("reciprocal")
def _reciprocal(dialect: AnyDialect, node: Apply, pieces: list[Piece]) -> Piece:
    return dialect.quotient(dialect.number(1), pieces[0])


@_form("pow")
def _pow(dialect: AnyDialect, node: Apply, pieces: list[Piece]) -> Piece:
    if notation.scalar_value(node.inputs[1]) == 0.5:
        return dialect.root(pieces[0])
    return dialect.power(*pieces)


@_form("sqr")
def _sqr(dialect: AnyDialect, node: Apply, pieces: list[Piece]) -> Piece:
    return dialect.power(pieces[0], dialect.number(2))


@_form("sqrt")
def _sqrt(dialect: AnyDialect, node: Apply, pieces: list[Piece]) -> Piece:
    return dialect.root(pieces[0])


@_form("exp")
def _exp(dialect: AnyDialect, node: Apply, pieces: list[Piece]) -> Piece:
    return dialect.exponential(pieces[0])


@_form("abs")
def _abs(dialect: AnyDialect, node: Apply, pieces: list[Piece]) -> Piece:
    return dialect.absolute(pieces[0])


@_form("second", "identity", "specify_shape")
def _value(dialect: AnyDialect, node: Apply, pieces: list[Piece]) -> Piece:
    return pieces[0]


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
    chosen = [notation.scalar_value(v) for v in node.inputs[1:]]
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


@_form("derivative")
def _derivative(dialect: AnyDialect, node: Apply, pieces: list[Piece]) -> Piece:
    return dialect.hole(pieces[0], node.op.variable, node.op.total)  # type: ignore[attr-defined]


def estimated_length(variable: Variable) -> int:
    """About how many symbols the formula has if every shared part is written out each time."""
    length: dict[Any, int] = {}
    for node in toposort([variable]):
        total = 1 + sum(length.get(child, 1) for child in node.inputs)
        length.update(dict.fromkeys(node.outputs, min(total, 10**9)))
    return length.get(variable, 1)


def write(
    variable: Variable,
    latex: bool,
    symbols: Mapping[Variable, str] | None = None,
    index: Index = None,
    longest: int | None = None,
    spelling: Mapping[str, str] | None = None,
) -> Formula:
    """A variable as a formula; parts get names where it would be longer than `longest`."""
    dialect: AnyDialect = LATEX if latex else TEXT
    limit = longest
    if limit is None or estimated_length(variable) * 2 <= limit:
        piece = Writer(dialect, symbols, None, spelling).write(variable, index)
        if limit is None or len(piece.text) <= limit:
            return Formula(piece.text)
    writer = Writer(dialect, symbols, max(40, (limit or 0) // 2), spelling)
    piece = writer.write(variable, index)
    return Formula(piece.text, tuple(writer.parts))
