"""The first line of a cell: what it says, and one line for every mistake on it."""

from __future__ import annotations

import numpy as np
import pytest

from autodiff_lab.options import (
    OPTIONS, UsageError, evaluate_at, evaluate_range, help_text, parse_line, parse_words,
)

LINES = [
    ("x", {"wrt": ["x"]}),
    ("", {"wrt": []}),
    ("x;", {"wrt": ["x"], "quiet": True}),
    ("W:matrix b:vector/float32", {"wrt": ["W:matrix", "b:vector/float32"]}),
    ("--of y -o r x", {"wrt": ["x"], "of": "y", "bind": "r"}),
    ("x --order 3 --check --explain -q", {"order": 3, "check": True, "explain": True,
                                          "quiet": True}),
    ("x --order=2", {"order": 2}),
]


@pytest.mark.parametrize("line, expected", LINES, ids=[line for line, _ in LINES])
def test_reading_a_line(line: str, expected: dict[str, object]) -> None:
    options = parse_line(line)
    for field, value in expected.items():
        found = getattr(options, field)
        assert (list(map(str, found)) if field == "wrt" else found) == value


MISTAKES = [
    ('x --plot "x=-6:6', 'a quote is not closed: "x=-6:6'),
    ("x --at 'x=1", "a quote is not closed: 'x=1"),
    ("x --plt x=1:2", "unknown option --plt; did you mean --plot?"),
    ("x --chek", "unknown option --chek; did you mean --check?"),
    ("x --html out.html", "unknown option --html"),
    ("x:matrx", "unknown type 'matrx' of x; did you mean 'matrix'?"),
    ("x:vector/int8", "cannot differentiate by dtype 'int8' of x"),
    ("x/2", "x/2 is not a name"),
    ("x x", "'x' is named twice"),
    ("x --check --check", "--check is given twice"),
    ("x --check=3", "--check takes no value"),
    ("x -o 3", "-o needs a name, not '3'"),
    ("x --of lambda", "--of needs a name"),
    ("x --order 0", "--order needs a whole number from 1 to 20"),
    ("x --order two", "--order needs a whole number"),
    ("--at", "--at needs"),
    ("x --plot --check", "--plot needs"),
    ("x --at 3", "--at needs NAME=VALUE"),
    ('x --at "x=[1,"', "--at needs NAME=VALUE"),
    ("x --plot x", "--plot needs NAME=FROM:TO"),
    ("x --plot x=3", "--plot needs NAME=FROM:TO"),
    ("x --plot x=:3", "--plot needs NAME=FROM:TO"),
]


@pytest.mark.parametrize("line, message", MISTAKES, ids=[line for line, _ in MISTAKES])
def test_a_mistake_is_one_line(line: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_line(line)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_values_are_computed_in_the_users_namespace() -> None:
    options = parse_line('x --at "x=k/2, W=np.eye(k)" --plot "x=-pi:k:7"')
    at = evaluate_at(options, {"k": 3})
    assert at["x"] == 1.5 and at["W"].shape == (3, 3)
    assert evaluate_range(options.plot[0], {"k": 3}) == ("x", -np.pi, 3.0, 7)
    ranges = parse_line('x y --plot "x=-2:2, y=max(0, k):f(a=1):9"').plot
    assert [one.name for one in ranges] == ["x", "y"] and ranges[1].count is not None


BAD_VALUES = [
    ('x --at "x=kk"', "'kk' is not defined"),
    ('x --at "x=wdith"', "'wdith' is not defined; did you mean 'width'?"),
    ('x --at "x=1/0"', "1 / 0 fails with ZeroDivisionError"),
    ("""x --at "x='text'" """, "not a number"),
    ('x --at "x=[1, [2]]"', "not a number"),
    ('x --plot "x=6:-6"', "the range must rise, 6 is not below -6"),
    ('x --plot "x=0:inf"', "inf is not a finite number"),
    ('x --plot "x=0:1:1"', "the number of points is a whole number from 2"),
    ('x --plot "x=0:1:2.5"', "the number of points is a whole number from 2"),
]


@pytest.mark.parametrize("line, message", BAD_VALUES, ids=[line for line, _ in BAD_VALUES])
def test_a_value_that_fails_is_one_line(line: str, message: str) -> None:
    options = parse_line(line)
    with pytest.raises(UsageError) as caught:
        evaluate_at(options, {"width": 3})
        evaluate_range(options.plot[0], {"width": 3})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_values_see_no_format_strings() -> None:
    options = parse_line('x --at "x=len(\'{secret}\')"')
    assert evaluate_at(options, {"secret": "a long text"})["x"] == len("{secret}")


def test_the_command_line_has_one_option_more() -> None:
    assert parse_words(["x", "--html", "out.html"], command_line=True).html == "out.html"
    for option in OPTIONS:
        assert option.flags[0] in help_text(command_line=True)
