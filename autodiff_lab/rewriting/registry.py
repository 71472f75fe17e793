"""The table of rules, and the two ways to fill it: `@rule` and `@node_rewriter`.

A rule is one declaration: the function, whose docstring says why it exists, with phase, domain and
client.  Pages, the stepper and the tests are made from the table `RULES`.  Registering a name again
replaces the rule, so that a notebook cell can be run twice.

Relies on `rewriting.pattern` for rules written as two expressions.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from autodiff_lab.errors import LabTypeError, LabValueError
from autodiff_lab.graph import Apply, Variable
from autodiff_lab.rewriting import pattern as patterns

if TYPE_CHECKING:
    from autodiff_lab.rewriting.facts import Context

PHASES = ("canonicalize", "stabilize", "specialize")
"""The phases, in the order in which they run."""

DISPLAY = "display"
"""Rules that put a formula into a textbook's form: for derivations, never run on what computes."""

RULES: dict[str, Rule] = {}
"""Name -> rule, in the order of declaration."""

_changes = [0]


class Rule:
    """One rewrite rule, as declared.

    Attributes
    ----------
    name, phase, doc, client : str
        `client` says who needs it: a seed, lesson, benchmark row, accuracy case or document.
    domain : mapping of str to Domain
        Where the two sides agree, and where the tests draw values; real numbers if not given.
    function : callable
        What the decorator stands on.
    ops : tuple
        Names or classes of the ops whose nodes it is tried on; ``"*"`` for all.
    example : callable or None
        Variables -> an expression that the rule changes.
    tags : tuple of str
        Further names by which a mode may include or exclude it.
    uses : frozenset of str
        What it looks at besides the expression ("clients"): such rules run in several passes.
    only_in : bool
        Whether later phases leave it out.
    file, line
        Where it is declared.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        phase: str,
        client: str,
        *,
        domain: Mapping[str, Any] | None = None,
        example: Callable[..., Any] | None = None,
        tags: Iterable[str] = (),
        uses: Iterable[str] = (),
        only_in: bool = False,
    ) -> None:
        self.name = function.__name__
        if phase not in PHASES and phase != DISPLAY:
            raise LabValueError(
                f"The rule {self.name} names the phase {phase!r}.",
                remedy="one of " + ", ".join(map(repr, PHASES)),
            )
        self.function = function
        self.phase = phase
        self.client = client
        self.doc = inspect.cleandoc(function.__doc__ or "")
        self.domain = dict(domain or {})
        self.example = example
        self.tags = tuple(tags)
        self.uses = frozenset(uses)
        self.only_in = only_in
        self.file = function.__code__.co_filename
        self.line = function.__code__.co_firstlineno
        self.ops: tuple[Any, ...] = ()
        self.specificity = 0
        # What the inputs of a node must be for it to be tried; None: anything.
        self.heads: Any = None

    @property
    def summary(self) -> str:
        """The first sentence of the docstring, in one line."""
        return " ".join(self.doc.split("\n\n")[0].split())

    @property
    def source_text(self) -> str:
        """The declaration as written, or an empty text where it cannot be read."""
        try:
            return inspect.getsource(self.function)
        except (OSError, TypeError):
            return ""

    def apply(self, context: Context, node: Apply) -> Replacement | None:
        """What replaces the outputs of `node`, or None."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}, {self.phase}>"


class Replacement:
    """The answer of a rule: new outputs, what the names matched, the inner nodes matched."""

    __slots__ = ("outputs", "bindings", "matched")

    def __init__(
        self,
        outputs: Sequence[Variable],
        bindings: Mapping[str, Any] | None = None,
        matched: Sequence[Variable] = (),
    ) -> None:
        self.outputs = tuple(outputs)
        self.bindings = bindings or {}
        self.matched = tuple(matched)


class PatternRule(Rule):
    """A rule written as two expressions: ``return left, right``.

    Attributes
    ----------
    left, right : pattern.Tree
        Both sides as trees of op names (the right side for reading only).
    when : callable or None
        A condition over some of the matched names.
    kinds : str
        NumPy's letters of the dtype kinds on which it may work.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        phase: str,
        client: str,
        *,
        when: Callable[..., bool] | None = None,
        kinds: str = "f",
        **options: Any,
    ) -> None:
        super().__init__(function, phase, client, **options)
        self.when = when
        self.kinds = kinds
        self.recorded = patterns.record(function, when)
        self.left, self.right = self.recorded.left, self.recorded.right
        self.ops = (self.left.op,)
        self.specificity = patterns.size(self.left)
        self.parameters = self.recorded.parameters
        # Most nodes are turned away by the names of their inputs' ops alone.
        self.heads = patterns.heads(self.left)

    def apply(self, context: Context, node: Apply) -> Replacement | None:
        found = patterns.match(self.recorded, context, node, self.when, self.kinds)
        if found is None:
            return None
        right = patterns.build(self.recorded, context, node, found)
        return None if right is None else Replacement([right], found.bindings, found.matched)

    def __str__(self) -> str:
        return f"{self.left} -> {self.right}"


class NodeRule(Rule):
    """A rule written as a function of a node."""

    def __init__(
        self,
        function: Callable[..., Any],
        ops: Iterable[Any],
        phase: str,
        client: str,
        **options: Any,
    ) -> None:
        super().__init__(function, phase, client, **options)
        self.ops = tuple(ops)

    def apply(self, context: Context, node: Apply) -> Replacement | None:
        answer = self.function(context, node)
        if answer is None or answer is False:
            return None
        return Replacement([answer] if isinstance(answer, Variable) else answer)


def register(new: Rule) -> Rule:
    """Put a rule into the table; a rule of the same name is replaced."""
    RULES[new.name] = new
    _changes[0] += 1
    return new


def unregister(name: str) -> None:
    """Take a rule out of the table again."""
    RULES.pop(name, None)
    _changes[0] += 1


def rule(
    phase: str = "canonicalize",
    domain: Mapping[str, Any] | None = None,
    client: str = "",
    when: Callable[..., bool] | None = None,
    tags: Iterable[str] = (),
    kinds: str = "f",
    only_in: bool = False,
    example: Callable[..., Any] | None = None,
) -> Callable[[Callable[..., Any]], PatternRule]:
    """Declare a rule as two expressions: the function returns ``(left, right)``.

    The parameters are wildcards.  A parameter annotated `Const` matches a constant and stands for
    a number, ``Const[int]`` for a whole number, `Axis` for the axes of a reduction.

    Parameters
    ----------
    phase : str
        ``"canonicalize"`` (one form for things that are equal), ``"stabilize"`` (more accurate),
        ``"specialize"`` (cheaper).
    domain : dict of str to Domain
        Where both sides agree; by default the real numbers.
    client : str
        Who needs it.
    when : callable
        A condition over some of the parameters, by their names.
    tags : iterable of str
    kinds : str
        Dtype kinds (NumPy's letters) it works on.  The default, ``"f"``, keeps it from whole
        numbers, whose arithmetic wraps around.
    only_in : bool
        Leave it out in later phases.
    example : callable
        An expression for the tests, where the left side itself would not do.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> from autodiff_lab.rewriting import rule, unregister
    >>> @rule(phase="canonicalize", client="this example")
    ... def absolute_of_exponential(x):
    ...     '''The exponential function is positive already.'''
    ...     return abs(pt.exp(x)), pt.exp(x)
    >>> print(absolute_of_exponential)
    abs(exp(x)) -> exp(x)
    >>> unregister("absolute_of_exponential")
    """

    def declare(function: Callable[..., Any]) -> PatternRule:
        new = PatternRule(
            function, phase, client, domain=domain, when=when, tags=tags, kinds=kinds,
            only_in=only_in, example=example,
        )
        register(new)
        return new

    return declare


def node_rewriter(
    ops: Sequence[Any],
    phase: str = "canonicalize",
    client: str = "",
    example: Callable[..., Any] | None = None,
    domain: Mapping[str, Any] | None = None,
    tags: Iterable[str] = (),
    uses: Iterable[str] = (),
    only_in: bool = False,
) -> Callable[[Callable[..., Any]], NodeRule]:
    """Declare a rule as a function ``(context, node)``.

    It returns None, a variable, or one replacement per output.

    Parameters
    ----------
    ops : sequence of op classes or names
        The nodes it is tried on; ``["*"]`` for all.
    phase, client, domain, tags, only_in
        As for `rule`.
    example : callable
        Variables -> an expression that it changes, for the tests and the reference page.
    uses : iterable of str
        What it looks at besides the expression, such as ``"clients"``.
    """

    def declare(function: Callable[..., Any]) -> NodeRule:
        if not callable(function):
            raise LabTypeError(f"A node rewriter is a function, not {function!r}.")
        new = NodeRule(
            function, ops, phase, client, example=example, domain=domain, tags=tags, uses=uses,
            only_in=only_in,
        )
        register(new)
        return new

    return declare


_selections: dict[Any, tuple[int, list[Rule]]] = {}


def select(phase: str, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> list[Rule]:
    """The rules that a phase runs: its own and those of earlier phases not marked `only_in`.

    Parameters
    ----------
    phase : str
    include, exclude : sequence of str
        Rules, tags or phases to add or to leave out, by name.
    """
    key = (phase, tuple(include), tuple(exclude))
    kept = _selections.get(key)
    if kept is not None and kept[0] == _changes[0]:
        return kept[1]
    place = PHASES.index(phase) if phase in PHASES else -1
    chosen = []
    for candidate in RULES.values():
        labels = {candidate.name, *candidate.tags}
        if DISPLAY in (phase, candidate.phase):
            if phase == candidate.phase and labels.isdisjoint(exclude):
                chosen.append(candidate)
            continue
        own = PHASES.index(candidate.phase)
        due = own == place or (own < place and not candidate.only_in)
        asked = not labels.isdisjoint(include) and own <= place
        if (due or asked) and (labels | {candidate.phase}).isdisjoint(exclude):
            chosen.append(candidate)
    chosen.sort(key=lambda r: (-r.specificity, r.name))
    _selections[key] = (_changes[0], chosen)
    return chosen
