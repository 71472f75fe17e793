"""Where a NaN or an infinity comes from.

What is here: `find_origin`, and `Origin`, which says it in words.

Relies on `compile.replay` for the value of every variable.

The one idea: start at one bad element of a result and ask, node by node, which input element made
it bad: the one whose replacement by an ordinary number repairs the result.  Where no input element
did, the node itself is the origin.  What never reaches a result (a NaN that `where` masks out) is
never asked about.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autodiff_lab.compile.replay import replay, results_of
from autodiff_lab.control.from_graph import OpFromGraph
from autodiff_lab.control.ifelse import LazyIfElse
from autodiff_lab.control.scan.op import Scan
from autodiff_lab.errors import explain
from autodiff_lab.graph import Apply, FunctionGraph, Role, Variable, placed
from autodiff_lab.tensor.elemwise import Elemwise

Element = tuple[int, ...]
Values = Mapping[Variable, Any]
Outside = dict[Variable, tuple[Variable, Element]]    # inner input -> outer variable and element
ORDINARY = (0.37, 1.73)            # two tries: a function may have its pole at one of them

_TWICE = "two wheres: y = f(where(ok, x, 1)), where ok says that f(x) is fine; then where(ok, y, 0)"
# (op, what its inputs satisfy) -> (why, remedy); the first that fits is told
_CURES: tuple[tuple[str, Any, str, str], ...] = (
    ("log log2 log10", lambda x: x == 0, "the logarithm of 0 is -inf", _TWICE),
    ("log log2 log10", lambda x: x < 0, "a negative number has no real logarithm",
     "check the sign; log1p(u) is log(1 + u) for small u"),
    ("log1p", lambda x: x <= -1, "log(1 + u) needs u > -1", _TWICE),
    ("sqrt", lambda x: x < 0, "a negative number has no real square root", _TWICE),
    ("true_div", lambda x, y: (x == 0) & (y == 0), "0/0 is undefined", _TWICE),
    ("true_div mod int_div", lambda x, y: y == 0, "division by 0", _TWICE),
    ("reciprocal", lambda x: x == 0, "division by 0", _TWICE),
    ("pow", lambda x, y: (x < 0) & (y != np.floor(y)),
     "a negative number has no real power that is not whole", "abs(x) ** y, or a where"),
    ("pow", lambda x, y: (x == 0) & (y < 0), "0 to a negative power divides by 0", _TWICE),
    ("exp expm1 exp2 sinh cosh softplus", lambda x: x > 0,
     "the result is larger than the dtype can hold (exp: about 709 in float64, 88 in float32)",
     "subtract the maximum first, or use logsumexp, softmax, log_softmax, softplus, sigmoid"),
    ("arcsin arccos", lambda x: abs(x) > 1, "the argument must lie in [-1, 1]", "clip(x, -1, 1)"),
    ("arctanh erfinv", lambda x: abs(x) >= 1, "the argument must lie in (-1, 1)", _TWICE),
    ("arccosh", lambda x: x < 1, "the argument must be at least 1", _TWICE),
    ("mul add sub sqr dot matmul sum prod", lambda *x: True,
     "the result is larger than the dtype can hold", "scale the values, or sum logarithms"),
)


@dataclass(frozen=True)
class Origin:
    """The first node (or input) on the way to a bad element that is not finite by itself.

    Attributes
    ----------
    variable : Variable
    node : Apply or None
        What computed it; None for an input.
    index : tuple of int
        The element.
    value : float or complex
    inputs : tuple of (Variable, value)
        What the node read: the numbers at that element where the op is elementwise, else arrays.
    steps : tuple of int
        The step of each loop around it.
    roles : tuple of Role
        Why gradient code made it, if it did.
    """

    variable: Variable
    node: Apply | None
    index: Element
    value: Any
    inputs: tuple[tuple[Variable, Any], ...] = ()
    steps: tuple[int, ...] = ()
    roles: tuple[Role, ...] = ()

    @property
    def forward(self) -> Apply | None:
        """The node of the user's formula whose derivative the origin belongs to."""
        return next((role.via for role in self.roles if role.via is not None), None)

    @property
    def _cure(self) -> tuple[str | None, str | None]:
        if self.node is None:
            return None, "look at the data: the value comes in from outside"
        numbers = [value for _, value in self.inputs]
        for names, fits, why, remedy in _CURES:
            if self.node.op.name in names.split() and _fits(fits, numbers):
                return why, remedy
        return None, None

    def where(self) -> str:
        """The place in up to five lines: node, element, line, step, inputs."""
        at = f" at {list(self.index)}" if self.index else ""
        if self.node is None:
            return f"the input {self.variable.name or 'without a name'} is {self.value}{at}"
        lines = [placed(f"{self.node.op.name} gives {self.value}{at}", self.node)]
        lines += [f"in step {step} of the loop" for step in self.steps]
        if self.forward is not None:
            part = f"part of the derivative of {self.forward.op.name}"
            told = self.forward.source == self.node.source
            lines.append(part if told else placed(part, self.forward))
        read = [f"{_title(v, n)} = {_short(value)}" for n, (v, value) in enumerate(self.inputs[:3])]
        return "\n".join([*lines, "it read " + ", ".join(read)] if read else lines)

    @property
    def line(self) -> str:
        """The place on one line: "log gives -inf at [1], cell 3, line 2; it read x = 0"."""
        return "; ".join(self.where().splitlines())

    def explain(self, sentence: str) -> str:
        """A message of at most twelve lines."""
        why, remedy = self._cure
        return explain(sentence, where=self.where(), why=why, remedy=remedy)

    def __str__(self) -> str:
        return self.explain(f"{self.variable.name or 'A value'} is not finite.")


def find_origin(
    outputs: Sequence[Variable], given: Mapping[Variable, Any],
    roles: Mapping[Variable, Sequence[Role]] | None = None, infinite: bool = True,
) -> Origin | None:
    """Where the first bad element of the outputs comes from, or None if all are finite.

    Parameters
    ----------
    outputs : sequence of Variable
    given : mapping
        Values of the inputs.
    roles : mapping, optional
        The roles of variables, where they do not stand on the variables themselves.
    infinite : bool
        Whether infinities in the outputs count, or NaN alone.

    Examples
    --------
    >>> import numpy as np, autodiff_lab.tensor as pt
    >>> x = pt.dvector("x")
    >>> y = (x * pt.log(x)).sum()
    >>> origin = find_origin([y], {x: np.array([1.0, 0.0])})
    >>> origin.node.op.name, origin.index, float(origin.value)
    ('log', (1,), -inf)
    >>> find_origin([pt.where(x > 0, pt.log(x), 0.0).sum()], {x: np.array([1.0, 0.0])}) is None
    True
    """
    values = replay(outputs, given)
    for output in outputs:
        element = bad_element(values[output], infinite)
        if element is not None:
            variable, at, steps, seen = _follow(output, element, values, ())
            return _told(variable, at, steps, seen, roles)
    return None


def bad_element(value: Any, infinite: bool = True) -> Element | None:
    """The first NaN of an array, else its first infinity; None if there is none."""
    array = np.asarray(value)
    if array.dtype.kind not in "fc":
        return None
    for test in (np.isnan, np.isinf) if infinite else (np.isnan,):
        found = test(array)
        if found.any():
            return tuple(int(i) for i in np.unravel_index(int(np.argmax(found)), found.shape))
    return None


def _told(
    variable: Variable, at: Element, steps: tuple[int, ...], values: Values,
    roles: Mapping[Variable, Sequence[Role]] | None,
) -> Origin:
    node = variable.owner
    inputs: list[tuple[Variable, Any]] = []
    if node is not None:
        elementwise = isinstance(node.op, Elemwise)
        for place, v in enumerate(node.inputs):
            value = np.asarray(values[v])
            inputs.append((v, value[_of_input(node, place, at)] if elementwise else value))
    known = (roles or {}).get(variable) or variable.roles
    return Origin(
        variable, node, at, np.asarray(values[variable])[at], tuple(inputs), steps, tuple(known)
    )


def _follow(
    variable: Variable, at: Element, values: Values, steps: tuple[int, ...]
) -> tuple[Variable, Element, tuple[int, ...], Values]:
    """Walk against the edges to the origin: (variable, element, steps of loops, values there)."""
    while variable.owner is not None:
        node = variable.owner
        place = node.outputs.index(variable)
        if isinstance(node.op, Scan) and node.op.layout.brief:
            node, at, values = _kept_whole(node, place, at, values)
            variable = node.outputs[place]
        if isinstance(node.op, Scan | OpFromGraph | LazyIfElse):
            outside, body = _inside(node, place, at, values)
            if body is not None:
                step = (body.step,) if body.step is not None else ()
                found = _follow(body.variable, body.at, body.values, (*steps, *step))
                if found[0] not in outside:
                    return found
                variable, prefix = outside[found[0]]
                at = (*prefix, *found[1])
            else:
                variable = next(iter(outside.values()))[0]
            continue
        cause = _cause(node, place, at, [values[v] for v in node.inputs])
        if cause is None:
            break
        variable, at = node.inputs[cause[0]], cause[1]
    return variable, at, steps, values


@dataclass(frozen=True)
class _Body:
    """One run of an inner graph, and the element of its result to ask about."""

    variable: Variable
    at: Element
    values: Values
    step: int | None = None


def _inside(node: Apply, place: int, at: Element, values: Values) -> tuple[Outside, _Body | None]:
    """The run that computed an element, and where each input of the inner graph comes from.

    Without a run (the element is an initial value of a loop), the one entry is its source.
    """
    op: Any = node.op
    if not isinstance(op, Scan):
        graph, given = op.graph, node.inputs
        if isinstance(op, LazyIfElse):
            graph, given = op.graphs[0 if values[given[0]] else 1], given[1:]
        outside: Outside = {v: (outer, ()) for v, outer in zip(graph.inputs, given)}
        return outside, _Body(graph.outputs[place], at, _run(graph, values, outside))
    body, depths, last = op.graph.outputs[place], op.layout.depths, int(values[node.inputs[0]]) - 1
    _, sequences, initials, constants = op.split(node.inputs)
    elements, taps, inner_constants = op.split_inner()
    step = at[0] - depths[place] if place < len(depths) else at[0]
    element = step
    if op.layout.backwards:                    # states are kept in the order of the steps
        step, element = (step, last - step) if place < len(depths) else (last - step, step)
    if step < 0:
        return {body: (initials[place], ())}, None
    outside = {inner: (outer, (element,)) for inner, outer in zip(elements, sequences)}
    outside |= {inner: (outer, ()) for inner, outer in zip(inner_constants, constants)}
    for state, inners in enumerate(taps):
        for inner, tap in zip(inners, op.layout.taps[state]):
            outside[inner] = node.outputs[state], (step + depths[state] + tap,)
    return outside, _Body(body, at[1:], _run(op.graph, values, outside), step)


def _kept_whole(
    node: Apply, place: int, at: Element, values: Values
) -> tuple[Apply, Element, Values]:
    """An element of a loop that keeps last values only, in the same loop keeping all of them."""
    assert isinstance(node.op, Scan)
    whole = Scan(dataclasses.replace(node.op.layout, brief=()), node.op.graph)
    again = whole.make_node(*node.inputs)
    found = dict(zip(again.outputs, results_of(again, [values[v] for v in node.inputs])))
    before = len(found[again.outputs[place]]) - len(values[node.outputs[place]])
    return again, (at[0] + before, *at[1:]), {**values, **found}


def _run(graph: FunctionGraph, values: Values, outside: Outside) -> Values:
    given = {inner: np.asarray(values[outer])[at] for inner, (outer, at) in outside.items()}
    return replay(graph.outputs, given)


def _cause(
    node: Apply, place: int, at: Element, arrays: Sequence[Any]
) -> tuple[int, Element] | None:
    """The input element that makes an element of a result bad; None if no input does."""
    if isinstance(node.op, Elemwise):          # only the numbers at this element take part
        cells = [_of_input(node, n, at) for n in range(len(arrays))]
        arrays = [array[tuple(slice(i, i + 1) for i in c)] for array, c in zip(arrays, cells)]
        found = _cause_among(node, place, (0,) * len(at), arrays)
        return None if found is None else (found[0], cells[found[0]])
    return _cause_among(node, place, at, arrays)


def _of_input(node: Apply, place: int, at: Element) -> Element:
    """The element of an input of an elementwise node that belongs to an element of its result."""
    stretch = node.op.stretch
    stretched = stretch[place] if stretch else ()
    return tuple(0 if axis in stretched else i for axis, i in enumerate(at))


def _cause_among(
    node: Apply, place: int, at: Element, arrays: Sequence[Any]
) -> tuple[int, Element] | None:
    """Bisect over the bad elements of all inputs: which one must be repaired?"""
    bad = [(n, flat) for n, array in enumerate(map(np.asarray, arrays))
           if array.dtype.kind in "fc"
           for flat in np.flatnonzero(~np.isfinite(array)).tolist()]

    def repaired(count: int, ordinary: float) -> bool:
        copies = [np.array(array) if n in {k for k, _ in bad[:count]} else array
                  for n, array in enumerate(arrays)]
        for n, flat in bad[:count]:
            copies[n].flat[flat] = ordinary
        with np.errstate(all="ignore"):
            try:
                result = results_of(node, copies)[place]
            except Exception:                  # the numbers may be no input of this op
                return False
        # how many numbers there are may follow from their values
        same = all(i < length for i, length in zip(at, result.shape))
        return bool(np.isfinite(result[at] if same else result).all())

    number = next((x for x in ORDINARY if bad and repaired(len(bad), x)), None)
    if number is None:
        return None
    low, high = 0, len(bad)                    # not repaired by the first low, repaired by high
    while high - low > 1:
        middle = (low + high) // 2
        if repaired(middle, number):
            high = middle
        else:
            low = middle
    n, flat = bad[high - 1]
    return n, tuple(int(i) for i in np.unravel_index(flat, np.shape(arrays[n])))


def _fits(test: Any, numbers: Sequence[Any]) -> bool:
    try:
        return bool(np.any(test(*numbers)))
    except TypeError:                          # another number of inputs
        return False


def _title(variable: Variable, place: int) -> str:
    return variable.name or f"input {place}"


def _short(value: Any) -> str:
    array = np.asarray(value)
    return f"{array[()]:.6g}" if array.ndim == 0 else f"an array of shape {array.shape}"
