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
