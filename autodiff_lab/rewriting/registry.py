"""The table of rules, and the two ways to fill it: `@rule` and `@node_rewriter`.

A rule is one declaration: the function, whose docstring says why it exists, with phase, domain and
client.  Pages, the stepper and the tests are made from the table `RULES`.  Registering a name again
replaces the rule, so that a notebook cell can be run twice.

Relies on `rewriting.pattern` for rules written as two expressions.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from autodiff_lab import hooks
from autodiff_lab.errors import LabKeyError, LabTypeError, LabValueError, one_of
from autodiff_lab.graph import Apply, Variable
from autodiff_lab.rewriting import pattern as patterns
from autodiff_lab.tensor.opdef import Interval

if TYPE_CHECKING:
    from autodiff_lab.rewriting.facts import Context

PHASES = ("canonicalize", "stabilize", "specialize")
"""The phases, in the order in which they run."""

DISPLAY = "display"
"""Rules that put a formula into a textbook's form: for derivations, never run on what computes."""

RULES: dict[str, Rule] = {}
"""Name -> rule, in the order of declaration."""

FAMILY = frozenset(
    "BlasOpt ShapeOpt blas cxx_only elemwise_fusion fast_compile fast_run fusion gpuarray inplace"
    " inplace_elemwise_optimizer merge minimum_compile scan_make_inplace uncanonicalize".split()
)
"""Choices of rewrites in PyTensor and before, which old programs make; here they mean nothing."""

_covered: dict[str, Rule] = {}
"""The package's rules in whose place one of the same name stands: they come back after it."""


@dataclasses.dataclass(eq=False, repr=False)
class Rule:
    """One rewrite rule, as declared.

    Attributes
    ----------
    function : callable
        What the decorator stands on; its name and docstring are those of the rule.
    phase, client : str
        `client` says who needs it: a seed, lesson, benchmark row, accuracy case or document.
    domain : mapping of str to Domain
        Where the two sides agree, and where the tests draw values; real numbers if not given.
    example : callable or None
        Variables -> an expression that the rule changes.
    tags : collection of str
        Further names by which a mode may include or exclude it.
    uses : collection of str
        What it looks at besides the expression ("clients"): such rules run in several passes.
    only_in : bool
        Whether later phases leave it out.
    ops : sequence
        Names or classes of the ops whose nodes it is tried on; ``"*"`` for all.
    behind : collection of str, optional
        Names of ops, one of which must be behind an input of a node for it to be tried; an input
        that is a constant will do, too.
    heads : tuple, optional
        What the first inputs of a node must be for it to be tried at all.
    specificity : int
        Rules with a larger one are tried first.
    """

    function: Callable[..., Any]
    phase: str = "canonicalize"
    client: str = ""
    domain: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    example: Callable[..., Any] | None = None
    tags: Collection[str] = ()
    uses: Collection[str] = ()
    only_in: bool = False
    ops: Sequence[Any] = ()
    behind: Collection[str] | None = None
    heads: tuple[tuple[Any, ...], ...] | None = None
    specificity: int = 0

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise LabTypeError(f"A rewrite rule is a function, not {self.function!r}.")
        self.name = self.function.__name__
        self.doc = inspect.cleandoc(self.function.__doc__ or "")
        # The package's own rules are proved by its tests; others are compared while they run.
        self.proved = str(self.function.__module__).startswith("autodiff_lab.")
        if isinstance(self.tags, str):
            self.tags = (self.tags,)
        for name, meaning in self.domain.items():
            if not isinstance(meaning, Interval):
                raise LabTypeError(
                    f"The domain of {name} in the rule {self.name} is {meaning!r}.",
                    remedy=f"domain={{{name!r}: interval(0, 1)}}",
                )
        code = inspect.unwrap(self.function).__code__
        self.file, self.line = code.co_filename, code.co_firstlineno
        one_of(self.phase, PHASES if self.phase != DISPLAY else (DISPLAY,),
               f"The rule {self.name} names the phase {self.phase!r}.")

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


@dataclasses.dataclass(slots=True)
class Replacement:
    """The answer of a rule: new outputs, what the names matched, the inner nodes matched."""

    outputs: Sequence[Variable]
    bindings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    matched: Sequence[Variable] = ()


@dataclasses.dataclass(eq=False, repr=False)
class PatternRule(Rule):
    """A rule written as two expressions: ``return left, right``.

    Attributes
    ----------
    when : callable or None
        A condition over some of the matched names.
    kinds : str
        NumPy's letters of the dtype kinds on which it may work.
    left, right : pattern.Tree
        Both sides as trees of op names (the right side for reading only).
    """

    when: Callable[..., bool] | None = None
    kinds: str = "f"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.recorded = patterns.record(self.function, self.when)
        self.left, self.right = self.recorded.left, self.recorded.right
        strangers = self.domain.keys() - self.recorded.parameters.keys()
        if strangers and self.example is None:
            raise LabValueError(
                f"domain= of the rule {self.name} names {', '.join(sorted(strangers))}.",
                why="its parameters are " + ", ".join(self.recorded.parameters),
            )
        self.parameters = self.recorded.parameters
        self.ops = (self.left.op,)
        self.specificity = patterns.size(self.left)
        # Most nodes are turned away by the names of their inputs' ops alone.
        self.heads = patterns.heads(self.left)

    def apply(self, context: Context, node: Apply) -> Replacement | None:
        found = patterns.match(self.recorded, context, node, self.when, self.kinds)
        if found is None:
            return None
        right = patterns.build(self.recorded, context, node, found)
        return None if right is None else Replacement([right], found.bindings, found.matched)

    @property
    def left_text(self) -> str:
        """The left side as a formula."""
        text: str = hooks.call("pp", self.recorded.sides[0], constants="short")
        return text

    def __str__(self) -> str:
        return f"{self.left} -> {self.right}"


class NodeRule(Rule):
    """A rule written as a function of a node."""

    def apply(self, context: Context, node: Apply) -> Replacement | None:
        answer = self.function(context, node)
        if answer is None or answer is False:
            return None
        return Replacement(answer if isinstance(answer, tuple | list) else [answer])


AnyRule = TypeVar("AnyRule", bound=Rule)


def register(new: AnyRule) -> AnyRule:
    """Put a rule into the table; a rule of the same name is replaced."""
    known = RULES.get(new.name)
    if known is not None and known.proved and not new.proved:
        _covered[new.name] = known
    RULES[new.name] = new
    _selected.cache_clear()
    return new


def known_name(name: str, tags: bool = False) -> str:
    """A rule's name (or, with `tags`, that of a tag or phase), or an error with those like it.

    Raises
    ------
    LabKeyError
        If nothing is called so.
    """
    known = [*RULES]
    if tags:
        more = (tag for rule in RULES.values() for tag in rule.tags)
        known = list(dict.fromkeys([*known, *PHASES, *more]))
    if name not in known:
        like = difflib.get_close_matches(str(name), known, 3, 0.5)
        raise LabKeyError(
            f"There is no rewrite rule {name!r}.",
            remedy="perhaps " + ", ".join(like) if like else "rewriting.RULES lists them",
        )
    return name


def check_names(*names: str) -> None:
    """Refuse what names no rule, tag or phase, neither here nor in programs of the family."""
    for name in names:
        if name not in FAMILY and not str(name).startswith("local_"):
            known_name(name, tags=True)


def unregister(name: str) -> None:
    """Take a rule out of the table again; one of the package's comes back in its place."""
    RULES.pop(name, None)
    if name in _covered:
        RULES[name] = _covered.pop(name)
    _selected.cache_clear()


def rule(
    phase: str = "canonicalize", client: str = "", when: Callable[..., bool] | None = None,
    kinds: str = "f", **options: Any,
) -> Callable[[Callable[..., Any]], PatternRule]:
    """Declare a rule as two expressions: the function returns ``(left, right)``.

    The parameters are wildcards.  A parameter annotated `Const` matches a constant and stands for
    a number, ``Const[int]`` for a whole number, `Axis` for the axes of a reduction.

    Parameters
    ----------
    phase : str
        ``"canonicalize"`` (one form for things that are equal), ``"stabilize"`` (more accurate),
        ``"specialize"`` (cheaper).
    client : str
        Who needs it.
    when : callable
        A condition over some of the parameters, by their names.
    kinds : str
        Dtype kinds (NumPy's letters) it works on.  The default, ``"f"``, keeps it from whole
        numbers, whose arithmetic wraps around.
    **options
        ``domain=``, ``example=``, ``tags=``, ``only_in=``: see `Rule`.

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
    _called(phase, "@rule()")
    return lambda function: register(
        PatternRule(function, phase, client, when=when, kinds=kinds, **options)
    )


def node_rewriter(
    ops: Sequence[Any], phase: str = "canonicalize", client: str = "", **options: Any
) -> Callable[[Callable[..., Any]], NodeRule]:
    """Declare a rule as a function ``(context, node)``.

    It returns None, a variable, or one replacement per output.

    Parameters
    ----------
    ops : sequence of op classes or names
        The nodes it is tried on; ``["*"]`` for all.
    phase, client : str
        As for `rule`.
    **options
        ``domain=``, ``example=``, ``tags=``, ``uses=``, ``behind=``, ``only_in=``: see `Rule`.
    """
    _called(ops, '@node_rewriter(["sin"])')
    wanted = [ops] if isinstance(ops, str) else ops
    return lambda function: register(NodeRule(function, phase, client, ops=wanted, **options))


def _called(given: Any, remedy: str) -> None:
    """Say what is missing where a decorator was written without its brackets."""
    if inspect.isfunction(given):
        raise LabTypeError(f"The decorator of {given.__name__} needs brackets.", remedy=remedy)


def select(
    phase: str, include: Sequence[str] = (), exclude: Sequence[str] = (), only: bool = False
) -> list[Rule]:
    """The rules that a phase runs: its own and those of earlier phases not marked `only_in`.

    Parameters
    ----------
    phase : str
    include, exclude : sequence of str
        Rules, tags or phases to add or to leave out, by name.
    only : bool
        No others than those included.
    """
    return _selected(phase, tuple(include), tuple(exclude), only)


@functools.cache
def _selected(
    phase: str, include: tuple[str, ...], exclude: tuple[str, ...], only: bool
) -> list[Rule]:
    earlier = PHASES[: PHASES.index(phase)] if phase in PHASES else ()
    chosen = []
    for candidate in RULES.values():
        labels = {candidate.name, *candidate.tags}
        again = not candidate.only_in or not labels.isdisjoint(include)
        due = candidate.phase == phase or (candidate.phase in earlier and again)
        named = not only or not labels.isdisjoint(include)
        if due and named and (labels | {candidate.phase}).isdisjoint(exclude):
            chosen.append(candidate)
    return sorted(chosen, key=lambda rule: (-rule.specificity, rule.name))
