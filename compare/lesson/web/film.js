// A film over a graph: forward, scalar by scalar, then the chain rule backwards, one term at a time

const PACE = 1100; // milliseconds for a step

// `reels` gives the films to choose from: a title, the picture, and the steps; of each step the scalar, whether it is
// forward, how many of its terms are there, and the group (a layer, an array) that it belongs to
function film(place, { reels, nodes, label, of = "J", group = "layer", wide = false }) {
  const name = place.dataset.film;
  const button = (text, title) => element("button", { type: "button", "aria-label": title }, text);
  const back = button("Back", "One step back"), next = button("Step", "One step forward"), play = button("Play", "Play");
  const jump = button(`Next ${group}`, `On to the next ${group}`);
  const slider = element("input", { type: "range", min: 0, step: 1, value: 0, id: `film-${name}-slider`, "aria-label": "Step of the film" });
  const where = element("output", { for: slider.id });
  const speed = choice("Speed", [["0.5", "half"], ["1", "usual"], ["2", "double"], ["4", "fourfold"]]);
  speed.select.value = "1";
  const only = element("input", { type: "checkbox", id: `film-${name}-backward` });
  const drawing = element("div", { class: "graph film-later", tabindex: "0", role: "group", "aria-label": label });
  const panel = element("div", { class: "panel", "aria-live": "polite" });
  const which = choice("Observation", reels.map((reel, k) => [k + 1, reel.title]));
  const settings = element("div", { class: "controls settings" }, ...(reels.length > 1 ? [which.label] : []), speed.label,
    element("label", {}, only, " backward only"));
  const left = element("div", { class: "beside" },
    element("div", { class: "controls" }, back, next, jump, play), element("div", { class: "controls" }, slider, where), settings, panel);
  place.replaceChildren(element("div", { class: `side ${wide ? "filmed" : "even"}` }, left, drawing));
  let svg, steps, at = 0, timer = 0;

  function choice(title, options) {
    const select = element("select", { id: `film-${name}-${title.toLowerCase()}` });
    for (const [value, text] of options) select.append(element("option", { value }, text));
    return { select, label: element("label", { for: select.id }, `${title} `, select) };
  }

  function load() {
    const reel = reels[Number(which.select.value) - 1];
    svg = reel.picture();
    drawing.replaceChildren(svg);
    steps = only.checked ? reel.steps.filter((step) => !step.forward) : reel.steps;
    slider.max = steps.length;
  }

  function show(step) {
    at = Math.min(Math.max(step, 0), steps.length);
    slider.value = at;
    where.textContent = `${at} / ${steps.length}`;
    slider.setAttribute("aria-valuetext", `step ${at} of ${steps.length}`);
    back.disabled = at === 0;
    next.disabled = jump.disabled = at === steps.length;
    const all = nodes(), waiting = new Set(steps.filter((step) => step.forward).map(({ id }) => id)), graded = new Set();
    for (const { id, forward, whole } of steps.slice(0, at)) {
      if (forward) waiting.delete(id);
      else if (whole) graded.add(id);
    }
    for (const box of svg.querySelectorAll(".node")) {
      const id = idOf(box), known = !waiting.has(id);
      write(svg, id, known ? all[id].value : "·", graded.has(id) ? all[id].gradient : "·");
      box.classList.toggle("later", !known);
    }
    unlight(svg);
    if (at === 0) panel.replaceChildren(element("p", {}, `${steps.length} steps: ${only.checked ? "" : "forward, then "}backward. Press Play, or Step.`));
    else caption(steps[at - 1], all);
    follow();
  }

  function caption(now, all) {
    const node = all[now.id], box = nodeOf(svg, now.id);
    if (now.forward) {
      box.classList.add("now");
      for (const edge of svg.querySelectorAll(".edge")) {
        if ([...edge.classList].some((cls) => cls.endsWith(`--${now.id}`))) lightEdge(svg, edge, []);
      }
      panel.replaceChildren(element("p", {}, element("strong", {}, "Forward. "), `${node.label} = ${node.how ? `${node.how} = ` : ""}${node.value}`));
      return;
    }
    const terms = node.terms.slice(0, now.terms), last = terms[terms.length - 1];
    if (box) lightTerms(svg, now.id, terms);
    else lightParameter(svg, now.id, last);
    const title = now.terms === 0
      ? `${node.label} is the result: its derivative with respect to itself is ${node.gradient}.`
      : `d${of}/d${node.label}: consumer ${now.terms} of ${node.terms.length}, ${last.consumer}. Sum so far ${last.sum}${now.terms === node.terms.length ? ", and that is all." : "."}`;
    panel.replaceChildren(element("p", {}, element("strong", {}, "Backward. "), title));
    if (now.terms) panel.append(termsTable(node, "", now.terms));
  }

  function follow() { // a graph wider than the screen scrolls to what is computed
    const boxes = [...svg.querySelectorAll(".node.now, .node.lit")].map((box) => box.getBoundingClientRect());
    if (!boxes.length) return;
    const outer = drawing.getBoundingClientRect();
    const left = Math.min(...boxes.map((box) => box.left)), right = Math.max(...boxes.map((box) => box.right));
    const top = Math.min(...boxes.map((box) => box.top)), bottom = Math.max(...boxes.map((box) => box.bottom));
    if (left < outer.left || right > outer.right) drawing.scrollLeft += (left + right) / 2 - outer.left - outer.width / 2;
    if (top < outer.top || bottom > outer.bottom) drawing.scrollTop += (top + bottom) / 2 - outer.top - outer.height / 2;
  }

  function pause() { clearInterval(timer); timer = 0; play.textContent = "Play"; play.setAttribute("aria-label", "Play"); }
  function run() {
    play.textContent = "Pause";
    play.setAttribute("aria-label", "Pause");
    timer = setInterval(() => { show(at + 1); if (at === steps.length) pause(); }, PACE / Number(speed.select.value));
  }
  function toggle() {
    if (timer) { pause(); return; }
    if (at === steps.length) show(0);
    run();
  }
  function leap() { // past all steps of this group, to the first of the next one
    const here = steps[at]?.group;
    let to = at;
    while (to < steps.length && steps[to].group === here) to += 1;
    manual(to);
  }
  const manual = (step) => { pause(); show(step); };
  back.addEventListener("click", () => manual(at - 1));
  next.addEventListener("click", () => manual(at + 1));
  jump.addEventListener("click", leap);
  play.addEventListener("click", toggle);
  speed.select.addEventListener("change", () => { if (timer) { pause(); run(); } });
  for (const control of [which.select, only]) control.addEventListener("change", () => { pause(); load(); show(0); });
  slider.addEventListener("input", () => manual(Number(slider.value)));
  place.onkeydown = (event) => {
    if (["INPUT", "SELECT"].includes(event.target.tagName) || event.altKey || event.ctrlKey || event.metaKey) return;
    const keys = { ArrowRight: () => manual(at + 1), ArrowLeft: () => manual(at - 1), Home: () => manual(0), End: () => manual(steps.length), " ": toggle };
    if (!(event.key in keys) || (event.key === " " && event.target.tagName === "BUTTON")) return;
    event.preventDefault();
    keys[event.key]();
  };
  load();
  show(0);
  addEventListener("beforeprint", () => { pause(); show(steps.length); }); // on paper a film shows its end
  return { show, pause, again: () => show(at) };
}

// A weight or a bias has no box: its place is the edge into the unit that uses it, or the unit
function lightParameter(svg, id, term) {
  unlight(svg);
  nodeOf(svg, term.to)?.classList.add("lit");
  const [kind, from] = id.split("-"), observation = term.to.split("-")[2];
  if (kind[0] !== "w") return;
  const before = Number(kind.slice(1)) - 1, tail = before ? `a${before}-${from}-${observation}` : `x-${from}-${observation}`;
  const edge = edgeOf(svg, tail, term.to) ?? edgeOf(svg, tail.replace("a", "z"), term.to);
  if (edge) lightEdge(svg, edge, [term]);
}

function stepsOf(order, nodes) {
  const steps = order.forward.map((id) => ({ id, forward: true, group: `forward ${groupOf(id)}` }));
  for (const id of order.backward) {
    const { terms } = nodes[id], group = `backward ${groupOf(id)}`;
    if (!terms.length) steps.push({ id, terms: 0, whole: true, group });
    terms.forEach((_, k) => steps.push({ id, terms: k + 1, whole: k + 1 === terms.length, group }));
  }
  return steps;
}

const groupOf = (id) => id.split("-")[0];

function chainRule() {
  const slider = document.getElementById("c2-x"), value = document.getElementById("c2-value"), direct = document.getElementById("c2-direct");
  const here = () => lesson.c2[mode][Number(slider.value)];
  const reel = film(document.getElementById("film-c2"), {
    reels: [{ title: "f", picture: () => graph("c2", "f = 2 g₁ + g₂"), steps: stepsOf(lesson.c2.film, here().nodes) }],
    nodes: () => here().nodes, label: "Graph of f", of: "f" });
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

// One reel for each observation; a weight's sum grows from one to the next, and its mean is taken after the last
function wholeFilm() {
  const net = lesson.nets.main, { nodes } = net[mode];
  const layerOf = (id) => id.match(/^[a-z]+(\d*)/i)[1];
  const reels = range(net.m).map((k) => k + 1).map((i) => {
    const mine = (id) => (id.startsWith("J-") ? id === `J-${i}` : id.endsWith(`-${i}`));
    const parameter = (id) => "wb".includes(nodes[id].kind);
    const steps = [];
    for (const id of net.film.forward) if (mine(id) && id !== "J") steps.push({ id, forward: true, group: `forward ${layerOf(id)}` });
    for (const id of net.film.backward) {
      const group = `backward ${layerOf(id)}`;
      if (parameter(id)) steps.push({ id, terms: i, whole: i === net.m, group });
      else if (id !== "J" && mine(id)) nodes[id].terms.forEach((_, k) => steps.push({ id, terms: k + 1, whole: k + 1 === nodes[id].terms.length, group }));
    }
    return { title: String(i), picture: () => graph(`main-${i}`, `The graph of observation ${i}`), steps };
  });
  const reel = film(document.getElementById("film-main"), { reels, nodes: () => net[mode].nodes, label: "The graph of one observation" });
  redraw.push(reel.again);
}
