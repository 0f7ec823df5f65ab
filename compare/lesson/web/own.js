// A page about one's own code: point at an entry of any gradient

function own(place) {
  const { arrays, nodes, film: order } = lesson.own;
  const select = element("select", { id: "own-array" });
  arrays.forEach(({ name }, k) => select.append(element("option", { value: k }, name)));
  const equation = element("div", { class: "equation scroll", tabindex: "0", role: "group", "aria-label": "The matrices" });
  const panel = element("div", { "aria-live": "polite" });
  const svg = graph("own", "The graph of your forward pass");
  const drawing = element("div", { class: "graph", tabindex: "0", role: "group", "aria-label": "Graph of your forward pass" }, svg);
  const picture = element("div", { class: "pictured-star" });
  place.append(element("div", { class: "chooser" }, element("label", { for: select.id }, "Gradient of"), select),
    element("div", { class: "side even" }, element("div", { class: "beside" }, equation, picture), panel), drawing);
  for (const [id, node] of Object.entries(nodes)) write(svg, id, node.value, node.gradient);
  let result, array;

  function draw() {
    array = arrays[Number(select.value)];
    result = matrix(`d${array.name}`, array.rows, { buttons: true, heads: "plain", title: `${array.yours ? "your" : "the"} d${array.name}` });
    for (const [j, i] of array.wrong) cells(result, (r, c) => r === j && c === i)[0].classList.add("wrong");
    equation.replaceChildren(result);
    pointable(result, choose);
    choose([0, 0]);
  }

  function choose([j, i]) {
    mark(result, j, i);
    const id = array.ids[j][i], node = nodes[id];
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
    if (array.yours) panel.append(element("p", {}, "Your code gives ", element("strong", { class: "yours" }, array.rows[j][i]), ": ",
      element("span", { class: wrong ? "disagree" : "agree" }, wrong ? "✗ not the same" : "✓ the same, to rounding")));
  }

  select.addEventListener("change", draw);
  draw();
  const byName = Object.fromEntries(arrays.map((found) => [found.name, found]));
  derivation(document.getElementById("derivation"), lesson.own.derived, (name) => byName[name] ?? null, () => nodes);
  film(document.getElementById("film-own"), {
    reels: [{ title: "all", picture: () => graph("own", "The graph of your forward pass"), steps: stepsOf(order, nodes) }],
    nodes: () => nodes, label: "The graph of scalars", group: "array", wide: true });
}
