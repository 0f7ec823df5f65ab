"use strict";
// Shows what the engine and the formulas computed. No library, no request.

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

function drawn(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
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
  for (const node of svg.querySelectorAll(".lit, .now")) node.classList.remove("lit", "now", "pale");
}

// Lights a scalar, its consumers, and the edges between them, which carry local derivative × upstream = product
function lightTerms(svg, id, terms) {
  unlight(svg);
  nodeOf(svg, id)?.classList.add("now");
  const on = {};
  for (const term of terms) (on[term.to] ??= []).push(term);
  for (const [to, several] of Object.entries(on)) {
    nodeOf(svg, to)?.classList.add("lit");
    const edge = edgeOf(svg, id, to);
    if (edge) lightEdge(svg, edge, several);
  }
}

function lightEdge(svg, edge, terms) {
  edge.classList.add("lit");
  edge.parentNode.insertBefore(edge, edge.parentNode.querySelector(".node")); // above the other edges
  if (terms.length !== 1) return; // several uses: the table tells them apart
  const label = svg.querySelector(`.label.${CSS.escape(idOf(edge))}`), text = label.firstChild, x = text.getAttribute("x");
  const [term] = terms, beside = text.classList.contains("beside");
  const lines = beside ? [product(term)] : [`${signed(term.local)} × `, `${signed(term.upstream)} `, `= ${term.product}`];
  text.replaceChildren(...lines.map((line, k) => drawn("tspan", { x, y: Number(text.getAttribute("y")) + 12 * k, ...(beside ? {} : marks(term)[k]) }, line)));
  label.classList.add("lit");
}

// What the numbers of a term are: the page lights up what is the same
const marks = ({ localKind, upstreamName }) => [
  localKind === "w" ? { "data-sym": "W" } : {}, /^dJ\/d[az]/.test(upstreamName) ? { "data-sym": `dJd${upstreamName[4]}` } : {}, {},
];

const idOf = (box) => [...box.classList].find((cls) => !/^(node|edge|label|lit|now|later|pale|k-.*)$/.test(cls));

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
    const cell = (cls, text, name, k = 2) => element("td", {}, element("b", { class: cls, ...marks(term)[k] }, text), name ? small(name) : "");
    body.append(element("tr", { class: shown < node.terms.length && k === shown - 1 ? "new" : false },
      element("td", {}, term.consumer),
      cell(`t-${term.localKind}`, term.local, term.localName, 0),
      cell("t-u", term.upstream, term.upstreamName, 1),
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
  const table = element("table", { class: "matrix" + (long ? " long" : ""), "data-array": name, "data-sym": name.replace(/\d+T?$/, "") },
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

const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

// A matrix whose entries are chosen by mouse, touch, or keys; one of them is in the order of the tab key
function pointable(table, choose) {
  for (const cell of cells(table, () => true)) {
    const here = [Number(cell.dataset.j), Number(cell.dataset.i)];
    cell.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") choose(here, event); });
    cell.addEventListener("focus", (event) => choose(here, event));
    cell.addEventListener("click", (event) => choose(here, event));
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

// With the identity as activation a and z are one scalar, which is called z
const find = (data, id) => (id in data.nodes ? id : id.replace(/^a/, "z"));

// Whatever stands for the same thing in a section lights up together: in formulas, text, matrices, tables, graphs
function together() {
  let shown = [];
  document.addEventListener("pointerover", (event) => {
    const over = event.target.closest("[data-sym]"), section = over?.closest("section");
    for (const other of shown) other.classList.remove("together");
    shown = section ? [...section.querySelectorAll(`[data-sym="${over.dataset.sym}"]`)] : [];
    for (const other of shown) other.classList.add("together");
  });
}
