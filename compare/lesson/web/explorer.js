// Part 3 and 4: point at an entry of a gradient

function explorer(place) {
  const net = lesson.nets[place.dataset.net], kind = place.dataset.kind, last = net.sizes.length - 1;
  const layers = range(last).map((k) => k + 1).filter((l) => kind !== "dJda" || l < last);
  let layer = kind === "dJda" ? layers[0] : place.dataset.net === "logistic" ? 1 : layers.length > 1 && kind !== "dJdz" ? layers[1] : layers[0];
  let chosen = [0, 0];
  const chooser = element("div", { class: "chooser" });
  const equation = element("div", { class: "equation scroll", tabindex: "0", role: "group", "aria-label": "The matrices" });
  const side = element("div", { class: "side" });
  const drawing = element("div", { class: "graph", tabindex: "0", role: "group" });
  const panel = element("div");
  const summary = element("p", { "aria-live": "polite", class: "summary" });
  const small = element("div", { class: "starred" }); // on a phone, in the place of the graph
  side.append(element("div", { class: "beside" }, chooser, equation, small, summary, panel), drawing);
  place.append(side);
  if (layers.length > 1) {
    const select = element("select", { id: `${place.id}-layer` });
    for (const l of layers) select.append(element("option", { value: l }, `${l}: ${pretty(kind + l)}`));
    select.value = layer;
    select.addEventListener("change", () => {
      layer = Number(select.value);
      chosen = [0, 0];
      draw();
      if (kind === "dJda") remember({ layer, entry: "0,0" });
    });
    chooser.append(element("label", { for: select.id }, "Layer"), select);
  }
  let columns = Infinity; // of the observations that are shown
  if (kind === "dJda" && net.m > 1) {
    const select = element("select", { id: `${place.id}-columns` });
    select.append(element("option", { value: "Infinity" }, `all ${net.m}, side by side`), element("option", { value: "1" }, "the first alone"));
    select.addEventListener("change", () => { columns = Number(select.value); chosen = [chosen[0], 0]; draw(); });
    chooser.append(element("label", { for: select.id }, "Observations"), select);
  }
  const cut = (rows) => rows.map((row) => row.slice(0, columns));
  let svg, shownGraph = "", result, operands;

  function parts(data) {
    const arrays = data.arrays, about = net.formulas[`${kind}${layer}`], [first, second] = about.shown;
    const transposed = (rows) => rows[0].map((_, i) => rows.map((row) => row[i]));
    const operand = (name, light, cls, more = {}) => ({ name, rows: arrays[name], light, cls, ...more });
    switch (kind) {
      case "dJda":
        return [operand(first, (j, k, J) => j === J, "lit-w"), "·", operand(second, (k, i, J, I) => i === I, "lit-u", { rows: cut(arrays[second]) })];
      case "dJdz": {
        const same = (j, i, J, I) => j === J && i === I;
        if (about.statement === "A4") return [operand(first, same, "lit-a"), "−", operand(second, same, "lit-s")];
        if (about.statement === "C1") return []; // softmax: no product of two entries
        return [operand(first, same, "lit-u"), "∗", operand(second, same, "lit-s")];
      }
      case "dJdb":
        return [`mean of the rows of`, operand(first, (k, i, J) => k === J, "lit-u")];
      default:
        return [`1/${net.m} ·`, operand(first, (j, i, J) => j === J, "lit-a"), "·",
          { name: `${second}T`, rows: transposed(arrays[second]), heads: "T", title: `${pretty(second)}ᵀ`, light: (i, k, J, K) => k === K, cls: "lit-u" }];
    }
  }

  function idOf([j, i]) {
    if (kind === "dJda") return `a${layer}-${j + 1}-${i + 1}`;
    if (kind === "dJdz") return `z${layer}-${j + 1}-${i + 1}`;
    return `${kind === "dJdW" ? "w" : "b"}${layer}-${j + 1}-${i + 1}`;
  }

  function draw() {
    const data = net[mode];
    equation.replaceChildren();
    operands = [];
    let sign = ""; // stays with the matrix that follows it
    const add = (table) => {
      equation.append(element("div", { class: "operand" }, ...(sign ? [element("span", { class: "sign" }, sign)] : []), table));
      sign = "";
    };
    for (const part of parts(data)) {
      if (typeof part === "string") { sign = part; continue; }
      const table = matrix(part.name, part.rows, { ...part, buttons: true });
      operands.push({ ...part, table });
      add(table);
      pointable(table, (at, event) => single(operands.findIndex((operand) => operand.table === table), at, event));
    }
    if (operands.length) sign = "=";
    result = matrix(`${kind}${layer}`, cut(data.arrays[`${kind}${layer}`]), { buttons: true });
    result.classList.add("result-matrix");
    add(result);
    pointable(result, (at, event) => {
      choose(at);
      if (kind === "dJda" && event.type !== "pointerenter") remember({ layer, entry: at.join(",") });
    });
    choose(chosen);
  }

  // An entry of an operand: the one term that it stands in, of the entry that is chosen; a click makes it the number to be moved
  function single(which, [j, i], event) {
    const [J, I] = chosen;
    const [entry, term] = {
      dJda: () => (which ? [[J, i], j] : [[j, I], i]),
      dJdz: () => [[j, i], 0],
      dJdb: () => [[j, 0], i],
      dJdW: () => (which ? [[J, i], j] : [[j, I], i]),
    }[kind]();
    choose(entry);
    operands[which].table.querySelectorAll("[tabindex='0']").forEach((cell) => { cell.tabIndex = -1; });
    const [here] = cells(operands[which].table, (r, c) => r === j && c === i);
    here.tabIndex = 0;
    emphasise(term);
    const id = { W: `w${layer + 1}-${j + 1}-${i + 1}`, X: `x-${j + 1}-${i + 1}` }[operands[which].name.replace(/\d+$/, "")];
    if (event.type === "click" && id && place.dataset.net === "main") moving.choose(id);
  }

  function emphasise(term) {
    const [first, second] = operands, [J, I] = chosen;
    const at = { dJda: [[J, term], [term, I]], dJdW: [[J, term], [term, I]], dJdb: [[J, term]], dJdz: [chosen, chosen] }[kind];
    [first, second].forEach((operand, k) => operand && cells(operand.table, (r, c) => r === at[k][0] && c === at[k][1]).forEach((cell) => cell.classList.add("one")));
    panel.querySelectorAll(".terms tbody tr")[term]?.classList.add("one");
    const to = find(net[mode], idOf(chosen)), node = net[mode].nodes[to];
    if (kind === "dJda") svg.querySelectorAll(".edge.lit, .label.lit").forEach((edge) => edge.classList.toggle("pale", !edge.classList.contains(`${to}--${node.terms[term].to}`)));
  }

  function choose([j, i]) {
    chosen = [j, i];
    const data = net[mode], id = find(data, idOf(chosen)), node = data.nodes[id];
    mark(result, j, i);
    for (const { table, light, cls } of operands) {
      for (const cell of cells(table, () => true)) cell.classList.remove("one");
      for (const cell of cells(table, () => true)) cell.classList.toggle(cls, light(Number(cell.dataset.j), Number(cell.dataset.i), j, i));
    }
    const observation = kind === "dJda" || kind === "dJdz" ? i + 1 : 1;
    showGraph(observation, data);
    if (kind === "dJda" || kind === "dJdz") lightTerms(svg, id, node.terms);
    else {
      unlight(svg);
      const unit = find(data, `z${layer}-${(kind === "dJdW" ? i : j) + 1}-${observation}`);
      nodeOf(svg, unit)?.classList.add("lit");
      if (kind === "dJdW") {
        const from = find(data, layer > 1 ? `a${layer - 1}-${j + 1}-${observation}` : `x-${j + 1}-${observation}`);
        const edge = edgeOf(svg, from, unit);
        if (edge) lightEdge(svg, edge, node.terms.slice(0, 1));
        nodeOf(svg, from)?.classList.add("now");
      }
    }
    const formula = data.arrays[`${kind}${layer}`][j][i];
    panel.replaceChildren(termsTable(node, `dJ/d${node.label}: ${count(node.terms.length, "consumer")}`, undefined, formula));
    const about = net.formulas[`${kind}${layer}`];
    panel.append(element("p", {}, element("code", {}, about.formula), ` (${about.statement}) gives the same number: `,
      element("span", { class: "agree" }, mode === "fraction" ? "✓ equal, with ==" : "✓ equal, to rounding")));
    if (kind === "dJdb" || kind === "dJdW") {
      panel.append(element("p", { class: "note" }, kind === "dJdW"
        ? "In the graph of one observation the weight sits on the edge that is lit; the graphs of the other observations have the same edge."
        : "The graph shows one observation; the bias is added to the unit that is lit, and in the graphs of the other observations likewise."));
    }
    small.replaceChildren(star(node));
    summary.textContent = words(j, i);
  }

  function words(j, i) {
    const { statement, shown: [first, second] } = net.formulas[`${kind}${layer}`];
    switch (kind) {
      case "dJda": return `Row ${j + 1} of ${pretty(first)} times column ${i + 1} of ${pretty(second)}: the same numbers as on the edges that are lit.`;
      case "dJdz": return statement === "A4" ? "a − y. The graph comes to the same by one product." : "One entry times one entry.";
      case "dJdb": return `The mean of row ${j + 1} of ${pretty(first)}.`;
      default: return `Row ${j + 1} of ${pretty(first)} times column ${i + 1} of ${pretty(second)}ᵀ, divided by m = ${net.m}.`;
    }
  }

  function showGraph(observation, data) {
    if (shownGraph !== `${observation}`) {
      svg = graph(`${place.dataset.net}-${observation}`, `The graph of observation ${observation}`);
      drawing.setAttribute("aria-label", `Graph of observation ${observation}`);
      drawing.replaceChildren(svg);
      shownGraph = `${observation}`;
    }
    for (const [id, node] of Object.entries(data.nodes)) write(svg, id, node.value, node.gradient);
  }

  if (place.id === "explore-dJda") {
    states.entry = (l, at) => {
      if (!layers.includes(l)) return;
      const select = place.querySelector("select");
      layer = l;
      if (layers.length > 1) select.value = l;
      chosen = at.map((n, k) => Math.min(Math.max(n || 0, 0), (k ? net.m : net.sizes[l]) - 1));
      draw();
      remember({ layer, entry: chosen.join(",") });
    };
  }
  redraw.push(draw);
  draw();
}

// Part 2: point at any unit

function units(place) {
  const net = lesson.nets.main;
  const select = document.getElementById("unit-observation");
  for (const i of range(net.m)) select.append(element("option", { value: i + 1 }, String(i + 1)));
  const drawing = element("div", { class: "graph", tabindex: "0", role: "group", "aria-label": "Graph of one observation" });
  const panel = element("div", { "aria-live": "polite" });
  const sumLine = element("p", { class: "sum-line" }); // on a phone, where the table is off the screen
  place.append(sumLine, drawing, panel);
  let svg, chosen = null;

  function draw() {
    const i = select.value, data = net[mode];
    svg = graph(`main-${i}`, `The graph of observation ${i}: point at a unit`);
    drawing.replaceChildren(svg);
    for (const [id, node] of Object.entries(data.nodes)) {
      write(svg, id, node.value, node.gradient);
      const box = nodeOf(svg, id);
      if (!box) continue;
      box.setAttribute("role", "button");
      box.setAttribute("aria-label", `${node.label}, value ${node.value}, derivative ${node.gradient}`);
      box.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") choose(id); });
      box.addEventListener("focus", () => choose(id));
      box.addEventListener("click", () => choose(id));
      box.addEventListener("keydown", walk);
    }
    const first = `a1-1-${i}` in data.nodes ? `a1-1-${i}` : `z1-1-${i}`;
    choose(chosen ? chosen.replace(/-\d+$/, `-${i}`) : first);
  }

  function choose(id) {
    const node = net[mode].nodes[id] ? net[mode].nodes[id] : net[mode].nodes[(id = `J-${select.value}`)];
    chosen = id;
    lightTerms(svg, id, node.terms);
    for (const box of svg.querySelectorAll(".node")) {
      const here = box.classList.contains("now");
      box.setAttribute("aria-pressed", String(here));
      box.setAttribute("tabindex", here ? "0" : "-1"); // one unit is in the order of the tab key, arrows go to the others
    }
    sumLine.textContent = `dJ/d${node.label} = ${node.terms.length > 1 ? `${node.terms.map((term) => signed(term.product)).join(" + ")} = ` : ""}${node.sum}`;
    panel.replaceChildren(termsTable(node, `dJ/d${node.label}: ${count(node.terms.length, "consumer")}`));
    if (node.how) panel.append(element("p", { class: "note" }, `Forward: ${node.label} = ${node.how} = ${node.value}`));
    if (node.kind === "J") panel.append(element("p", { class: "note" }, "The cost of this observation. It is counted once in the sum of all costs: its own derivative is 1."));
  }

  function walk(event) {
    const boxes = [...svg.querySelectorAll(".node")], at = boxes.indexOf(event.currentTarget);
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: boxes.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    boxes[Math.min(Math.max(to, 0), boxes.length - 1)].focus();
  }

  select.addEventListener("change", draw);
  redraw.push(draw);
  draw();
}
