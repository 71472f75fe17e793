"""Two hundred hostile texts in names, constants, cells and messages, through every MIME type."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import itertools
import json
import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import numpy as np
import pytest
import view_examples
from payloads import PAYLOADS

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.errors import LabValueError
from autodiff_lab.view import dot, html, layout, listing, panes, plots, svg
from autodiff_lab.view.model import MatrixView, to_json

STRUCTURE = ("id", "kind", "column", "twin", "source", "target", "slot")
CHUNK = 20
CHUNKS = [PAYLOADS[k : k + CHUNK] for k in range(0, len(PAYLOADS), CHUNK)]
chunks = pytest.mark.parametrize("texts", CHUNKS, ids=range(len(CHUNKS)))


def filled(record: Any, texts: Any) -> Any:
    """A record with the next text in every field that holds words."""
    if isinstance(record, tuple):
        return tuple(filled(item, texts) for item in record)
    if not dataclasses.is_dataclass(record):
        return record
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if dataclasses.is_dataclass(value) or isinstance(value, tuple):
            changes[field.name] = filled(value, texts)
        elif isinstance(value, str) and field.name not in STRUCTURE:
            changes[field.name] = next(texts)
    return dataclasses.replace(record, **changes)


def hostile_card(texts: list[str]) -> Any:
    """The logistic card with hostile words wherever there are words."""
    card = view_examples.logistic_card(
        plot=view_examples.logistic_plot(20), pictures=(MatrixView("J", ((1.0,),), ("y",), ("x",)),)
    )
    return filled(card, itertools.cycle(texts))


def inert(text: str) -> None:
    """Well-formed, without an element or attribute that could act or load."""
    for node in ElementTree.fromstring(text).iter():
        kind = node.tag.split("}")[-1].lower()
        assert kind not in ("script", "iframe", "object", "embed", "foreignobject", "a", "form",
                            "link", "meta", "base", "input")
        for key, value in node.attrib.items():
            assert not key.lower().startswith("on")
            if key.split("}")[-1] in ("href", "src", "data", "action"):
                assert value.startswith(("#", "data:image/svg+xml;base64,", "data:image/png"))


def test_there_are_two_hundred() -> None:
    assert len(PAYLOADS) >= 200


@chunks
def test_records_through_every_renderer(texts: list[str]) -> None:
    card = hostile_card(texts)
    positions = layout.layout(card.graph)
    if positions is not None:
        inert(svg.graph_svg(positions))
    inert(plots.plot_svg(card.plot))
    for inline in (False, True):
        inert(panes.card_body(card, positions, panes.Pictures(inline)))
    page = html.page_html(card)
    for tag in ("<script", "</script>", "<style", "</style>", "<title", "</title>", "<html"):
        extra = page.count("<title>") - 1 if tag in ("<title", "</title>") else 0
        assert page.lower().count(tag) - extra == {"<script": 2, "</script>": 2, "<style": 2,
                                                   "</style>": 2}.get(tag, 1)
    data = re.search(r'class="adl-data">(.*?)</script>', page, re.DOTALL)
    assert data is not None
    found = json.loads(data[1])
    if isinstance(found, str):      # much data is packed
        found = json.loads(gzip.decompress(base64.b64decode(found)))
    assert found["record"] == "CardView"
    json.dumps(to_json(card), allow_nan=False)
    lines = listing.graph_text(card.graph)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", lines)
    source = dot.to_dot(card.graph).source
    assert len(re.findall(r"^\s*n\d+ \[label=", source, re.MULTILINE)) == len(card.graph.nodes)


@chunks
def test_objects_with_hostile_names(texts: list[str]) -> None:
    inputs = [pt.dscalar(text) for text in texts]
    y = sum((x * x for x in inputs[1:]), inputs[0])
    y.name = texts[-1]
    function = ad.function(inputs, [y])
    for shown in (y, function, function.maker.fgraph):
        bundle = shown._repr_mimebundle_()
        assert bundle["text/plain"]
        if "image/svg+xml" in bundle:
            inert(bundle["image/svg+xml"])
        fragment = bundle.get("text/html", "<p/>")
        inert(re.sub(r"<(script|style)\b[^>]*>.*?</\1>", "", fragment, flags=re.DOTALL))
    assert ad.pp(y) and ad.dprint(y, file="str")


@pytest.mark.parametrize("texts", CHUNKS[::4], ids=range(len(CHUNKS[::4])))
def test_studies_with_hostile_names(texts: list[str]) -> None:
    inputs = [pt.dscalar(text) for text in dict.fromkeys(texts) if text][:6]
    study = ad.Study(pt.exp(sum(inputs[1:], inputs[0]) * 0.1), inputs[:2],
                     point=dict.fromkeys(inputs, 0.5))
    bundle = study._repr_mimebundle_()
    inert(bundle["image/svg+xml"])
    inert(re.sub(r"<(script|style)\b[^>]*>.*?</\1>", "", bundle["text/html"], flags=re.DOTALL))
    assert str(study.derivation) and study.derivation.latex


@pytest.mark.parametrize("text", PAYLOADS[::9])
def test_cells_and_constants(text: str) -> None:
    if "\x00" in text or "\ud800" in text:
        return                                # Python itself refuses such a cell
    comment = " ".join(text.split())
    cell = f"s = {text!r}\ny = x ** 2 + len(s) * 0  # {comment}\ny"
    study = ad.Study.from_cell(cell, {}, "x", at="x=2")
    bundle = study._repr_mimebundle_()
    inert(re.sub(r"<(script|style)\b[^>]*>.*?</\1>", "", bundle["text/html"], flags=re.DOTALL))
    constant = pt.constant(np.float64(2.0), name=text)
    assert ad.pp(constant * constant) is not None


@pytest.mark.parametrize("text", PAYLOADS[::9])
def test_messages(text: str) -> None:
    x = pt.dvector(text)
    with pytest.raises(TypeError) as caught:
        ad.grad(x, x)
    assert len(str(caught.value).splitlines()) <= 12 + text.count("\n") * 3
    with pytest.raises(LabValueError):
        ad.pp(x, constants=text)
