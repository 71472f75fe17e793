// The script of a card: tabs, the answering graph, the stepper, the tangent.
//
// It works on markup that already shows everything (see html.py) and on the records of
// model.py as JSON.  Nothing is loaded, nothing is evaluated, and data becomes text only
// through textContent; pictures are parsed as XML and stripped of anything that could act.
// `render(model, root)` is all a page, a notebook's output or a widget needs.

const SVG = "http://www.w3.org/2000/svg";
const XHTML = "http://www.w3.org/1999/xhtml";
const MAXIMUM_DIFF = 250000; // cells of the table that compares two listings
const SMALLEST_SCALE = 0.52; // a graph that would be smaller than this starts at its top instead
const READABLE_SCALE = 0.9;
const LARGEST_SCALE = 4;
const MOST_MOVING = 300; // more boxes than this do not move, they change at once
const MOVE_TIME = 450; // milliseconds, as in lab.css
const PLAY_EVERY = 1400;
const NODE = { label: "", text: "", op: "", name: "", dtype: "", shape: [], column: "forward", twin: null, row: 0,
  source: null, rule: "", term: "", value: null, share: null, cost: "", inside: "", derivation_line: null };
const STEP = { note: "", check: "", nodes_before: 0, nodes_after: 0, before_text: "", after_text: "",
  bits_before: null, bits_after: null, why_not: [] };

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
    view.x = spareX > 0 ? -spareX / 2 : 0;
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

// ---------------------------------------------------------------- links between the parts

// What stands for one thing lights up everywhere: nodes, lines of the cell, of the derivation
// and of the kernel.  Parts listen by `on`; whoever is clicked calls `tell` with node ids.
function makeWire(card) {
  const nodes = new Map();
  const scenes = card.graph ? [card.graph, ...(card.graph.scenes || [])] : [];
  for (const scene of scenes) {
    scene.nodes = scene.nodes.map((node) => ({ ...NODE, ...node })); // what is empty was not sent
    for (const node of scene.nodes) if (!nodes.has(node.id)) nodes.set(node.id, node);
  }
  const kernelLines = new Map(((card.kernel || {}).lines || []).map(([line, ids]) => [line, ids]));
  const listeners = [];
  const of = {
    cell: (node) => (node.source ? [node.source.line] : []),
    derivation: (node) => (node.derivation_line ? [node.derivation_line] : []),
    kernel: (node) => [...kernelLines].filter(([, ids]) => ids.includes(node.id)).map(([line]) => line),
  };
  return {
    nodes,
    on: (listener) => listeners.push(listener),
    tell: (ids, from) => listeners.forEach((listener) => listener(ids, from)),
    // The lines of a part that belong to nodes, and the nodes of a line.
    lines: (part, ids) => [...new Set(ids.flatMap((id) => (nodes.has(id) ? of[part](nodes.get(id)) : [])))],
    at: (part, line) => part === "kernel" ? kernelLines.get(line) || []
      : [...nodes.values()].filter((node) => of[part](node).includes(line)).map((node) => node.id),
  };
}

// Lines that can be pressed: they light their nodes, and light up with them.
function wireLines(part, lines, wire, card) {
  for (const [number, element] of lines) {
    if (!wire.at(part, number).length) continue;
    element.classList.add("linked");
    setAttributes(element, { tabindex: "0", role: "button", "aria-pressed": "false",
      title: "Light up what belongs to this line" });
    const press = () => wire.tell(wire.at(part, number), part);
    element.addEventListener("click", press);
    element.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      press();
    });
  }
  wire.on((ids, from) => {
    const hot = new Set(wire.lines(part, ids));
    for (const [number, element] of lines) {
      element.classList.toggle("is-hot", hot.has(number));
      if (element.hasAttribute("aria-pressed")) element.setAttribute("aria-pressed", String(hot.has(number)));
    }
  });
}

// Buttons to the other places of what is chosen.
function linkButtons(ids, wire, tabs, here) {
  const jump = (tab, words) => el("button", { type: "button", onclick: () => {
    tabs.show(tab);
    const hot = tabs.pane(tab).querySelector(".is-hot");
    if (hot) hot.scrollIntoView({ block: "nearest" });
  } }, words);
  const out = [];
  if (here !== "graph" && tabs.pane("graph")) {
    for (const id of ids.slice(0, 8)) {
      const node = wire.nodes.get(id);
      if (node) out.push(el("button", { type: "button", onclick: () => { tabs.show("graph"); wire.tell([id], "link"); } },
        `${node.name || node.label} [${id}]`));
    }
  }
  for (const part of ["derivation", "kernel"]) {
    const lines = wire.lines(part, ids);
    if (part !== here && lines.length && tabs.pane(part)) out.push(jump(part, `${part}, line ${lines[0]}`));
  }
  return out;
}

// The bar of a pane without a side panel: where else its chosen line shows.
function linkBar(pane, part, wire, tabs) {
  const bar = el("div", { class: "linkbar", "aria-live": "polite", hidden: true });
  wire.on((ids) => {
    const lines = wire.lines("cell", ids);
    const buttons = linkButtons(ids, wire, tabs, part);
    bar.hidden = !buttons.length;
    bar.replaceChildren(el("span", { class: "muted" }, lines.length ? `cell line ${lines.join(", ")}; also: ` : "also: "), ...buttons);
  });
  pane.append(bar);
}

// ---------------------------------------------------------------- graph: asking

// All pictures of the graph: everything, less of it, the insides of its loops; one is seen.
function makeGraph(pane, card, wire, tabs) {
  const first = pane.querySelector(".canvas");
  if (!first || !first.querySelector("svg")) return null;
  const folded = [...pane.querySelectorAll("details.scene")];
  const inner = (card.graph.scenes || []).slice(0, folded.length);
  const views = [card.graph, ...inner];
  const canvases = [first, ...folded.map((block) => block.querySelector(".canvas"))];
  const side = makeSide(card, wire, tabs, { choose: (id) => wire.tell([id], "side"), open: (title) => open(title) });
  pane.replaceChildren(first, side.element);
  const scenes = views.map((graph, at) => makeScene(canvases[at], graph, wire));
  let now = 0;

  const words = views.map((view, at) => (at === 0 ? "everything" : view.title));
  const chooser = el("select", { "aria-label": "What is shown", onchange: () => show(Number(chooser.value)) },
    ...words.map((word, at) => el("option", { value: at }, word)));
  function show(at) {
    now = at;
    pane.firstChild.replaceWith(canvases[at]); // the others wait outside of the page
    chooser.value = String(at);
    scenes[at].camera.start();
    side.show([], scenes[at]);
  }
  function open(title) {
    const at = words.indexOf(title);
    if (at >= 0) show(at);
  }

  wire.on((ids, from) => {
    // Another scene is opened only if the one that is seen has none of the nodes.
    if (ids.length && !ids.some((id) => scenes[now].boxes.has(id))) {
      const other = scenes.findIndex((scene) => ids.some((id) => scene.boxes.has(id)));
      if (other >= 0) show(other);
    }
    scenes[now].choose(ids, from === "side" || from === "keys");
    side.show(ids.filter((id) => scenes[now].nodes.has(id)), scenes[now]);
  });

  const search = makeSearch((text) => find(text), (step) => next(step), () => wire.tell([], "search"));
  const found = { ids: [], at: -1 };
  function find(text) {
    const wanted = text.trim().toLowerCase();
    found.at = -1;
    found.ids = wanted === "" ? [] : [...scenes[now].nodes.values()].filter((node) =>
      [node.label, node.name, node.text, node.op, node.rule, node.id].some((word) =>
        String(word || "").toLowerCase().includes(wanted))).map((node) => node.id);
    for (const [id, box] of scenes[now].boxes) box.classList.toggle("is-found", found.ids.includes(id));
    search.count.textContent = wanted === "" ? "" : `${found.ids.length} found`;
  }
  function next(step) {
    if (!found.ids.length) return;
    found.at = (found.at + step + found.ids.length) % found.ids.length;
    wire.tell([found.ids[found.at]], "search");
    search.count.textContent = `${found.at + 1} of ${found.ids.length}`;
  }
  const button = (label, title, action, more) =>
    el("button", { type: "button", title, "aria-label": title, onclick: action, ...more }, label);
  const heat = card.graph.nodes.some((node) => node.share) ? button("heat", "Colour by time", () => {
    const on = first.querySelector("svg").classList.toggle("heat");
    heat.setAttribute("aria-pressed", String(on));
  }, { "aria-pressed": "false" }) : null;
  side.element.prepend(
    el("div", { class: "tools" }, search.input,
      button("+", "Larger", () => scenes[now].camera.zoom(1.25)),
      button("−", "Smaller", () => scenes[now].camera.zoom(0.8)),
      button("fit", "Show all", () => scenes[now].camera.fit())),
    search.count,
    views.length > 1 || heat ? el("div", { class: "tools" }, views.length > 1 ? chooser : null, heat) : "");
  show(0);
  if (heat && card.title === "costs") heat.click();      // a profile shows its colours at once
  return { shown: () => scenes[now].camera.start() };
}

// One picture that answers.
function makeScene(canvas, graph, wire) {
  const picture = canvas.querySelector("svg");
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  const boxes = new Map();
  for (const box of picture.querySelectorAll(".node")) boxes.set(box.dataset.id, box);
  const edges = [...picture.querySelectorAll(".edge")];
  const links = linkNodes(graph);
  const camera = makeCamera(picture, canvas);
  const hint = el("div", { class: "hint", "aria-hidden": "true", hidden: true });
  canvas.append(hint);
  let chosen = [];

  function near(ids) {
    const group = new Set(ids.flatMap((id) => [id, ...(links.twins.get(id) || [])]));
    const all = new Set(group);
    for (const member of group) {
      for (const other of [...(links.reads.get(member) || []), ...(links.readers.get(member) || [])]) all.add(other);
    }
    return { group, all };
  }

  function light(ids) {
    picture.classList.toggle("focused", ids.length > 0);
    const { group, all } = near(ids);
    for (const [name, box] of boxes) {
      box.classList.toggle("is-near", all.has(name));
      box.classList.toggle("is-chosen", chosen.includes(name));
      box.classList.toggle("is-twin", !ids.includes(name) && group.has(name));
    }
    for (const edge of edges) {
      const { source, target } = edge.dataset;
      edge.classList.toggle("is-near", group.has(source) || group.has(target));
    }
  }

  // What a node is, in the moment the pointer is on it.
  function tell(node) {
    const twins = node && node.column === "forward" ? [...links.twins.get(node.id)].map((id) => nodes.get(id).term) : [];
    const words = node ? [node.rule, node.term, ...twins, node.cost].filter(Boolean) : [];
    hint.hidden = !words.length;
    hint.replaceChildren(...words.map((word) => el("div", {}, word)));
  }

  function choose(ids, focus) {
    chosen = ids.filter((id) => boxes.has(id));
    light(chosen);
    if (!chosen.length) return;
    for (const box of boxes.values()) box.setAttribute("tabindex", "-1");
    const box = boxes.get(chosen[0]);
    box.setAttribute("tabindex", "0");
    camera.reveal(box.getBBox());
    if (focus) box.focus({ preventScroll: true });
  }

  boxes.forEach((box, id) => {
    const node = nodes.get(id);
    setAttributes(box, { tabindex: "-1", role: "button", "aria-label": node ? `${node.label} ${node.text}` : id });
    const enter = () => { light([id]); tell(node); };
    const leave = () => { light(chosen); tell(null); };
    box.addEventListener("pointerenter", enter);
    box.addEventListener("pointerleave", leave);
    box.addEventListener("focus", enter);
    box.addEventListener("blur", leave);
    box.addEventListener("click", (event) => {
      event.stopPropagation();
      wire.tell([id], "graph");
    });
  });
  const first = boxes.values().next().value;
  if (first) first.setAttribute("tabindex", "0");
  picture.setAttribute("role", "group"); // its nodes can be pressed now
  picture.addEventListener("click", () => wire.tell([], "graph"));
  const go = (id) => wire.tell(id === null ? [] : [id], "keys");
  picture.addEventListener("keydown", (event) => walk(event, { boxes, links, choose: go, camera, now: () => chosen[0] || null }));
  return { nodes, boxes, links, camera, choose, graph };
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
    if (reads.get(edge.target).includes(edge.source)) continue;
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
    Escape: () => choose(null) };
  if (id !== null && boxes.has(id)) {
    const twin = [...links.twins.get(id)][0];
    Object.assign(keys, {
      Enter: () => choose(id),
      " ": () => choose(id),
      t: () => twin && choose(twin),
      ArrowUp: () => choose(neighbour(boxes, id, 0, -1)),
      ArrowDown: () => choose(neighbour(boxes, id, 0, 1)),
      ArrowLeft: () => choose(neighbour(boxes, id, -1, 0)),
      ArrowRight: () => choose(neighbour(boxes, id, 1, 0)),
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
function makeSide(card, wire, tabs, { choose, open }) {
  const about = el("div", { "aria-live": "polite" });
  const lines = (card.code || "").replace(/\n$/, "").split("\n").map((text, index) => {
    const at = card.code_first_line + index;
    return [at, el("li", { "data-line": at }, el("span", {}, el("span", { class: "number" }, String(at)), el("code", {}, text)))];
  });
  wireLines("cell", lines.map(([at, item]) => [at, item.firstChild]), wire, card);
  const element = el("div", { class: "side" }, about,
    card.code ? el("div", { class: "code" }, el("span", { class: "muted" }, "the cell"), el("ol", {}, ...lines.map(([, item]) => item))) : null);

  function link(id) {
    const node = wire.nodes.get(id);
    return el("button", { type: "button", onclick: () => choose(id) }, node ? `${node.name || node.label} [${id}]` : id);
  }

  function show(ids, scene) {
    about.replaceChildren();
    if (ids.length === 1) about.append(...describe(scene.nodes.get(ids[0]), scene.links));
    else if (ids.length) about.append(el("p", {}, `${ids.length} nodes: `), el("p", {}, ...ids.slice(0, 40).map(link)));
    else {
      about.append(el("p", { class: "muted" },
        "Click a node: its twin in the other column, the values it reads, the rule, and the line of the cell light up. Click a line: its nodes."));
      if (scene && scene.graph.caption) about.append(el("p", {}, scene.graph.caption));
    }
  }

  function describe(node, links) {
    const rows = el("dl", {});
    const row = (name, ...values) => values.length && values[0] !== "" &&
      rows.append(el("dt", {}, name), el("dd", {}, ...values));
    row("rule", node.rule);
    row("term", node.term ? el("code", {}, node.term) : "");
    row("value", ...describeValue(node.value));
    row("type", [node.dtype, shapeText(node.shape) || (node.dtype ? "scalar" : "")].join(" ").trim());
    row("cost", [node.cost, node.share ? `${(100 * node.share).toPrecision(2)} % of the run` : ""].filter(Boolean).join(", "));
    row(node.column === "forward" ? "adjoint" : "adjoint of", ...[...links.twins.get(node.id)].map(link));
    row("reads", ...links.reads.get(node.id).map(link));
    row("read by", ...links.readers.get(node.id).map(link));
    row("from", node.source ? node.source.label : "");
    if (node.source && node.source.text && !card.code) row("line", el("code", {}, node.source.text));
    row("also", ...linkButtons([node.id], wire, tabs, "graph"));
    if (node.inside) row("inside", el("button", { type: "button", onclick: () => open(node.inside) }, "open"));
    return [
      el("h3", {}, `${node.name && node.name !== node.label ? `${node.name} = ` : ""}${node.label} `,
        el("span", { class: "muted" }, `[${node.id}]`)),
      el("div", { class: "expression mono" }, node.text === node.label ? "" : node.text), rows];
  }

  return { element, show };
}

function describeValue(said) {
  if (!said) return [""];
  const value = { minimum: null, maximum: null, mean: null, histogram: [], ...said };
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
  const steps = card.steps.slice(0, rows.length).map((step) => ({ ...STEP, ...step, ...(card.rules || {})[step.rule] }));
  const shownWords = rows.map((row) => [row, ...row.querySelectorAll("svg")]
    .map((part) => part.getAttribute("aria-label") || part.textContent).join(" ").toLowerCase());
  const story = makeStory(card.frames);
  const movie = story && makeMovie(card.frames, story);
  const list = el("ul", { role: "listbox", tabindex: "0", "aria-label": "Rewrites" });
  const detail = el("div", { class: "about" });
  const filter = el("input", { type: "search", placeholder: "filter rewrites", "aria-label": "Filter rewrites", oninput: () => narrow() });
  const only = el("input", { type: "checkbox", onchange: () => narrow() });
  const items = steps.map((step, at) => el("li", { role: "option", id: `adl-step-${at}`, onclick: () => show(at) },
    `${step.index}. ${step.rule}`,
    el("span", { class: "phase" }, [step.phase, step.nodes_before ? `${step.nodes_before} → ${step.nodes_after} nodes` : ""]
      .filter(Boolean).join(", "))));
  list.append(...items);
  let now = 0, timer = null;

  const button = (label, title, action) => el("button", { type: "button", title, "aria-label": title, onclick: action }, label);
  const player = button("▶", "Play (space)", () => play());
  const turn = el("div", { class: "turn" }, button("←", "Step before (left arrow)", () => move(-1)), player,
    button("→", "Next step (right arrow)", () => move(1)));

  function visible() {
    return items.map((item, at) => at).filter((at) => !items[at].hidden);
  }

  function narrow() {
    const wanted = filter.value.trim().toLowerCase();
    steps.forEach((step, at) => {
      // A note stands where both sides look the same: a dtype or a shape changed, or a constant.
      items[at].hidden = !shownWords[at].includes(wanted) || (only.checked && Boolean(step.note));
    });
    const left = visible();
    if (left.length && !left.includes(now)) show(left[0]);
  }

  function move(by) {
    const left = visible();
    const place = left.indexOf(now);
    if (!left.length) return false;
    const to = left[clamp(place + by, 0, left.length - 1)];
    if (to !== now) show(to);
    return place + by < left.length - 1;
  }

  function play() {
    const running = timer !== null;
    clearInterval(timer);
    timer = null;
    if (!running) {
      if (now === visible().at(-1)) show(visible()[0]);
      timer = setInterval(() => { if (pane.hidden || !move(1)) play(); }, PLAY_EVERY);
    }
    player.textContent = timer === null ? "▶" : "❚❚";
    setAttributes(player, { "aria-label": timer === null ? "Play (space)" : "Pause (space)" });
  }

  function show(at) {
    now = at;
    items.forEach((item, index) => item.setAttribute("aria-selected", String(index === at)));
    list.setAttribute("aria-activedescendant", items[at].id);
    const top = items[at].offsetTop - list.offsetTop;
    if (top < list.scrollTop || top > list.scrollTop + list.clientHeight - 40) list.scrollTop = top - 40;
    detail.replaceChildren(...describeStep(steps[at], formulas[at], story, at));
    detail.parentNode.scrollTop = 0;
    title.textContent = steps[at].rule;
    words.textContent = stepWords(steps[at], steps.length);
    if (movie) movie.step(at);
  }

  pane.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: () => move(-1), ArrowRight: () => move(1), " ": play };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === list) Object.assign(moves, { ArrowUp: () => move(-1), ArrowDown: () => move(1),
      Home: () => move(-steps.length), End: () => move(steps.length) });
    if (event.target.matches("input, select") || (event.key === " " && event.target.matches("button")) || !(event.key in moves)) return;
    event.preventDefault();
    moves[event.key]();
  });
  const title = el("h3", { "aria-live": "polite" });
  const words = el("div", { class: "muted" });
  const step = el("div", { class: "step" }, turn, title, words, movie && movie.element, detail);
  pane.replaceChildren(el("div", { class: "steplist" }, filter, el("label", {}, only, " only visible changes"), list), step);
  show(0);
  return { shown: () => movie && movie.fit() };
}

function stepWords(step, total) {
  const bits = [step.bits_before, step.bits_after];
  return `step ${step.index} of ${total}, ${step.phase}` +
    (step.nodes_before ? `, ${step.nodes_before} → ${step.nodes_after} nodes` : "") +
    (step.check ? `, checked in numbers: ${step.check}` : "") +
    (bits[0] !== null && bits[1] !== null ? `, bits of error: ${bits.map((b) => Number(b).toFixed(1)).join(" → ")}` : "");
}

function describeStep(step, drawn, story, at) {
  const parts = step.note ? [] : [
    el("div", { class: "change" }, drawn.before.cloneNode(true), el("span", { class: "arrow" }, "→"), drawn.after.cloneNode(true)),
  ];
  for (const words of [step.note, step.doc]) if (words) parts.push(el("p", {}, words));
  const [before, after] = story ? [story.text(at), story.text(at + 1)] : [step.before_text, step.after_text];
  parts.push(el("h4", {}, story ? "the graph, as text" : "as text"), diffText(before, after));
  if (step.source_text) {
    parts.push(el("h4", {}, step.source_label ? `the rule, ${step.source_label}` : "the rule"),
      el("pre", { tabindex: "0" }, el("code", {}, step.source_text)));
  }
  if (step.why_not.length) {
    parts.push(el("h4", {}, "rules that did not apply here, and why"),
      el("dl", { class: "whynot" }, ...step.why_not.flatMap(([rule, words]) => [el("dt", {}, rule), el("dd", {}, words)])));
  }
  return parts;
}

// The nodes of the graph after every step, and the graph as text.
function makeStory(told) {
  if (!told || told.frames.length < 2) return null;
  const frames = [];
  for (const [, head, gone, fresh] of told.frames) {
    const last = frames.at(-1) || [];
    frames.push([...last.slice(0, head), ...fresh.map((index) => told.nodes[index]), ...last.slice(head + gone)]);
  }
  const members = (at) => frames[at];
  const text = (at) => [...members(at).filter(([, , , words]) => words).map(([id, , , words]) => `${id} = ${words}`), told.frames[at][4]].join("\n");
  return { members, text };
}

// The graph from step to step: nodes that stay move to their new places.
function makeMovie(told, { members, text }) {
  if (!told.stages.length || told.stages.some((stage) => stage === null)) return null;
  const picture = svgEl("svg", { class: "adl-graph", role: "img" });
  const lines = svgEl("g"), layer = svgEl("g"), defs = svgEl("defs");
  const tip = svgEl("marker", { id: "adl-movie-tip", class: "tip", viewBox: "0 0 8 8", refX: 0.5, refY: 4,
    markerWidth: 7.5, markerHeight: 7.5, markerUnits: "userSpaceOnUse", orient: "auto" });
  tip.append(svgEl("path", { d: "M0 .6 7.6 4 0 7.4z" }));
  defs.append(tip);
  picture.append(defs, svgEl("rect", { class: "bg", width: "100%", height: "100%" }), lines, layer);
  const element = el("div", { class: "movie", tabindex: "0", role: "group", "aria-label": "The graph, moving" }, picture);
  const stages = told.stages.map(({ boxes, routes }) => ({ routes, boxes: new Map(boxes.map(([id, ...box]) => [id, box])) }));
  const shown = new Map();
  const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
  let frame = -1, extent = null;

  function makeBox(id, kind) {
    const box = svgEl("g", { class: `node forward ${kind}` });
    const parts = { box, rect: svgEl("rect", { rx: kind === "input" ? 15 : 7 }), label: svgEl("text", { class: "label alone" }), title: svgEl("title") };
    box.append(parts.title, parts.rect, parts.label);
    layer.append(box);
    shown.set(id, parts);
    return parts;
  }

  function draw(at, fresh) {
    const stage = stages[told.frames[at][0]];
    const rows = members(at);
    const ids = new Map(rows.map((row) => [row[0], row]));
    for (const [id, { box }] of shown) {
      if (ids.has(id)) continue;
      box.classList.add("gone");
      shown.delete(id);
      if (picture.classList.contains("moving")) setTimeout(() => box.remove(), MOVE_TIME);
      else box.remove();
    }
    for (const [id, kind, label, words] of rows) {
      const known = shown.has(id);
      const { box, rect, label: word, title } = known ? shown.get(id) : makeBox(id, kind);
      const [x, y, width, height] = stage.boxes.get(id);
      const said = label.length > 24 ? `${label.slice(0, 23)}…` : label;
      box.classList.toggle("is-new", fresh && (!known || word.textContent !== said));
      setAttributes(rect, { width, height });
      setAttributes(word, { x: width / 2, y: height / 2 + 4.6 });
      word.textContent = said;
      title.textContent = words ? `${id} = ${words}` : id;
      box.style.transform = `translate(${x}px, ${y}px)`;
    }
    const routes = stage.routes.filter(([source, target]) => ids.has(source) && ids.has(target) && ids.get(target)[4].includes(source));
    lines.replaceChildren(...routes.map(([, , [x, y, ...rest]]) =>
      svgEl("path", { class: "edge forward", d: `M${x} ${y}${rest.length > 2 ? "C" : "L"}${rest.join(" ")}`, "marker-end": "url(#adl-movie-tip)" })));
    const spans = [...rows.map(([id]) => stage.boxes.get(id)), ...routes.flatMap(([, , points]) =>
      points.map((x, k) => (k % 2 ? null : [x, points[k + 1], 0, 0])).filter(Boolean))];
    const x = Math.min(...spans.map((b) => b[0])) - 10, y = Math.min(...spans.map((b) => b[1])) - 10;
    extent = { x, y, width: Math.max(...spans.map((b) => b[0] + b[2])) + 10 - x, height: Math.max(...spans.map((b) => b[1] + b[3])) + 10 - y };
    frame = at;
    picture.setAttribute("aria-label", text(at));
    fit();
  }

  // Just large enough for the nodes that are there; if that is too small to read, it scrolls.
  function fit() {
    const { x, y, width, height } = extent;
    const room = [element.clientWidth - 2, element.clientHeight - 2];
    if (!(room[0] > 0)) return;
    const scale = clamp(Math.min(room[0] / width, room[1] / height), SMALLEST_SCALE, 1);
    setAttributes(picture, { viewBox: `${x} ${y} ${width} ${height}`, width: width * scale, height: height * scale });
    setAttributes(picture.querySelector(".bg"), { x, y });
  }

  function step(at) {
    const moving = frame >= 0 && !still() && members(at).length <= MOST_MOVING;
    picture.classList.toggle("moving", false);
    if (frame !== at) draw(at, false);
    picture.getBoundingClientRect(); // the start is drawn before anything moves
    picture.classList.toggle("moving", moving);
    draw(at + 1, true);
    const fresh = layer.querySelector(".is-new");
    if (fresh) {
      const box = fresh.getBoundingClientRect(), frameBox = element.getBoundingClientRect();
      element.scrollTop += box.top - frameBox.top - element.clientHeight / 2;
      element.scrollLeft += box.left - frameBox.left - element.clientWidth / 2;
    }
  }

  return { element, step, fit };
}

function diffText(before, after) {
  const marks = { "-": "gone", "+": "new", " ": "same" };
  const lines = diffLines(before.split("\n"), after.split("\n"));
  return el("pre", { class: "diff", tabindex: "0" }, ...lines.map(([mark, text]) => el("span", { class: marks[mark] }, `${mark} ${text}`)));
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
  const picture = pane.querySelector(".curve svg.adl-plot");
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
  picture.parentNode.after(el("div", { class: "readout" }, el("span", { class: "muted" }, "tangent"), slider, ...words));

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

// ---------------------------------------------------------------- derivation and kernel

function copyButton(words, text, fallback) {
  const button = el("button", { type: "button", onclick: async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "copied";
    } catch {
      // No permission: select the text, so that the keyboard can copy it.
      getSelection().selectAllChildren(fallback());
      button.textContent = "selected";
    }
  } }, words);
  return button;
}

function makeDerivation(pane, card, wire, tabs) {
  const lines = [...pane.querySelectorAll("ol.derivation > li")].map((item) => [Number(item.dataset.line), item.querySelector(".math")]);
  wireLines("derivation", lines, wire, card);
  const views = card.derivation.parts.length ? card.derivation.parts : [card.derivation];
  pane.querySelectorAll(".part").forEach((part, at) => {
    const say = (end) => views[at].lines.map((line) => [`${line[`left_${end}`]} = ${line[end]}`.trim(),
      end === "text" && line.rule ? `    (${line.rule})` : ""].join("")).join("\n");
    const hidden = el("pre", { class: "copied", tabindex: "0" });
    const fallback = (end) => () => {
      hidden.textContent = say(end);
      part.append(hidden);
      return hidden;
    };
    part.prepend(el("div", { class: "bar" }, views[at].title ? el("h4", {}, views[at].title) : null,
      copyButton("copy as LaTeX", () => say("latex"), fallback("latex")), copyButton("copy as text", () => say("text"), fallback("text"))));
  });
  linkBar(pane, "derivation", wire, tabs);
}

function makeKernel(pane, card, wire, tabs) {
  for (const source of pane.querySelectorAll(".source")) {
    const code = source.querySelector("code"), text = code.textContent;
    source.querySelector(".bar").append(copyButton("copy", () => text, () => code));
    if (source.dataset.kind !== "Numba" || !card.kernel.lines.length) continue;
    const lines = text.split("\n").map((line, at) => [at + 1, el("span", { class: "line" }, line)]);
    code.replaceChildren(...lines.flatMap(([, line]) => [line, "\n"]));
    wireLines("kernel", lines, wire, card);
  }
  linkBar(pane, "kernel", wire, tabs);
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
  const wire = makeWire(card);
  const makers = { graph: makeGraph, derivation: makeDerivation, steps: makeSteps, plot: makePlot, kernel: makeKernel };
  for (const [name, make] of Object.entries(makers)) {
    if (!tabs.pane(name) || !card[name]) continue;
    const made = make(tabs.pane(name), card, wire, tabs);
    if (made) shown[name] = made.shown;
    // Without a picture or a step the pane is an ordinary one.
    else if (name === "graph" || name === "steps") tabs.pane(name).classList.remove(name);
  }
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
    const start = (card) => {
      const place = el("div", { class: "adl-place" });
      const root = place.attachShadow({ mode: "open" });
      root.append(host.querySelector("style"), body);
      host.append(place);
      followTheme(render({ card }, root).body);
    };
    const found = JSON.parse(data.textContent);
    if (typeof found === "string") unpacked(found).then(start);
    else start(found);
  }
}

async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

export { render };
