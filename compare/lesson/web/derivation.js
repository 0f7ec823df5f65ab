// From a line of the forward pass to the line of its derivative, by way of one entry and its consumers

const SHOWN = 6; // consumers in a picture; of more, the first ones and the last

// One scalar, on its right all its consumers, and on each line between them what that consumer sends back
function star(node) {
  const all = node.terms.map((term, k) => ({ ...term, k }));
  const shown = all.length > SHOWN ? [...all.slice(0, SHOWN - 1), all[all.length - 1]] : all;
  const pitch = 46, width = 440, boxWidth = 104, height = Math.max(shown.length * pitch, 96);
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", class: "star",
    "aria-label": `${node.label} and its ${count(all.length, "consumer")}` });
  const middle = height / 2;
  shown.forEach((term, row) => {
    const y = (row + 0.5) * (height / shown.length), x = width - boxWidth;
    const between = drawn("g", { class: "edge label lit" },
      drawn("path", { d: `M${boxWidth},${middle} L${boxWidth + 40},${y} L${x - 3},${y}` }),
      drawn("text", { x: x - 8, y: y - 5, "text-anchor": "end" }, `${signed(term.local)} × ${signed(term.upstream)} = ${term.product}`));
    const left = term.k > row && row ? `… ${all.length - SHOWN} more` : "";
    svg.append(between, boxed("lit", x, y - 17, boxWidth - 2, 34, [term.consumer, left || term.upstreamName]));
  });
  svg.append(boxed(`now k-${node.kind}`, 2, middle - 26, boxWidth - 4, 52, [node.label, node.value, node.gradient]));
  return svg;
}

function boxed(cls, x, y, width, height, lines) {
  const first = y + height / 2 - 7 * (lines.length - 1) + 4;
  return drawn("g", { class: `node ${cls}` },
    drawn("rect", { class: "outer", x, y, width, height, rx: 8 }),
    ...lines.map((line, k) => drawn("text", { x: x + width / 2, y: first + 14 * k, "text-anchor": "middle" }, clipped(line, 15))));
}

const clipped = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

// `arrays` gives, for the name of an array, the ids of its entries' scalars, and the numbers of its gradient
function derivation(place, { lines, certificate }, arrays, nodes, notes = false) {
  if (!lines.length) { place.append(element("p", { class: "note" }, certificate)); return; }
  const list = element("div", { class: "code listing", role: "group", "aria-label": "Forward lines, and the lines derived from them", tabindex: "0" });
  const shown = element("div", { class: "beside" });
  place.append(element("div", { class: "side listed" }, list, shown), element("p", { class: "note certificate" }, certificate));
  let forward = "";
  const buttons = lines.map((line) => {
    if (line.forward !== forward) list.append(element("div", { class: "forward" }, (forward = line.forward)));
    const pictured = arrays(line.of) !== null;
    const button = element("button", { type: "button", class: "derived", "aria-pressed": "false", disabled: pictured ? false : "" }, line.line);
    button.addEventListener("click", () => choose(line));
    list.append(button);
    return button;
  });
  let line, entry = [0, 0], table;

  function choose(other) {
    if (other !== line) entry = [0, 0];
    line = other;
    buttons.forEach((button, k) => button.setAttribute("aria-pressed", String(lines[k] === line)));
    draw();
  }

  function draw() {
    const { ids, rows } = arrays(line.of);
    const picture = element("div", { class: "scroll starred" });
    table = matrix(gradientOf(line), rows, { buttons: true, heads: notes ? gradientOf(line) : "plain", title: gradientOf(line) });
    pointable(table, point);
    shown.replaceChildren(
      step(1, "The forward line", element("pre", { class: "line" }, line.forward)),
      step(2, `One entry of ${line.of}: all that use it, and what each sends back`,
        element("div", { class: "pictured" }, element("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "The entries" }, table), picture)),
      step(3, "The line that does this for every entry", element("pre", { class: "line derived-line" }, line.line),
        element("p", { class: "why" }, line.why ? `${line.statement ? `${line.statement}: ` : ""}${line.why}.` : "")));

    function point([j, i]) {
      entry = [j, i];
      mark(table, j, i);
      const node = nodes()[ids[j][i]];
      if (!node) { picture.replaceChildren(element("p", { class: "note" }, "J does not depend on this entry: its gradient is 0.")); return; }
      const sum = node.terms.length > 1 ? `${node.terms.slice(0, SHOWN).map((term) => signed(term.product)).join(" + ")}${node.terms.length > SHOWN ? " + …" : ""} = ${node.sum}` : node.sum;
      const mean = node.meanOf > 1 ? `; divided by the ${node.meanOf} observations, ${node.gradient}` : "";
      picture.replaceChildren(star(node), element("p", { class: "result star-sum" }, `${notes ? `dJ/d${node.label}` : `${gradientOf(line)}[${j},${i}]`} = ${sum}${mean}`));
    }
    point([Math.min(entry[0], rows.length - 1), Math.min(entry[1], rows[0].length - 1)]);
  }

  redraw.push(draw);
  const fan = ({ of }) => { // the consumers of an array's first entry; a parameter's are many, and not where one begins
    const first = nodes()[arrays(of)?.ids[0][0]];
    return !first ? -1 : "wb".includes(first.kind) ? 0 : first.terms.length;
  };
  choose(lines.reduce((best, line) => (fan(line) > fan(best) ? line : best)));
}

const gradientOf = (line) => line.line.match(/^\w+/)[0];
const step = (n, title, ...children) => element("div", { class: "step" }, element("h3", {}, element("span", { class: "number" }, String(n)), ` ${title}`), ...children);

function netDerivation(place) {
  const net = lesson.nets.main;
  const arrays = (name) => {
    const letter = name[0].toLowerCase(), layer = name.slice(1), rows = net[mode].arrays[`dJd${name}`];
    return rows ? { rows, ids: rows.map((row, j) => row.map((_, i) => find(net[mode], `${letter}${layer}-${j + 1}-${i + 1}`))) } : null;
  };
  derivation(place, net.derived, arrays, () => net[mode].nodes, true);
}
