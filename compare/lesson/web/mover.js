// Moving a number: drag a weight, a bias or an input, and everything on the page is computed anew

// `groups` are the ids to choose from by what they are; `apply` computes the page with the moves, numbers by id
function mover(place, { groups, label, recorded, shown, first, apply, step = () => 0.05, wished = () => {} }) {
  const moves = {};
  const select = element("select", { id: "mover-number" });
  const slider = element("input", { type: "range", id: "mover-slider", "aria-label": "The number" });
  const value = element("output", { for: slider.id });
  const reset = element("button", { type: "button", disabled: "" }, "Reset");
  for (const [title, ids] of groups) {
    select.append(element("optgroup", { label: title }, ...ids.map((id) => element("option", { value: id }, label(id)))));
  }
  place.append(element("label", { for: select.id }, "Move "), select, slider, value, reset);

  function show() {
    const id = select.value, x = recorded(id), reach = Math.abs(x) <= 3 ? [-3, 3] : [x - Math.abs(x), x + Math.abs(x)];
    [slider.min, slider.max] = reach;
    slider.step = step();
    slider.value = moves[id] ?? x;
    value.textContent = shown(id);
    slider.setAttribute("aria-valuetext", value.textContent);
  }

  function compute() {
    apply(moves);
    reset.disabled = !Object.keys(moves).length;
    root.classList.toggle("moved", !reset.disabled);
    for (const draw of redraw) draw();
    show();
  }

  function choose(id) { select.value = id; show(); wished(); }
  function move(id, x) {
    if (x === recorded(id)) delete moves[id];
    else moves[id] = x;
    select.value = id;
    compute();
  }

  select.addEventListener("change", () => choose(select.value));
  slider.addEventListener("input", () => move(select.value, Number(slider.value)));
  reset.addEventListener("click", () => { for (const id of Object.keys(moves)) delete moves[id]; compute(); });
  redraw.push(show);
  select.value = first;
  show();
  return { choose, move, moves, recorded, chosen: () => select.value };
}

// The recorded number of a leaf
const leafOf = ({ program }, id) => Number(program.nodes[program.at[id]][1]);

function netMover(place) {
  const net = lesson.nets.main, given = { decimal: net.decimal, fraction: net.fraction }, { nodes } = net.decimal;
  const titles = { w: "weights", b: "biases", x: "inputs" }, found = {};
  for (const [id, node] of Object.entries(nodes)) {
    const letter = id[0], layer = letter === "x" ? "" : id.slice(1).split("-")[0];
    if (letter in titles && node.kind in titles) (found[`${titles[letter]}${layer ? ` of layer ${layer}` : ""}`] ??= []).push(id);
  }
  const groups = Object.entries(found).sort(([x], [y]) => y.startsWith("weights") - x.startsWith("weights") || (x < y ? -1 : 1));
  const size = (id) => Math.abs(Number(nodes[id].gradient.replace("−", "-")));

  function apply(moves) {
    for (const kind of ["decimal", "fraction"]) {
      const leaves = {};
      for (const [id, x] of Object.entries(moves)) {
        leaves[given[kind].program.at[id]] = kind === "decimal" ? x : FRACTIONS.of(`${Math.round(2 * x)}/2`);
      }
      net[kind] = Object.keys(moves).length ? computed(net, given[kind], kind, leaves) : given[kind];
    }
    remember();
  }

  const weights = found["weights of layer 2"];
  const made = mover(place, {
    groups, apply, label: (id) => nodes[id].label, recorded: (id) => leafOf(given.decimal, id),
    shown: (id) => net[mode].nodes[id].value, step: () => (mode === "fraction" ? 0.5 : 0.05),
    first: weights.reduce((best, id) => (size(id) > size(best) ? id : best)),
    wished: () => { for (const draw of wishes) draw(); } });
  return { ...made, given };
}

// One's own code: its parameters and inputs, where the page knows every operation of the graph
function ownMover(place, current) {
  const given = lesson.own, table = operations(DECIMALS);
  if (!given.program.nodes.every(([name]) => !name || name in table)) { place.remove(); return; }
  const groups = given.arrays.filter(({ leaf }) => leaf).map(({ name, ids }) => [name, ids.flat().filter((id) => id in given.nodes)])
    .filter(([, ids]) => ids.length);
  mover(place, {
    groups, label: (id) => given.nodes[id].label, recorded: (id) => leafOf(given, id), first: groups[0][1][0],
    shown: (id) => current().nodes[id].value,
    apply(moves) {
      const leaves = Object.fromEntries(Object.entries(moves).map(([id, x]) => [given.program.at[id], x]));
      current(Object.keys(moves).length ? { ...given, nodes: scalars(given, DECIMALS, leaves).nodes } : given);
    } });
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
