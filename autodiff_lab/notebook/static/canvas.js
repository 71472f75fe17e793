// The panel's canvas: `lab.js` (which stands before this text) inside a widget.
//
// The picture is drawn once; when a control moves only the values in its boxes change. A double
// click on a box, or the key x, asks the kernel to fold its part of the graph, or to unfold it.

function drawCanvas({ model, el: host }) {
  const place = document.createElement("div");
  const root = place.attachShadow({ mode: "open" });
  let card = null;
  let body = null;
  let asked = 0;

  function draw() {
    card = JSON.parse(JSON.stringify(model.get("card")));
    root.replaceChildren();
    const style = document.createElement("style");
    style.textContent = model.get("css");
    root.append(style);
    body = render({ html: model.get("html"), card }, root).body;
    followTheme(body);
    // The panel has tabs and a first line of its own.
    for (const part of body.querySelectorAll(".tabs, .top")) part.remove();
    body.addEventListener("dblclick", fold);
    body.addEventListener("keydown", (event) => event.key === "x" && fold(event));
    fill();
  }

  function fold(event) {
    const box = event.target.closest && event.target.closest(".node");
    if (!box || !card.graph) return;
    event.preventDefault();
    asked += 1;
    model.set("folded", { id: box.dataset.id, asked });
    model.save_changes();
  }

  function fill() {
    const values = model.get("values");
    if (!card.graph || !Object.keys(values).length) return;
    for (const node of card.graph.nodes) node.value = values[node.id] || null;
    const nodes = new Map(card.graph.nodes.map((node) => [node.id, node]));
    for (const box of body.querySelectorAll(".node")) {
      const { value } = nodes.get(box.dataset.id) || {};
      const text = box.querySelector(".value");
      if (text) text.textContent = value ? value.text : "";
      const broken = Boolean(value && (value.nan_count || value.inf_count));
      box.classList.toggle("broken", broken);
    }
  }

  draw();
  host.append(place);
  model.on("change:html", draw);
  model.on("change:values", fill);
}

export default { render: drawCanvas };
