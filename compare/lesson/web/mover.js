// Moving a number: drag a weight, a bias or an input, and everything on the page is computed anew

function mover(place) {
  const net = lesson.nets.main, given = { decimal: net.decimal, fraction: net.fraction };
  const moves = {}; // by id, in decimals
  const select = element("select", { id: "mover-number" });
  const slider = element("input", { type: "range", id: "mover-slider", min: -3, max: 3, step: 0.05, "aria-label": "The number" });
  const value = element("output", { for: slider.id });
  const reset = element("button", { type: "button", disabled: "" }, "Reset");
  const titles = { w: "weights", b: "biases", x: "inputs" };
  const groups = {};
  for (const [id, node] of Object.entries(net.decimal.nodes)) {
    const letter = id[0], layer = letter === "x" ? "" : id.slice(1).split("-")[0];
    if (!(letter in titles) || !(node.kind in titles)) continue;
    groups[letter + layer] ??= element("optgroup", { label: `${titles[letter]}${layer ? ` of layer ${layer}` : ""}` });
    groups[letter + layer].append(element("option", { value: id }, node.label));
  }
  for (const key of Object.keys(groups).sort()) if (key[0] === "w") select.append(groups[key]);
  for (const key of Object.keys(groups).sort()) if (key[0] !== "w") select.append(groups[key]);
  place.append(element("label", { for: select.id }, "Move "), select, slider, value, reset);

  const recorded = (id) => Number(given.decimal.program.nodes[given.decimal.program.at[id]][1]);
  const current = (id) => moves[id] ?? recorded(id);

  function compute() {
    for (const kind of ["decimal", "fraction"]) {
      const leaves = {};
      for (const [id, x] of Object.entries(moves)) {
        leaves[given[kind].program.at[id]] = kind === "decimal" ? x : FRACTIONS.of(`${Math.round(2 * x)}/2`);
      }
      net[kind] = Object.keys(moves).length ? computed(net, given[kind], kind, leaves) : given[kind];
    }
    reset.disabled = !Object.keys(moves).length;
    root.classList.toggle("moved", Object.keys(moves).length > 0);
    for (const draw of redraw) draw();
    remember();
  }

  function show() {
    slider.step = mode === "fraction" ? 0.5 : 0.05;
    slider.value = current(select.value);
    value.textContent = net[mode].nodes[select.value].value;
    slider.setAttribute("aria-valuetext", value.textContent);
  }

  function choose(id) { select.value = id; show(); wished(); }
  function move(id, x) {
    if (x === recorded(id)) delete moves[id];
    else moves[id] = x;
    compute();
    if (select.value !== id) select.value = id;
    show();
  }

  select.addEventListener("change", () => { show(); wished(); });
  slider.addEventListener("input", () => move(select.value, Number(slider.value)));
  reset.addEventListener("click", () => { for (const id of Object.keys(moves)) delete moves[id]; compute(); show(); });
  redraw.push(show);
  const wished = () => { for (const draw of wishes) draw(); };
  const steepest = Object.entries(net.decimal.nodes).filter(([id]) => id.startsWith("w2-"))
    .reduce((best, [id, node]) => (size(node) > size(net.decimal.nodes[best]) ? id : best), "w2-1-1");
  select.value = steepest;
  show();
  return { choose, move, given, moves, recorded, chosen: () => select.value };

  function size(node) { return Math.abs(Number(node.gradient.replace("−", "-"))); }
}

const wishes = []; // what shows the number that is to be moved
let moving = null; // the mover, once it is there

// The cost of all observations, the mean, with some numbers moved; always in decimals
function costWith(moves) {
  const { program } = moving.given.decimal, leaves = {};
  for (const [id, x] of Object.entries({ ...moving.moves, ...moves })) leaves[program.at[id]] = x;
  const { values } = sweep(program, DECIMALS, leaves);
  return values[values.length - 1] / lesson.nets.main.m;
}
