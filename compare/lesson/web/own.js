// A page about one's own code: point at an entry of any gradient

function own(place) {
  const { arrays, film: order } = lesson.own;
  let shown = lesson.own; // the same with other numbers, once one was moved
  const current = (other) => (other ? (shown = other) : shown), moved = () => shown !== lesson.own;
  const gradients = ({ ids, rows }) => (moved() ? ids.map((row) => row.map((id) => shown.nodes[id]?.gradient ?? "0")) : rows);
  const select = element("select", { id: "own-array" });
  arrays.forEach(({ name }, k) => select.append(element("option", { value: k }, name)));
  const equation = element("div", { class: "equation scroll", tabindex: "0", role: "group", "aria-label": "The matrices" });
  const panel = element("div", { "aria-live": "polite" });
  const pictured = document.getElementById("svg-own") !== null; // a large graph has no picture, and no film
  const svg = pictured ? graph("own", "The graph of your forward pass") : drawn("svg");
  const drawing = pictured ? element("div", { class: "graph", tabindex: "0", role: "group", "aria-label": "Graph of your forward pass" }, svg)
    : element("p", { class: "note" }, `The graph has ${Object.keys(shown.nodes).length} scalars, too many for one picture.`);
  const picture = element("div", { class: "pictured-star" });
  place.append(element("div", { class: "chooser" }, element("label", { for: select.id }, "Gradient of"), select),
    element("div", { class: "side even" }, element("div", { class: "beside" }, equation, picture), panel), drawing);
  let result, array, entry = [0, 0];

  function draw() {
    for (const [id, node] of Object.entries(shown.nodes)) write(svg, id, node.value, node.gradient);
    array = arrays[Number(select.value)];
    const title = `${array.yours && !moved() ? "your" : "the"} d${array.name}`;
    result = matrix(`d${array.name}`, gradients(array), { buttons: true, heads: "plain", title });
    for (const [j, i] of moved() ? [] : array.wrong) cells(result, (r, c) => r === j && c === i)[0].classList.add("wrong");
    equation.replaceChildren(result);
    pointable(result, choose);
    choose(entry);
  }

  function choose([j, i]) {
    entry = [j, i];
    mark(result, j, i);
    const id = array.ids[j][i], node = shown.nodes[id];
    if (!node) {
      unlight(svg);
      picture.replaceChildren();
      panel.replaceChildren(element("p", { class: "note" }, "J does not depend on this entry: its gradient is 0."));
      return;
    }
    lightTerms(svg, id, node.terms);
    picture.replaceChildren(star(node));
    const table = termsTable(node, `dJ/d${node.label}: ${count(node.terms.length, "consumer")}`);
    const wrong = array.wrong.some(([r, c]) => r === j && c === i);
    panel.replaceChildren(table);
    if (moved()) panel.append(element("p", { class: "note" }, "You moved a number. What your own code gives is known where it was run: Reset goes back there."));
    else if (array.yours) panel.append(element("p", {}, "Your code gives ", element("strong", { class: "yours" }, array.rows[j][i]), ": ",
      element("span", { class: wrong ? "disagree" : "agree" }, wrong ? "✗ not the same" : "✓ the same, to rounding")));
  }

  select.addEventListener("change", () => { entry = [0, 0]; draw(); });
  draw();
  redraw.push(draw);
  const byName = Object.fromEntries(arrays.map((found) => [found.name, found]));
  const named = (name) => (name in byName ? { ids: byName[name].ids, rows: gradients(byName[name]) } : null);
  derivation(document.getElementById("derivation"), lesson.own.derived, named, () => shown.nodes);
  ownMover(document.getElementById("mover"), current);
  const stage = document.getElementById("film-own");
  if (!pictured) {
    stage.replaceWith(element("p", { class: "note" }, "The graph is too large for a film: run the check on smaller arrays."));
    return;
  }
  const reel = film(stage, {
    reels: [{ title: "all", picture: () => graph("own", "The graph of your forward pass"), steps: stepsOf(order, shown.nodes) }],
    nodes: () => shown.nodes, label: "The graph of scalars", group: "array", wide: true });
  redraw.push(reel.again);
}
