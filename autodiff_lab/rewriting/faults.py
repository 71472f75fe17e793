"""Rules that misbehave: what the warning says, and the few lines of Python that show it again.

What is here: `failure` and `loop` make the error, `changed_value` compares values, `reproduction`
writes a small graph as code.  Relies on the registries of names, so that what is printed runs.

The one idea: the graph is cut off below the node, level by level, until the fault no longer shows;
what lies behind the last cut that still shows it becomes an input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from keyword import iskeyword
from typing import Any

from autodiff_lab.errors import RewriteError, RewriteLoop
from autodiff_lab.graph import (
    Apply, Constant, FunctionGraph, Variable, ancestors, clone_replace, describe, placed, toposort,
)
from autodiff_lab.hooks import file_label
from autodiff_lab.rewriting.facts import is_plumbing
from autodiff_lab.rewriting.registry import Rule
from autodiff_lab.rewriting.trial import disagreement, is_given
from autodiff_lab.tensor.axes import DimShuffle
from autodiff_lab.tensor.elemwise import Elemwise
from autodiff_lab.tensor.opdef import REAL
from autodiff_lab.tensor.registry import FUNCTIONS, OPS

Runner = Callable[[FunctionGraph, Sequence[Rule], str], None]
MOST_LEVELS = 6
MOST_NEAR = 40
SHORT = {"float64": "d", "float32": "f", "int64": "l"}
RANKS = ("scalar", "vector", "matrix")
LONGEST = 8


def failure(rule: Rule, node: Apply, error: Exception, run: Runner) -> RewriteError:
    """What is said of a rule that went wrong at a node."""
    ours = isinstance(error, RewriteError)
    return _told(
        RewriteError, f"The rewrite rule {rule.name} failed and is left out.", [rule],
        node.outputs[0], str(error) if ours else f"{type(error).__name__}: {error}", run, Exception,
    )


def loop(
    rules: Sequence[Rule], blamed: Sequence[Rule], variable: Variable, run: Runner
) -> RewriteError:
    """What is said of rules that never come to an end."""
    names = ", ".join(rule.name for rule in rules)
    out = ", ".join(rule.name for rule in blamed)
    told = _told(
        RewriteLoop, f"Rewrite rules undo each other for ever: {names}.", rules, variable,
        f"each result is changed again; left out here: {out}", run, RewriteLoop,
    )
    return told


def _told(
    kind: type[RewriteError], sentence: str, rules: Sequence[Rule], variable: Variable, why: str,
    run: Runner, wanted: type[Exception],
) -> RewriteError:
    def fails(trial: Variable) -> bool:
        try:
            run(FunctionGraph(None, [trial]), rules, rules[0].phase)
        except wanted:
            return True
        return False

    code = reproduction([rule.name for rule in rules], variable, fails)
    where = placed(describe(variable), variable.owner)  # type: ignore[arg-type]
    places = ", ".join(f"{file_label(rule.file)}, line {rule.line}" for rule in rules)
    shown = f"; to see it again:\n{code}" if code else ""
    return kind(sentence, where=where, why=why, remedy=f"mend the rule in {places}{shown}")


def changed_value(rule: Rule, node: Apply, answer: Any) -> str:
    """Whether a replacement has other values than the node: the point in words, or nothing."""
    if "approximate" in rule.tags:
        return ""
    given = {}
    for name, bound in answer.bindings.items():
        while is_plumbing(bound) if isinstance(bound, Variable) else False:
            bound = bound.owner.inputs[0]
        if isinstance(bound, Variable) and not is_given(bound):
            given[bound] = rule.domain.get(name, REAL)
    if not answer.bindings:
        given = _border(node)
        seen = {v for v in ancestors(node.outputs, given) if v.owner is None}
        if any(v.owner is None and v not in seen and not is_given(v)
               for v in ancestors(answer.outputs, given)):
            given = {}  # it reaches below the border
    return disagreement(node.outputs, answer.outputs, given, bool(rule.domain))


def _border(node: Apply) -> dict[Variable, Any]:
    """What lies under the nearest nodes behind a node: taken as known, to compare quickly."""
    near = list(dict.fromkeys([node]))
    for behind in near:
        if len(near) > MOST_NEAR:
            break
        near += [v.owner for v in behind.inputs if v.owner is not None and v.owner not in near]
    return {v: REAL for n in near for v in n.inputs if v.owner is not None and v.owner not in near}


def reproduction(
    rules: Sequence[str], variable: Variable, fails: Callable[[Variable], bool]
) -> str:
    """Python that shows a fault of rules again, on as little of the graph as will do.

    Parameters
    ----------
    rules : sequence of str
    variable : Variable
        What the rules were tried on.
    fails : callable
        Whether the fault shows on a variable.
    """
    for levels in range(1, MOST_LEVELS):
        code = written(trial := cut(variable, levels))
        if code and fails(trial):
            break
    else:
        return ""
    *lines, result = code.splitlines()
    named = ", ".join(repr(name) for name in rules)
    return "\n".join([
        "import autodiff_lab as ad, autodiff_lab.tensor as pt", *lines,
        f'ad.rewrite_graph({result}, include=[{named}], on_fault="raise")',
    ])


def cut(variable: Variable, levels: int) -> Variable:
    """The graph behind a variable, with new inputs in place of all that lies deeper."""
    layer = kept = {variable.owner}
    for level in range(levels):
        layer = {v.owner for node in layer if node for v in node.inputs} - kept
        last = level == levels - 1  # beyond the last level only added axes are kept
        kept = kept | {n for n in layer if n and (not last or type(n.op) is DimShuffle)}
    below = {v: v.type.make_variable() for node in kept if node for v in node.inputs
             if v.owner is not None and v.owner not in kept}
    result: Variable = clone_replace(variable, below)
    return result


def written(variable: Variable) -> str:
    """A graph as Python: a line for each input, then the expression; empty where that fails."""
    texts: dict[Variable, str] = {}
    lines = []
    names = iter(spare for spare in map("x{}".format, range(1, 1000)))
    for leaf in (v for v in ancestors([variable]) if v.owner is None):
        kind: Any = leaf.type
        if isinstance(leaf, Constant):
            if leaf.data.size > LONGEST:
                return ""
            texts[leaf] = f"pt.constant({leaf.data.tolist()}, dtype={kind.dtype!r})"
            continue
        good = leaf.name is not None and leaf.name.isidentifier() and not iskeyword(leaf.name)
        name = leaf.name if good and leaf.name not in texts.values() else next(names)
        texts[leaf] = str(name)
        usual = set(kind.shape) <= {None} and kind.ndim < len(RANKS) and SHORT.get(kind.dtype)
        lines.append(f"{name} = pt." + (
            f"{usual}{RANKS[kind.ndim]}({name!r})" if usual
            else f"tensor({name!r}, dtype={kind.dtype!r}, shape={kind.shape!r})"
        ))
    for node in toposort([variable]):
        call, inputs = _call(node.op), [texts[v] for v in _unstretched(node)]
        if call is None or len(node.outputs) > 1:
            return ""
        texts[node.outputs[0]] = call.format(*inputs, all=", ".join(inputs))
    return "\n".join([*lines, texts[variable]])


def _unstretched(node: Apply) -> list[Variable]:
    """The inputs of a node, those of elementwise ops without axes that NumPy would add."""
    inner = [v.owner.inputs[0] if v.owner is not None and type(v.owner.op) is DimShuffle
             and v.owner.op.only_adds_axes and v.owner.inputs[0].type.ndim == 0 else v  # type: ignore[attr-defined]
             for v in node.inputs]
    some = isinstance(node.op, Elemwise) and any(a is b for a, b in zip(inner, node.inputs))
    return inner if some else list(node.inputs)


def _call(op: Any) -> str | None:
    """A call of an op as a template over the texts of its inputs."""
    if isinstance(op, Elemwise):
        if op.name.startswith("cast_"):
            return "pt.cast({0}, " + repr(op.name.removeprefix("cast_")) + ")"
        return f"pt.{op.name}({{all}})" if op.name in FUNCTIONS else None
    if isinstance(op, DimShuffle):
        return "{0}.dimshuffle(" + ", ".join(map(repr, op.new_order)) + ")"
    if op.name not in OPS:
        return None
    if not op.__props__ and op.name in FUNCTIONS:
        return f"pt.{op.name}({{all}})"
    props = ", ".join(f"{name}={getattr(op, name)!r}" for name in op.__props__
                      if name != "dtype" or op.name in ("sum", "prod"))
    if "axis" in op.__props__ and op.name in FUNCTIONS:
        return f"pt.{op.name}({{all}}, {props})"
    made = f"ad.tensor.registry.OPS[{op.name!r}]({props})"
    return made.replace("{", "{{").replace("}", "}}") + "({all})"
