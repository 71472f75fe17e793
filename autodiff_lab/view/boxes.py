"""How large a node's box is and which words stand in it.

What is here: `box_words` and `box_size`, used by the layout (sizes) and by the drawing
(words), so that both agree.  It relies on the records and on the name policy.

The one idea: widths are counted in characters of a monospaced font, so the same record
gives the same box on every machine.
"""

from __future__ import annotations

from autodiff_lab.view.escape import display_name
from autodiff_lab.view.model import NodeView

LABEL_LIMIT = 24
VALUE_LIMIT = 24
LABEL_ADVANCE = 7.9  # width of a character at 13 px, monospaced: 0.6 em and a little
VALUE_ADVANCE = 7.3  # the same at 12 px
PADDING = 12.0
GAP = 14.0  # between the words
MARK_WIDTH = 18.0  # the sign for NaN and infinities
MINIMUM_WIDTH = 56.0
HEIGHT = 30.0


def shape_text(shape: tuple[int | None, ...]) -> str:
    """A shape as text, with a question mark for a length that is not known.

    Examples
    --------
    >>> shape_text((3, None)), shape_text(())
    ('(3, ?)', '')
    """
    if not shape:
        return ""
    inside = ", ".join("?" if length is None else str(length) for length in shape)
    return f"({inside},)" if len(shape) == 1 else f"({inside})"


def box_words(node: NodeView) -> tuple[str, str, str]:
    """What stands in the box, in one line: label, shape, value."""
    label = node.label or node.op or node.id
    if node.name not in ("", label):
        label = f"{node.name} = {label}"
    label = display_name(label, LABEL_LIMIT)
    value = display_name(node.value.text, VALUE_LIMIT) if node.value is not None else ""
    if node.kind == "constant":
        value = ""  # a constant's label is its value
    return label, shape_text(node.shape), value


def is_broken(node: NodeView) -> bool:
    """Whether the node's value holds NaN or infinities."""
    return node.value is not None and node.value.nan_count + node.value.inf_count > 0


def box_size(node: NodeView) -> tuple[float, float]:
    """Width and height of the node's box."""
    label, shape, value = box_words(node)
    width = 2 * PADDING + len(label) * LABEL_ADVANCE + MARK_WIDTH * is_broken(node)
    for word in (shape, value):
        width += GAP + len(word) * VALUE_ADVANCE if word else 0.0
    return max(MINIMUM_WIDTH, round(width, 1)), HEIGHT
