// The script of a card: tabs, the answering graph, the stepper, the tangent.
//
// It works on markup that already shows everything (see html.py) and on the records of
// model.py as JSON.  Nothing is loaded, nothing is evaluated, and data becomes text only
// through textContent; pictures are parsed as XML and stripped of anything that could act.
// `render(model, root)` is all a page, a notebook's output or a widget needs.

const SVG = "http://www.w3.org/2000/svg";
const XHTML = "http://www.w3.org/1999/xhtml";
const MAXIMUM_DIFF = 250000; // cells of the table that compares two listings
const SMALLEST_SCALE = 0.6; // a graph that would be smaller than this starts at its top instead
const READABLE_SCALE = 0.9;
const LARGEST_SCALE = 4;

// ---------------------------------------------------------------- small tools

function el(name, attributes, ...children) {
  const node = document.createElement(name);
  setAttributes(node, attributes);
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

function svgEl(name, attributes) {
  const node = document.createElementNS(SVG, name);
  setAttributes(node, attributes);
  return node;
}

function setAttributes(node, attributes) {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) {
      node.addEventListener(key.slice(2), value);
    } else if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(key, value === true ? "" : String(value));
    }
  }
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

function number(value) {
  const n = Number(value);
  return Number.isFinite(n) ? String(Number(n.toPrecision(6))) : String(n);
}

function shapeText(shape) {
  if (!shape || !shape.length) return "";
  const inside = shape.map((length) => (length === null ? "?" : String(length))).join(", ");
  return shape.length === 1 ? `(${inside},)` : `(${inside})`;
}

// A picture drawn by us, as a part of this document.
function parsePicture(text) {
  const picture = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  if (picture.nodeName !== "svg") return null;
  return disarm(picture);
}

function disarm(tree) {
  for (const bad of tree.querySelectorAll("script, style, foreignObject, iframe, object, embed")) {
    bad.remove();
  }
  for (const node of [tree, ...tree.querySelectorAll("*")]) {
    for (const attribute of [...node.attributes]) {
      const name = attribute.localName.toLowerCase();
      const link = name === "href" || name === "src";
      const inner = attribute.value.startsWith("#") || attribute.value.startsWith("data:image/svg+xml;");
      if (name.startsWith("on") || name === "style" || (link && !inner)) {
        node.removeAttributeNode(attribute);
      }
    }
  }
  return document.importNode(tree, true);
}

// Images of a notebook's fragment become pictures that take colours and clicks.
function inlineImages(body) {
  const kinds = "img.graph, img.plot, img.formula";
  for (const image of body.querySelectorAll(kinds)) {
    const comma = image.src.indexOf(",");
    if (!image.src.startsWith("data:image/svg+xml;base64,")) continue;
    const bytes = Uint8Array.from(atob(image.src.slice(comma + 1)), (c) => c.charCodeAt(0));
    const picture = parsePicture(new TextDecoder().decode(bytes));
    if (picture) image.replaceWith(picture);
  }
}

// ---------------------------------------------------------------- tabs

function makeTabs(body, onShow) {
  const blocks = [...body.querySelectorAll("details.tab")];
  const list = el("div", { class: "tabs", role: "tablist", "aria-label": "Parts of the card" });
  const tabs = new Map();
  blocks.forEach((block, index) => {
    const name = block.dataset.tab;
    const pane = block.querySelector(".pane");
    const id = `adl-${name}-${index}`;
    const button = el(
      "button",
      { role: "tab", id: `${id}-tab`, "aria-controls": id, type: "button", "data-tab": name,
        onclick: () => show(name) },
      block.dataset.label,
    );
    setAttributes(pane, { role: "tabpanel", id, "aria-labelledby": `${id}-tab`, tabindex: "0" });
    list.append(button);
    tabs.set(name, { button, pane });
    block.replaceWith(pane);
  });
  const names = [...tabs.keys()];
  list.addEventListener("keydown", (event) => {
    const now = names.findIndex((name) => tabs.get(name).button === event.target);
    const moves = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: names.length - 1 };
    if (now < 0 || !(event.key in moves)) return;
    event.preventDefault();
    const next = names[(moves[event.key] + names.length) % names.length];
    show(next);
    tabs.get(next).button.focus();
  });

  function show(name) {
    for (const [other, { button, pane }] of tabs) {
      const chosen = other === name;
      button.setAttribute("aria-selected", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
      pane.hidden = !chosen;
    }
    onShow(name);
  }

  if (names.length) body.querySelector(".pane").before(list);
  body.classList.add("tabbed");
  return { show, names, pane: (name) => (tabs.has(name) ? tabs.get(name).pane : null) };
}

// ---------------------------------------------------------------- graph: looking

function makeCamera(picture, canvas) {
  const [, , width, height] = picture.getAttribute("viewBox").split(" ").map(Number);
  const view = { x: 0, y: 0, scale: 1, moved: false };
  picture.removeAttribute("width");
  picture.removeAttribute("height");
  picture.setAttribute("preserveAspectRatio", "xMidYMid meet");

  function apply() {
    const across = canvas.clientWidth / view.scale;
    const down = canvas.clientHeight / view.scale;
    if (!(across > 0 && down > 0)) return;
    picture.setAttribute("viewBox", `${view.x} ${view.y} ${across} ${down}`);
    // The background rectangle spans the view wherever it is.
    const ground = picture.querySelector(".bg");
    if (ground) setAttributes(ground, { x: view.x, y: view.y, width: across, height: down });
  }

  // All of it, or at first: all of it unless that would be too small to read.
  function fit(readable = false) {
    const across = canvas.clientWidth, down = canvas.clientHeight;
    if (!(across > 0 && down > 0)) return;
    const whole = Math.min(across / width, down / height, 1.25);
    const small = readable && whole < SMALLEST_SCALE;
    view.scale = small ? clamp(across / width, SMALLEST_SCALE, READABLE_SCALE) : whole;
    const spareX = across / view.scale - width, spareY = down / view.scale - height;
    view.x = -spareX / 2;
    view.y = spareY > 0 ? -spareY / 2 : 0;
    view.moved = !readable;
    apply();
  }

  function zoom(factor, clientX, clientY) {
    const box = canvas.getBoundingClientRect();
    const px = clientX === undefined ? box.width / 2 : clientX - box.left;
    const py = clientY === undefined ? box.height / 2 : clientY - box.top;
    const scale = clamp(view.scale * factor, 0.05, LARGEST_SCALE);
    view.x += px / view.scale - px / scale;
    view.y += py / view.scale - py / scale;
    view.scale = scale;
    view.moved = true;
    apply();
  }

  function pan(dx, dy) {
    view.x -= dx / view.scale;
    view.y -= dy / view.scale;
    view.moved = true;
    apply();
  }

  // Bring a node into view, moving as little as possible.
  function reveal(box) {
    const across = canvas.clientWidth / view.scale, down = canvas.clientHeight / view.scale;
    const margin = 24;
    const x = clamp(view.x, box.x + box.width + margin - across, box.x - margin);
    const y = clamp(view.y, box.y + box.height + margin - down, box.y - margin);
    if (x !== view.x || y !== view.y) {
      Object.assign(view, { x, y, moved: true });
      apply();
    }
  }

  let drag = null;
  picture.addEventListener("pointerdown", (event) => {
    if (event.button === 0) drag = { x: event.clientX, y: event.clientY, far: false };
  });
  picture.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
    if (!drag.far && Math.abs(dx) + Math.abs(dy) < 4) return;
    if (!drag.far) picture.setPointerCapture(event.pointerId);
    picture.classList.add("dragging");
    pan(dx, dy);
    drag = { x: event.clientX, y: event.clientY, far: true };
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    picture.addEventListener(kind, () => {
      picture.classList.remove("dragging");
      drag = null;
    });
  }
  // With Ctrl or Meta the wheel zooms; else it scrolls a graph that goes on in that direction,
  // and where the graph ends the page has its wheel back.
  picture.addEventListener("wheel", (event) => {
    const end = view.y + canvas.clientHeight / view.scale;
    const goesOn = event.deltaY > 0 ? end < height : view.y > 0;
    if (event.ctrlKey || event.metaKey) zoom(Math.exp(-event.deltaY / 300), event.clientX, event.clientY);
    else if (goesOn) pan(0, -event.deltaY);
    else return;
    event.preventDefault();
  }, { passive: false });
  const watcher = new ResizeObserver(() => (view.moved ? apply() : fit(true)));
  watcher.observe(canvas);
  const start = () => (view.moved ? apply() : fit(true));
  return { fit, zoom, pan, reveal, start };
}

// ---------------------------------------------------------------- graph: asking

function makeGraph(pane, card) {
  const canvas = pane.querySelector(".canvas");
  const picture = canvas && canvas.querySelector("svg");
  if (!picture) return null;
  const nodes = new Map(card.graph.nodes.map((node) => [node.id, node]));
  const boxes = new Map();
  for (const box of picture.querySelectorAll(".node")) boxes.set(box.dataset.id, box);
  const edges = [...picture.querySelectorAll(".edge")];
  const links = linkNodes(card.graph);
  const side = makeSide(card, (id) => choose(id, true));
  pane.append(side.element);
  const camera = makeCamera(picture, canvas);
  const found = { ids: [], at: -1 };
  let chosen = null;

  function near(id) {
    const group = new Set([id, ...(links.twins.get(id) || [])]);
    const ids = new Set(group);
    for (const member of group) {
      for (const other of [...links.reads.get(member), ...links.readers.get(member)]) ids.add(other);
    }
    return { group, ids };
  }

  function light(id) {
    picture.classList.toggle("focused", id !== null);
    const { group, ids } = id === null ? { group: new Set(), ids: new Set() } : near(id);
    for (const [name, box] of boxes) {
      box.classList.toggle("is-near", ids.has(name));
      box.classList.toggle("is-chosen", id !== null && name === chosen);
      box.classList.toggle("is-twin", name !== id && group.has(name));
    }
    for (const edge of edges) {
      const { source, target } = edge.dataset;
      edge.classList.toggle("is-near", group.has(source) || group.has(target));
    }
  }

  function choose(id, focus) {
    chosen = id !== null && boxes.has(id) ? id : null;
    light(chosen);
    side.show(chosen === null ? null : nodes.get(chosen), links);
    if (chosen === null) return;
    for (const box of boxes.values()) box.setAttribute("tabindex", "-1");
    const box = boxes.get(chosen);
    box.setAttribute("tabindex", "0");
    camera.reveal(box.getBBox());
    if (focus) box.focus({ preventScroll: true });
  }

  boxes.forEach((box, id) => {
    const node = nodes.get(id);
    setAttributes(box, { tabindex: "-1", role: "button", "aria-label": node ? `${node.label} ${node.text}` : id });
    box.addEventListener("pointerenter", () => light(id));
    box.addEventListener("pointerleave", () => light(chosen));
    box.addEventListener("click", (event) => {
      event.stopPropagation();
      choose(id, false);
    });
    box.addEventListener("focus", () => light(id));
  });
  const first = boxes.values().next().value;
  if (first) first.setAttribute("tabindex", "0");
  picture.setAttribute("role", "group"); // its nodes can be pressed now
  picture.addEventListener("click", () => choose(null, false));
  picture.addEventListener("keydown", (event) => walk(event, { boxes, links, choose, camera, now: () => chosen }));

  const search = makeSearch((text) => find(text), (step) => next(step), () => choose(null, false));
  function find(text) {
    const wanted = text.trim().toLowerCase();
    found.at = -1;
    found.ids = wanted === "" ? [] : [...nodes.values()].filter((node) =>
      [node.label, node.name, node.text, node.op, node.rule, node.id].some((word) =>
        String(word || "").toLowerCase().includes(wanted))).map((node) => node.id);
    for (const [id, box] of boxes) box.classList.toggle("is-found", found.ids.includes(id));
    search.count.textContent = wanted === "" ? "" : `${found.ids.length} found`;
  }
  function next(step) {
    if (!found.ids.length) return;
    found.at = (found.at + step + found.ids.length) % found.ids.length;
    choose(found.ids[found.at], false);
    search.count.textContent = `${found.at + 1} of ${found.ids.length}`;
  }
  const button = (label, title, action) =>
    el("button", { type: "button", title, "aria-label": title, onclick: action }, label);
  side.element.prepend(
    el("div", { class: "tools" }, search.input,
      button("+", "Larger", () => camera.zoom(1.25)),
      button("−", "Smaller", () => camera.zoom(0.8)),
      button("fit", "Show all", () => camera.fit())),
    search.count);
  return { shown: () => camera.start(), choose: (id) => choose(id, false) };
}

// Who reads whom, and who is whose adjoint (an adjoint may serve several nodes).
function linkNodes(graph) {
  const reads = new Map(), readers = new Map(), twins = new Map();
  for (const node of graph.nodes) {
    reads.set(node.id, []);
    readers.set(node.id, []);
    twins.set(node.id, new Set());
  }
  for (const edge of graph.edges) {
    if (!reads.has(edge.source) || !reads.has(edge.target)) continue;
    reads.get(edge.target).push(edge.source);
    readers.get(edge.source).push(edge.target);
  }
  for (const node of graph.nodes) {
    if (node.twin && twins.has(node.twin)) {
      twins.get(node.id).add(node.twin);
      twins.get(node.twin).add(node.id);
    }
  }
  return { reads, readers, twins };
}

// Keys inside the picture: arrows walk the graph, t jumps to the twin, Escape lets go.
function walk(event, { boxes, links, choose, camera, now }) {
  const box = event.target.closest(".node");
  const id = box ? box.dataset.id : now();
  const keys = { "+": () => camera.zoom(1.25), "-": () => camera.zoom(0.8), 0: () => camera.fit(),
    Escape: () => choose(null, false) };
  if (id !== null && boxes.has(id)) {
    const twin = [...links.twins.get(id)][0];
    Object.assign(keys, {
      Enter: () => choose(id, true),
      " ": () => choose(id, true),
      t: () => twin && choose(twin, true),
      ArrowUp: () => choose(neighbour(boxes, id, 0, -1), true),
      ArrowDown: () => choose(neighbour(boxes, id, 0, 1), true),
      ArrowLeft: () => choose(neighbour(boxes, id, -1, 0), true),
      ArrowRight: () => choose(neighbour(boxes, id, 1, 0), true),
    });
  }
  if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
  event.preventDefault();
  keys[event.key]();
}

// The nearest box in a direction; sideways distance counts double.
function neighbour(boxes, id, dx, dy) {
  const centre = (box) => {
    const { x, y, width, height } = box.getBBox();
    return [x + width / 2, y + height / 2];
  };
  const [x0, y0] = centre(boxes.get(id));
  let best = id, least = Infinity;
  for (const [other, box] of boxes) {
    const [x, y] = centre(box);
    const along = (x - x0) * dx + (y - y0) * dy;
    const aside = Math.abs((x - x0) * dy) + Math.abs((y - y0) * dx);
    if (other !== id && along > 1 && along + 2 * aside < least) {
      least = along + 2 * aside;
      best = other;
    }
  }
  return best;
}

function makeSearch(onInput, onNext, onEscape) {
  const count = el("span", { class: "count", "aria-live": "polite" });
  const input = el("input", { type: "search", placeholder: "search", "aria-label": "Search nodes",
    oninput: () => onInput(input.value),
    onkeydown: (event) => {
      if (event.key === "Enter") onNext(event.shiftKey ? -1 : 1);
      if (event.key === "Escape") {
        input.value = "";
        onInput("");
        onEscape();
      }
    } });
  return { input, count };
}

// The panel beside the graph: what is chosen, and the line of the cell it came from.
function makeSide(card, choose) {
  const about = el("div", { "aria-live": "polite" });
  const lines = (card.code || "").replace(/\n$/, "").split("\n").map((text, index) => {
    const at = card.code_first_line + index;
    return el("li", { "data-line": at }, el("span", { class: "number" }, String(at)), el("code", {}, text));
  });
  const element = el("div", { class: "side" }, about,
    card.code ? el("div", { class: "code" }, el("span", { class: "muted" }, "the cell"), el("ol", {}, ...lines)) : null);

  function link(id, nodes) {
    const node = nodes.get(id);
    return el("button", { type: "button", onclick: () => choose(id) }, node ? `${node.name || node.label} [${id}]` : id);
  }

  function show(node, links) {
    about.replaceChildren();
    for (const line of lines) {
      const here = node !== null && node.source !== null && Number(line.dataset.line) === node.source.line;
      line.classList.toggle("is-hot", here);
    }
    if (node === null) {
      about.append(el("p", { class: "muted" },
        "Click a node: its twin in the other column, the values it reads, the rule, and the line of the cell light up."));
      if (card.graph.caption) about.append(el("p", {}, card.graph.caption));
      return;
    }
    const nodes = new Map(card.graph.nodes.map((other) => [other.id, other]));
    const rows = el("dl", {});
    const row = (name, ...values) => values.length && values[0] !== "" &&
      rows.append(el("dt", {}, name), el("dd", {}, ...values));
    row("rule", node.rule);
    row("term", node.term ? el("code", {}, node.term) : "");
    row("value", ...describeValue(node.value));
    row("type", [node.dtype, shapeText(node.shape) || (node.dtype ? "scalar" : "")].join(" ").trim());
    row(node.column === "forward" ? "adjoint" : "adjoint of", ...[...links.twins.get(node.id)].map((id) => link(id, nodes)));
    row("reads", ...links.reads.get(node.id).map((id) => link(id, nodes)));
    row("read by", ...links.readers.get(node.id).map((id) => link(id, nodes)));
    row("from", node.source ? node.source.label : "");
    if (node.source && node.source.text && !card.code) row("line", el("code", {}, node.source.text));
    about.append(
      el("h3", {}, `${node.name && node.name !== node.label ? `${node.name} = ` : ""}${node.label} `,
        el("span", { class: "muted" }, `[${node.id}]`)),
      el("div", { class: "expression mono" }, node.text === node.label ? "" : node.text), rows);
  }

  show(null, null);
  return { element, show };
}

function describeValue(value) {
  if (!value) return [""];
  const words = [value.text];
  // Of one number the extremes and the mean say nothing new.
  const many = value.minimum !== null && value.minimum !== value.maximum;
  if (many) words.push(`from ${number(value.minimum)} to ${number(value.maximum)}`);
  if (many && value.mean !== null) words.push(`mean ${number(value.mean)}`);
  if (value.nan_count) words.push(`${value.nan_count} NaN`);
  if (value.inf_count) words.push(`${value.inf_count} infinite`);
  const out = [words.join(", ")];
  if (value.histogram.length) {
    const top = Math.max(...value.histogram, 1);
    const bars = svgEl("svg", { class: "bars", viewBox: `0 0 ${value.histogram.length} 10`,
      preserveAspectRatio: "none", role: "img", "aria-label": `histogram ${value.histogram.join(" ")}` });
    value.histogram.forEach((count, at) => {
      const high = (10 * count) / top;
      bars.append(svgEl("rect", { x: at + 0.06, y: 10 - high, width: 0.88, height: high }));
    });
    out.push(bars);
  }
  return out;
}

// ---------------------------------------------------------------- steps

function makeSteps(pane, card) {
  const table = pane.querySelector("table");
  if (!table || !card.steps.length) return null;
  const rows = [...table.querySelectorAll("tbody tr")];
  const formulas = rows.map((row) => ({
    before: row.querySelector(".before").firstChild,
    after: row.querySelector(".after").firstChild,
  }));
  // A listing that equals the next step's is written once.
  const steps = card.steps.slice(0, rows.length).map((step, at) => ({ ...step,
    graph_after: step.graph_after || (card.steps[at + 1] || {}).graph_before || "" }));
  const list = el("ul", { role: "listbox", tabindex: "0", "aria-label": "Rewrites" });
  const detail = el("div", { class: "step", "aria-live": "polite" });
  const filter = el("input", { type: "search", placeholder: "filter rewrites", "aria-label": "Filter rewrites",
    oninput: () => narrow(filter.value) });
  const items = steps.map((step, at) => el("li", { role: "option", id: `adl-step-${at}`, onclick: () => show(at) },
    `${step.index}. ${step.rule}`,
    el("span", { class: "phase" }, [step.phase, step.nodes_before ? `${step.nodes_before} → ${step.nodes_after} nodes` : ""]
      .filter(Boolean).join(", "))));
  list.append(...items);
  let now = 0;

  function visible() {
    return items.map((item, at) => at).filter((at) => !items[at].hidden);
  }

  function narrow(text) {
    const wanted = text.trim().toLowerCase();
    steps.forEach((step, at) => {
      const words = [step.rule, step.phase, step.before_text, step.after_text, step.doc].join(" ");
      items[at].hidden = !words.toLowerCase().includes(wanted);
    });
    const left = visible();
    if (left.length && !left.includes(now)) show(left[0]);
  }

  function move(by) {
    const left = visible();
    const place = left.indexOf(now);
    if (left.length) show(left[clamp(place + by, 0, left.length - 1)]);
  }

  function show(at) {
    now = at;
    items.forEach((item, index) => item.setAttribute("aria-selected", String(index === at)));
    list.setAttribute("aria-activedescendant", items[at].id);
    const top = items[at].offsetTop - list.offsetTop;
    if (top < list.scrollTop || top > list.scrollTop + list.clientHeight - 40) list.scrollTop = top - 40;
    detail.replaceChildren(...describeStep(steps[at], formulas[at], steps.length, move));
    detail.scrollTop = 0;
  }

  pane.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: -1, ArrowRight: 1 };
    if (event.currentTarget !== pane || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === list) Object.assign(moves, { ArrowUp: -1, ArrowDown: 1 });
    if (event.target === filter || !(event.key in moves)) return;
    event.preventDefault();
    move(moves[event.key]);
  });
  pane.replaceChildren(el("div", { class: "steplist" }, filter, list), detail);
  show(0);
  return { show };
}

function describeStep(step, drawn, total, move) {
  const button = (label, title, by) =>
    el("button", { type: "button", title, "aria-label": title, onclick: () => move(by) }, label);
  const parts = [
    el("div", { class: "turn" }, button("←", "Step before (left arrow)", -1), button("→", "Next step (right arrow)", 1)),
    el("h3", {}, step.rule),
    el("div", { class: "muted" }, `step ${step.index} of ${total}, ${step.phase}` +
      (step.nodes_before ? `, ${step.nodes_before} → ${step.nodes_after} nodes` : "") +
      (step.check ? `, checked in numbers: ${step.check}` : "")),
    el("div", { class: "change" }, drawn.before.cloneNode(true), el("span", { class: "arrow" }, "→"), drawn.after.cloneNode(true)),
  ];
  for (const words of [step.note, step.doc]) if (words) parts.push(el("p", {}, words));
  const listed = step.graph_before && step.graph_after;
  const [before, after] = listed ? [step.graph_before, step.graph_after] : [step.before_text, step.after_text];
  parts.push(el("h4", {}, listed ? "the graph, as text" : "as text"), diffText(before, after));
  if (step.source_text) {
    parts.push(el("h4", {}, step.source_label ? `the rule, ${step.source_label}` : "the rule"),
      el("pre", {}, el("code", {}, step.source_text)));
  }
  return parts;
}

function diffText(before, after) {
  const marks = { "-": "gone", "+": "new", " ": "same" };
  const lines = diffLines(before.split("\n"), after.split("\n"));
  return el("pre", { class: "diff" }, ...lines.map(([mark, text]) => el("span", { class: marks[mark] }, `${mark} ${text}`)));
}

// The longest common subsequence of lines; ends that agree are taken off first.
function diffLines(a, b) {
  let head = 0, tail = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const left = a.slice(head, a.length - tail), right = b.slice(head, b.length - tail);
  const same = (lines) => lines.map((line) => [" ", line]);
  const middle = left.length * right.length > MAXIMUM_DIFF
    ? [...left.map((line) => ["-", line]), ...right.map((line) => ["+", line])]
    : diffMiddle(left, right);
  return [...same(a.slice(0, head)), ...middle, ...same(a.slice(a.length - tail))];
}

function diffMiddle(a, b) {
  const width = b.length + 1;
  const longest = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      longest[i * width + j] = a[i] === b[j]
        ? longest[(i + 1) * width + j + 1] + 1
        : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  const out = [];
  let i = 0, j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      out.push([" ", a[i]]);
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && longest[(i + 1) * width + j] >= longest[i * width + j + 1])) {
      out.push(["-", a[i]]);
      i += 1;
    } else {
      out.push(["+", b[j]]);
      j += 1;
    }
  }
  return out;
}

// ---------------------------------------------------------------- plot

function makePlot(pane, card) {
  const picture = pane.querySelector("svg.adl-plot");
  const plot = card.plot;
  if (!picture || plot.series.length < 2 || plot.x.length < 2) return null;
  const [x0, y0, x1, y1] = picture.dataset.frame.split(" ").map(Number);
  const [low, high, bottom, top] = picture.dataset.limits.split(" ").map(Number);
  const across = (x) => x0 + ((x - low) / (high - low)) * (x1 - x0);
  const down = (y) => y1 - ((y - bottom) / (top - bottom)) * (y1 - y0);
  const xs = plot.x.map(Number);
  const curves = plot.series.map((series) => series.y.map(Number));
  const clip = svgEl("svg", { x: x0, y: y0, width: x1 - x0, height: y1 - y0, viewBox: `${x0} ${y0} ${x1 - x0} ${y1 - y0}` });
  const line = svgEl("line", { class: "tangent" });
  const dot = svgEl("circle", { class: "touch", r: 4.5 });
  clip.append(line, dot);
  picture.append(clip);
  const start = plot.point === null ? (low + high) / 2 : clamp(Number(plot.point), low, high);
  const slider = el("input", { type: "range", min: low, max: high, step: (high - low) / 500,
    "aria-label": `${plot.xlabel} of the tangent`, oninput: () => show(Number(slider.value)) });
  const words = [0, 1, 2].map(() => el("span", { class: "mono" }));
  pane.append(el("div", { class: "readout" }, el("span", { class: "muted" }, "tangent"), slider, ...words));

  function sample(curve, x) {
    let from = 0, to = xs.length - 1;
    while (to - from > 1) {
      const middle = (from + to) >> 1;
      if (xs[middle] <= x) from = middle;
      else to = middle;
    }
    // A cubic through the four samples around, where they are known; else the chord.
    const around = [from - 1, from, to, to + 1];
    const cubic = around.reduce((sum, i) => sum + around.reduce((product, j) =>
      (i === j ? product : (product * (x - xs[j])) / (xs[i] - xs[j])), curve[i]), 0);
    const chord = curve[from] + ((curve[to] - curve[from]) * (x - xs[from])) / (xs[to] - xs[from]);
    return Number.isFinite(cubic) ? cubic : chord;
  }

  function show(x) {
    const y = sample(curves[0], x), slope = sample(curves[1], x);
    const known = Number.isFinite(y) && Number.isFinite(slope);
    for (const part of [line, dot]) part.toggleAttribute("hidden", !known);
    clip.setAttribute("visibility", known ? "visible" : "hidden");
    if (known) {
      setAttributes(line, { x1: across(low), y1: down(y + slope * (low - x)), x2: across(high), y2: down(y + slope * (high - x)) });
      setAttributes(dot, { cx: across(x), cy: down(y) });
    }
    slider.value = String(x);
    const says = (name, value, digits) => `${name} = ${Number(value.toPrecision(digits))}`;
    words[0].textContent = says(plot.xlabel, x, 4);
    words[1].textContent = says(plot.series[0].label, y, 5);
    words[2].textContent = `slope ${says(plot.series[1].label, slope, 5)}`;
    slider.setAttribute("aria-valuetext", words.map((word) => word.textContent).join(", "));
  }

  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * picture.viewBox.baseVal.width;
    show(clamp(low + ((x - x0) / (x1 - x0)) * (high - low), low, high));
  });
  show(start);
  return { show };
}

// ---------------------------------------------------------------- kernel

function makeKernel(pane) {
  for (const source of pane.querySelectorAll(".source")) {
    const button = el("button", { type: "button", onclick: async () => {
      try {
        await navigator.clipboard.writeText(source.querySelector("code").textContent);
        button.textContent = "copied";
      } catch {
        // No permission: select the text, so that the keyboard can copy it.
        getSelection().selectAllChildren(source.querySelector("code"));
        button.textContent = "selected";
      }
    } }, "copy");
    source.querySelector(".bar").append(button);
  }
}

// ---------------------------------------------------------------- the whole

// model: {card: a CardView as JSON, html?: the card's markup, if root does not hold it yet}
function render(model, root) {
  let body = root.querySelector(".adl-body");
  if (!body) {
    const text = `<div xmlns="${XHTML}">${model.html}</div>`;
    const parsed = disarm(new DOMParser().parseFromString(text, "application/xhtml+xml").documentElement);
    body = parsed.querySelector(".adl-body");
    root.append(body);
  }
  const { card } = model;
  inlineImages(body);
  const shown = {};
  const tabs = makeTabs(body, (name) => shown[name] && shown[name]());
  if (tabs.pane("graph") && card.graph) {
    const graph = makeGraph(tabs.pane("graph"), card);
    if (graph) shown.graph = graph.shown;
    else tabs.pane("graph").classList.remove("graph");
  }
  if (tabs.pane("steps") && card.steps && !makeSteps(tabs.pane("steps"), card)) {
    tabs.pane("steps").classList.remove("steps");
  }
  if (tabs.pane("plot") && card.plot) makePlot(tabs.pane("plot"), card);
  if (tabs.pane("kernel")) makeKernel(tabs.pane("kernel"));
  if (tabs.names.length) tabs.show(tabs.names[0]);
  return { show: tabs.show, body };
}

// A notebook may be dark while the system is light, and the other way round.
function followTheme(body) {
  const page = document.body;
  const apply = () => {
    const { jpThemeLight, vscodeThemeKind } = page.dataset;
    const word = jpThemeLight ? (jpThemeLight === "true" ? "light" : "dark") : vscodeThemeKind || document.documentElement.dataset.theme || "";
    body.classList.toggle("dark", word.includes("dark"));
    body.classList.toggle("light", word.includes("light"));
  };
  apply();
  const attributeFilter = ["data-jp-theme-light", "data-vscode-theme-kind", "data-theme"];
  for (const node of [page, document.documentElement]) new MutationObserver(apply).observe(node, { attributes: true, attributeFilter });
}

function boot(script) {
  const mine = script && script.closest(".adl-card");
  const hosts = mine ? [mine] : [...document.querySelectorAll(".adl-card:not([data-ready])")];
  for (const host of hosts) {
    const data = host.querySelector("script.adl-data");
    const body = host.querySelector(".adl-body");
    if (!data || !body || host.dataset.ready) continue;
    host.dataset.ready = "yes";
    const model = { card: JSON.parse(data.textContent) };
    const place = el("div", { class: "adl-place" });
    const root = place.attachShadow({ mode: "open" });
    root.append(host.querySelector("style"), body);
    host.append(place);
    followTheme(render(model, root).body);
  }
}

export { render };
