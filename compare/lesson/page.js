"use strict";
// Shows what the engine and the formulas computed; computes nothing itself. No library, no request.

const lesson = JSON.parse(document.getElementById("data").textContent);
const root = document.documentElement;
const redraw = []; // what to do when the kind of number changes
let mode = "decimal";

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

const small = (text) => element("small", {}, text);
const LOWER = "₀₁₂₃₄₅₆₇₈₉", UPPER = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const sub = (n) => String(n).replace(/\d/g, (d) => LOWER[d]);
const sup = (n) => `⁽${String(n).replace(/\d/g, (d) => UPPER[d])}⁾`;
const range = (n) => Array.from({ length: n }, (_, k) => k);

// Graphs

function graph(name, label) {
  const svg = document.getElementById(`svg-${name}`).content.firstElementChild.cloneNode(true);
  svg.setAttribute("role", "group");
  svg.setAttribute("aria-label", label);
  return svg;
}

const nodeOf = (svg, id) => svg.querySelector(`.node.${CSS.escape(id)}`);
const edgeOf = (svg, from, to) => svg.querySelector(`.edge.${CSS.escape(`${from}--${to}`)}`);

function write(svg, id, value, gradient) {
  const node = nodeOf(svg, id);
  if (!node) return;
  const lines = node.querySelectorAll("text");
  lines[1].textContent = value;
  lines[2].textContent = gradient;
}

function unlight(svg) {
  for (const node of svg.querySelectorAll(".lit, .now")) node.classList.remove("lit", "now");
}

function lightTerms(svg, id, terms) {
  unlight(svg);
  nodeOf(svg, id)?.classList.add("now");
  for (const term of terms) {
    nodeOf(svg, term.to)?.classList.add("lit");
    edgeOf(svg, id, term.to)?.classList.add("lit");
  }
}

const signed = (text) => (text.startsWith("−") ? `(${text})` : text);
const product = (term) => `${signed(term.local)} × ${signed(term.upstream)} = ${term.product}`;

// The table of the terms of one gradient

function termsTable(node, what, shown = node.terms.length, formula = null) {
  const table = element("table", { class: "terms" }, element("caption", {}, what));
  const head = element("tr");
  for (const title of ["consumer", "local derivative", "upstream", "product", "sum so far"]) {
    head.append(element("th", { scope: "col" }, title));
  }
  const body = element("tbody");
  node.terms.slice(0, shown).forEach((term, k) => {
    const cell = (cls, text, name) => element("td", {}, element("b", { class: cls }, text), name ? small(name) : "");
    body.append(element("tr", { class: shown < node.terms.length && k === shown - 1 ? "new" : false },
      element("td", {}, term.consumer),
      cell(`t-${term.localKind}`, term.local, term.localName),
      cell("t-u", term.upstream, term.upstreamName),
      cell("t-p", term.product),
      element("td", { class: "running" }, term.sum)));
  });
  table.append(element("thead", {}, head), body);
  if (shown === node.terms.length) {
    const foot = element("tfoot");
    const last = (text, number, cls) => foot.append(element("tr", {}, element("td", { colspan: "4" }, text), element("td", { class: cls }, number)));
    last("sum of the products", node.sum, "total");
    if (node.meanOf > 1) last(`mean: divided by the ${node.meanOf} observations`, node.gradient, "mean");
    if (formula !== null) last("the matrix formula gives", formula, "formula-gives");
    table.append(foot);
  }
  return element("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Terms of the sum" }, table);
}

// Matrices

function mark(table, j, i) {
  for (const cell of cells(table, () => true)) {
    const here = Number(cell.dataset.j) === j && Number(cell.dataset.i) === i;
    cell.classList.toggle("chosen", here);
    cell.setAttribute("aria-pressed", String(here));
    cell.tabIndex = here ? 0 : -1;
  }
}

function heads(name) {
  if (name === "plain") return [(j) => `[${j}]`, (i) => `[${i}]`];
  const layer = Number(name.slice(-1)), kind = name.replace(/\d+$/, "");
  const observation = (i) => `i = ${i + 1}`;
  if (/W$/.test(kind)) return [(j) => (layer === 1 ? "x" : "a") + sub(j + 1), (k) => "w" + sub(k + 1)];
  if (/b$/.test(kind)) return [(j) => "b" + sub(j + 1), () => ""];
  if (kind === "T") return [observation, (k) => "z" + sub(k + 1)];
  const letter = kind === "X" ? "x" : kind === "Y" ? "y" : kind === "dadz" ? "a" : kind.slice(-1);
  return [(j) => letter + sub(j + 1), observation];
}

function pretty(name) {
  const [, kind, layer] = name.match(/^([A-Za-z]+?)(\d*)$/);
  return kind + (layer ? sub(layer) : "");
}

function matrix(name, rows, options = {}) {
  const [rowName, columnName] = heads(options.heads || name);
  const long = rows.some((row) => row.some((text) => text.length > 7));
  const shape = `${rows.length}×${rows[0].length}`;
  const table = element("table", { class: "matrix" + (long ? " long" : ""), "data-array": name },
    element("caption", {}, options.title || pretty(name), " ", small(shape)));
  const head = element("tr", {}, element("td"));
  rows[0].forEach((_, i) => head.append(columnName(i) ? element("th", { scope: "col" }, columnName(i)) : element("td")));
  table.append(element("thead", {}, head));
  const body = element("tbody");
  rows.forEach((row, j) => {
    const line = element("tr", {}, element("th", { scope: "row" }, rowName(j)));
    row.forEach((text, i) => {
      const place = { "data-j": j, "data-i": i };
      const cell = options.buttons
        ? element("button", { type: "button", tabindex: "-1", "aria-pressed": "false", "aria-label": `${options.title || pretty(name)}, row ${j + 1}, column ${i + 1}: ${text}`, ...place }, text)
        : element("span", place, text);
      line.append(element("td", {}, cell));
    });
    body.append(line);
  });
  table.append(body);
  return table;
}

const cells = (table, test) => [...table.querySelectorAll("[data-j]")].filter((cell) => test(Number(cell.dataset.j), Number(cell.dataset.i)));

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
  side.append(element("div", { class: "beside" }, chooser, equation, summary, panel), drawing);
  place.append(side);
  if (layers.length > 1) {
    const select = element("select", { id: `${place.id}-layer` });
    for (const l of layers) select.append(element("option", { value: l }, `${l}: ${pretty(kind + l)}`));
    select.value = layer;
    select.addEventListener("change", () => { layer = Number(select.value); chosen = [0, 0]; draw(); });
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

  // with the identity as activation a and z are one scalar, which is called z
  const find = (data, id) => (id in data.nodes ? id : id.replace(/^a/, "z"));

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
      const table = matrix(part.name, part.rows, part);
      operands.push({ ...part, table });
      add(table);
    }
    if (operands.length) sign = "=";
    result = matrix(`${kind}${layer}`, cut(data.arrays[`${kind}${layer}`]), { buttons: true });
    result.classList.add("result-matrix");
    add(result);
    pointable(result, choose);
    choose(chosen);
  }

  function choose([j, i]) {
    chosen = [j, i];
    const data = net[mode], id = find(data, idOf(chosen)), node = data.nodes[id];
    mark(result, j, i);
    for (const { table, light, cls } of operands) {
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
        edgeOf(svg, from, unit)?.classList.add("lit");
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

  redraw.push(draw);
  draw();
}

const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

// A matrix whose entries are chosen by mouse, touch, or keys; one of them is in the order of the tab key
function pointable(table, choose) {
  for (const cell of cells(table, () => true)) {
    const here = [Number(cell.dataset.j), Number(cell.dataset.i)];
    cell.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") choose(here); });
    cell.addEventListener("focus", () => choose(here));
    cell.addEventListener("click", () => choose(here));
  }
  table.addEventListener("keydown", (event) => {
    const cell = event.target.closest("[data-j]");
    if (!cell) return;
    const all = cells(table, () => true);
    const rows = Math.max(...all.map((c) => Number(c.dataset.j))) + 1, columns = Math.max(...all.map((c) => Number(c.dataset.i))) + 1;
    let j = Number(cell.dataset.j), i = Number(cell.dataset.i);
    switch (event.key) {
      case "ArrowLeft": i -= 1; break;
      case "ArrowRight": i += 1; break;
      case "ArrowUp": j -= 1; break;
      case "ArrowDown": j += 1; break;
      case "Home": j = 0; i = 0; break;
      case "End": j = rows - 1; i = columns - 1; break;
      default: return;
    }
    event.preventDefault();
    j = Math.min(Math.max(j, 0), rows - 1);
    i = Math.min(Math.max(i, 0), columns - 1);
    cells(table, (r, c) => r === j && c === i)[0].focus();
  });
}

// Part 2: point at any unit

function units(place) {
  const net = lesson.nets.main;
  const select = document.getElementById("unit-observation");
  for (const i of range(net.m)) select.append(element("option", { value: i + 1 }, String(i + 1)));
  const drawing = element("div", { class: "graph", tabindex: "0", role: "group", "aria-label": "Graph of one observation" });
  const panel = element("div", { "aria-live": "polite" });
  place.append(drawing, panel);
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

// Part 1 and 5: a film over a graph

function film(place, { svg, order, nodes, label }) {
  const steps = order.forward.map((id) => ({ id, forward: true }));
  for (const id of order.backward) {
    const terms = nodes()[id].terms;
    if (!terms.length) steps.push({ id, terms: 0 });
    terms.forEach((_, k) => steps.push({ id, terms: k + 1 }));
  }
  const name = place.dataset.film;
  const button = (text, title) => element("button", { type: "button", "aria-label": title }, text);
  const back = button("◀ Step", "One step back"), next = button("Step ▶", "One step forward"), play = button("▶ Play", "Play");
  const slider = element("input", { type: "range", min: 0, max: steps.length, step: 1, value: 0, id: `film-${name}-slider`, "aria-label": "Step of the film" });
  const where = element("output", { for: slider.id });
  const drawing = element("div", { class: "graph film-later", tabindex: "0", role: "group", "aria-label": label });
  const panel = element("div", { class: "panel", "aria-live": "polite" });
  drawing.append(svg);
  place.replaceChildren(element("div", { class: "controls" }, back, play, next, slider, where), drawing, panel);
  let at = 0, timer = 0;

  function show(step) {
    at = Math.min(Math.max(step, 0), steps.length);
    slider.value = at;
    where.textContent = `${at} / ${steps.length}`;
    slider.setAttribute("aria-valuetext", `step ${at} of ${steps.length}`);
    back.disabled = at === 0;
    next.disabled = at === steps.length;
    const all = nodes(), valued = new Set(), graded = new Set();
    for (const { id, forward, terms } of steps.slice(0, at)) {
      if (forward) valued.add(id);
      else if (terms === all[id].terms.length) graded.add(id);
    }
    for (const [id, node] of Object.entries(all)) {
      const known = !order.forward.includes(id) || valued.has(id);
      write(svg, id, known ? node.value : "·", graded.has(id) ? node.gradient : "·");
      nodeOf(svg, id)?.classList.toggle("later", !known);
    }
    unlight(svg);
    if (at === 0) { panel.replaceChildren(element("p", {}, `${steps.length} steps: forward, then backward. Press Play, or step.`)); return; }
    const now = steps[at - 1], node = all[now.id], box = nodeOf(svg, now.id);
    if (now.forward) {
      box.classList.add("now");
      for (const edge of svg.querySelectorAll(`.edge[class*="--${CSS.escape(now.id)}"]`)) {
        if (edge.classList.contains("k-edge") && [...edge.classList].some((c) => c.endsWith(`--${now.id}`))) edge.classList.add("lit");
      }
      for (const edge of svg.querySelectorAll(".edge.lit text")) edge.textContent = "";
      panel.replaceChildren(element("p", {}, element("strong", {}, "Forward. "), `${node.label} = ${node.how ? `${node.how} = ` : ""}${node.value}`));
    } else {
      lightTerms(svg, now.id, node.terms.slice(0, now.terms));
      for (const term of node.terms.slice(0, now.terms)) {
        const text = edgeOf(svg, now.id, term.to)?.querySelector("text");
        if (text) text.textContent = product(term);
      }
      const whole = now.terms === node.terms.length;
      const title = now.terms === 0
        ? `${node.label} is the result: its derivative with respect to itself is ${node.gradient}.`
        : `d${order.of || "J"}/d${node.label}: consumer ${now.terms} of ${node.terms.length}, ${node.terms[now.terms - 1].consumer}. Sum so far ${node.terms[now.terms - 1].sum}${whole ? ", and that is all." : "."}`;
      panel.replaceChildren(element("p", {}, element("strong", {}, "Backward. "), title));
      if (now.terms) panel.append(termsTable(node, "", now.terms));
    }
    follow();
  }

  function follow() { // a graph wider than the screen scrolls to what is computed
    const outer = drawing.getBoundingClientRect();
    const boxes = [...svg.querySelectorAll(".node.now, .node.lit")].map((box) => box.getBoundingClientRect());
    const left = Math.min(...boxes.map((box) => box.left)), right = Math.max(...boxes.map((box) => box.right));
    const top = Math.min(...boxes.map((box) => box.top)), bottom = Math.max(...boxes.map((box) => box.bottom));
    if (left < outer.left || right > outer.right) drawing.scrollLeft += (left + right) / 2 - outer.left - outer.width / 2;
    if (top < outer.top || bottom > outer.bottom) drawing.scrollTop += (top + bottom) / 2 - outer.top - outer.height / 2;
  }

  function pause() { clearInterval(timer); timer = 0; play.textContent = "▶ Play"; play.setAttribute("aria-label", "Play"); }
  function toggle() {
    if (timer) { pause(); return; }
    if (at === steps.length) show(0);
    play.textContent = "⏸ Pause";
    play.setAttribute("aria-label", "Pause");
    timer = setInterval(() => { show(at + 1); if (at === steps.length) pause(); }, 1100);
  }
  const manual = (step) => { pause(); show(step); };
  back.addEventListener("click", () => manual(at - 1));
  next.addEventListener("click", () => manual(at + 1));
  play.addEventListener("click", toggle);
  slider.addEventListener("input", () => manual(Number(slider.value)));
  place.onkeydown = (event) => {
    if (event.target === slider || event.altKey || event.ctrlKey || event.metaKey) return;
    const keys = { ArrowRight: () => manual(at + 1), ArrowLeft: () => manual(at - 1), Home: () => manual(0), End: () => manual(steps.length), " ": toggle };
    if (!(event.key in keys) || (event.key === " " && event.target.tagName === "BUTTON")) return;
    event.preventDefault();
    keys[event.key]();
  };
  show(0);
  addEventListener("beforeprint", () => { pause(); show(steps.length); }); // on paper a film shows its end
  return { show, pause, again: () => show(at) };
}

function chainRule() {
  const slider = document.getElementById("c2-x"), value = document.getElementById("c2-value"), direct = document.getElementById("c2-direct");
  const here = () => lesson.c2[mode][Number(slider.value)];
  const reel = film(document.getElementById("film-c2"), { svg: graph("c2", "f = 2 g₁ + g₂"), order: lesson.c2.film, nodes: () => here().nodes, label: "Graph of f" });
  const change = () => {
    value.textContent = `x = ${here().x}`;
    slider.setAttribute("aria-valuetext", here().x);
    direct.textContent = `Directly, f = 2x² + x has the derivative 4x + 1 = ${here().direct}: the same as the sum of the two terms.`;
    reel.again();
  };
  slider.addEventListener("input", change);
  redraw.push(change);
  change();
  reel.show(1e9);
}

function wholeFilm() {
  const net = lesson.nets.main;
  const reel = film(document.getElementById("film-main"), { svg: graph("main-all", "The whole graph"), order: net.film, nodes: () => net[mode].nodes, label: "The whole graph of scalars" });
  redraw.push(reel.again);
}

// Part 6: mistakes

function mistakes(place) {
  const net = lesson.nets.main, { code: source, first, planted: list } = lesson.mistakes;
  const switches = element("fieldset", {}, element("legend", {}, "Plant a mistake"));
  const shown = element("div", { "aria-live": "polite" });
  place.append(switches, shown);
  let chosen = 0;
  ["none", ...list.map((mistake) => mistake.name)].forEach((name, k) => {
    const radio = element("input", { type: "radio", name: "mistake", value: k });
    radio.checked = k === 0;
    radio.addEventListener("change", () => { chosen = k; draw(); });
    switches.append(element("label", {}, radio, name));
  });

  function draw() {
    const mistake = chosen ? list[chosen - 1] : null, effect = mistake?.numbers[mode];
    const code = element("div", { class: "code", role: "group", "aria-label": "The code", tabindex: "0" });
    const before = element("details", {}, element("summary", {}, `lines 1 to ${first}: the forward pass`));
    source.forEach((text, k) => {
      const number = `${k + 1}`.padStart(2) + "  ", edited = mistake?.line === k;
      const line = (cls, mark, content) => element("div", { class: cls }, `${mark} ${number}${k < first ? content : content.slice(4)}`);
      const lines = edited ? [line("out", "−", text), line("in", "✗", `    ${mistake.instead}`)] : [line(false, " ", text)];
      (k < first ? before : code).append(...lines);
    });
    code.prepend(before);
    const arrays = element("div", { class: "arrays scroll", tabindex: "0", role: "group", "aria-label": "The arrays of the gradients" });
    let bad = 0, total = 0;
    for (const name of Object.keys(list[0].numbers[mode].wrong)) {
      const right = net[mode].arrays[name], rows = effect ? effect.arrays[name] || right.map((row) => row.map(() => "none")) : right;
      const table = matrix(name, rows);
      total += right.length * right[0].length;
      for (const [j, i] of effect?.wrong[name] || []) {
        const cell = cells(table, (r, c) => r === j && c === i)[0];
        cell.classList.add("wrong");
        cell.title = `the chain rule gives ${right[j][i]}`;
        cell.append(element("span", { class: "unseen" }, " wrong"));
        bad += 1;
      }
      arrays.append(table);
    }
    const says = element("div", { class: mistake ? "says" : "says right" });
    if (!mistake) says.append(element("p", { class: "agree" }, `✓ All ${total} entries are what the chain rule gives.`));
    else {
      says.append(element("p", {}, element("strong", {}, `${bad} of ${total} entries differ from the chain rule: ${mistake.words}.`)));
      if (effect.problem) says.append(element("p", {}, effect.problem));
      for (const sentence of mistake.diagnosis) says.append(element("p", { class: "diagnosis" }, sentence));
    }
    shown.replaceChildren(element("div", { class: "side" }, code, says), arrays);
  }

  redraw.push(draw);
  draw();
}

// A page about one's own code: point at an entry of any gradient

function own(place) {
  const { arrays, nodes, film: order } = lesson.own;
  const select = element("select", { id: "own-array" });
  arrays.forEach(({ name }, k) => select.append(element("option", { value: k }, name)));
  const equation = element("div", { class: "equation scroll", tabindex: "0", role: "group", "aria-label": "The matrices" });
  const panel = element("div", { "aria-live": "polite" });
  const svg = graph("own", "The graph of your forward pass");
  const drawing = element("div", { class: "graph", tabindex: "0", role: "group", "aria-label": "Graph of your forward pass" }, svg);
  place.append(element("div", { class: "chooser" }, element("label", { for: select.id }, "Gradient of"), select), equation, panel, drawing);
  for (const [id, node] of Object.entries(nodes)) write(svg, id, node.value, node.gradient);
  let result, array;

  function draw() {
    array = arrays[Number(select.value)];
    result = matrix(`d${array.name}`, array.rows, { buttons: true, heads: "plain", title: `your d${array.name}` });
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
      panel.replaceChildren(element("p", { class: "note" }, "J does not depend on this entry: its gradient is 0."));
      return;
    }
    lightTerms(svg, id, node.terms);
    const table = termsTable(node, `dJ/d${node.label}: ${count(node.terms.length, "consumer")}`);
    const wrong = array.wrong.some(([r, c]) => r === j && c === i);
    panel.replaceChildren(table, element("p", {}, "Your code gives ", element("strong", { class: "yours" }, array.rows[j][i]), ": ",
      element("span", { class: wrong ? "disagree" : "agree" }, wrong ? "✗ not the same" : "✓ the same, to rounding")));
  }

  select.addEventListener("change", draw);
  draw();
  film(document.getElementById("film-own"), { svg: graph("own", "The graph of your forward pass"), order, nodes: () => nodes, label: "The graph of scalars" });
}

// Decimals or fractions

for (const radio of document.querySelectorAll("input[name=numbers]")) {
  radio.checked = radio.value === mode; // some browsers remember it
  radio.addEventListener("change", () => {
    mode = radio.value;
    root.dataset.numbers = mode;
    for (const draw of redraw) draw();
  });
}
if (lesson.own) own(document.getElementById("own"));
else {
  chainRule();
  units(document.getElementById("units"));
  document.querySelectorAll(".explorer").forEach(explorer);
  wholeFilm();
  mistakes(document.getElementById("mistakes"));
}
