// The short path: a wish, predictions before anything is revealed, folds, and links that hold the state

function predict(place, question, choices, right, why, reveal = null) {
  const revealed = reveal ?? place.closest("section").querySelector(".revealed");
  const answer = element("p", { class: "answer", "aria-live": "polite" });
  const asked = element("p", { id: `${place.id}-asked` }, element("strong", {}, "First guess. "), question);
  const set = element("div", { class: "predict", role: "group", "aria-labelledby": asked.id }, asked);
  const open = (text, cls) => { answer.textContent = text; answer.className = `answer ${cls}`; revealed.hidden = false; };
  for (const choice of [...new Set(choices)]) {
    const button = element("button", { type: "button", "aria-pressed": "false" }, choice);
    button.addEventListener("click", () => {
      for (const other of set.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
      const is = right();
      open(`${choice === is ? "Yes" : "No, it is"} ${is}. ${why()}`.replace("Yes ", "Yes: "), choice === is ? "agree" : "disagree");
    });
    set.append(button);
  }
  const skip = element("button", { type: "button", class: "skip-guess" }, "just show me");
  skip.addEventListener("click", () => open(`The answer: ${right()}. ${why()}`, ""));
  set.append(skip);
  place.append(set, answer);
  return {
    ask(text) { // another question, or the same with other numbers; one that was answered is answered again
      asked.lastChild.textContent = text;
      if (revealed.hidden) return;
      for (const button of set.querySelectorAll("[aria-pressed]")) button.setAttribute("aria-pressed", "false");
      open(`The answer: ${right()}. ${why()}`, "");
    },
  };
}

// Screen 1: nudge a weight

const NUDGE = 0.1;

function wish(place) {
  const net = lesson.nets.main, guess = element("div", { id: "predict-1" }), revealed = element("div", { class: "revealed", hidden: "" });
  place.append(guess, revealed);
  const labelOf = (id) => net.decimal.nodes[id].label;
  const seen = (x) => decimal(x), slope = (id) => Number(net.decimal.nodes[id].gradient.replace("−", "-").replace(/×10.*/, "e-6"));
  const here = () => moving.chosen();
  const facts = () => {
    const id = here(), x = moving.moves[id] ?? moving.recorded(id), before = costWith({}), after = costWith({ [id]: x + NUDGE });
    return { id, x, before, after, moved: after - before };
  };
  const question = () => `The number ${labelOf(here())} is ${seen(facts().x)}. Nudge it up by ${NUDGE}. The cost J will`;
  const rises = () => { const { moved } = facts(); return moved > 5e-5 ? "rise" : moved < -5e-5 ? "fall" : "stay"; };
  const asked = predict(guess, question(), ["rise", "fall", "stay"], rises, () => {
    const { before, after } = facts();
    return `J goes from ${seen(before)} to ${seen(after)}.`;
  }, revealed);

  function draw() {
    const { id, before, after, moved } = facts(), name = `${labelOf(id)}`;
    const derivative = id[0] === "x" ? null : net.decimal.nodes[id].gradient;
    revealed.replaceChildren(
      element("p", {}, `The cost moved by ${seen(moved)}: that is ${seen(moved / NUDGE)} for each unit of ${name}.`),
      element("p", {}, "Back propagation says ", element("strong", { class: "wish-derivative" }, `dJ/d${name} = ${derivative ?? `${net.decimal.nodes[id].gradient} / ${net.m}`}`),
        ": the same, but for what the curve bends on the way. One sweep back gives this number for every weight at once."),
      element("p", { class: "now-move" }, element("strong", {}, "Now move it yourself: "), `drag the slider “Move ${name}” at the ${narrow() ? "foot" : "head"} of the page. J is now `, element("output", { class: "wish-cost" }, seen(before)),
        `. Every number, sum and matrix of this page follows; a weight or an input can also be chosen by a click in any matrix.`));
  }
  const narrow = () => matchMedia("(max-width: 52rem)").matches;
  const again = () => { asked.ask(question()); draw(); };
  wishes.push(again);
  redraw.push(again);
  draw();
}

function predictions() {
  const net = lesson.nets.main, [, n1, n2] = net.sizes;
  predict(document.getElementById("predict-2"), `a₁⁽¹⁾[1] is the activation of unit 1 of layer 1 for observation 1. How many terms has the sum for its derivative?`,
    [...new Set([1, n1, n2, net.m])].sort((x, y) => x - y).map(String), () => String(n2), () => (n2 > 1 ? `One for each of the ${n2} units of layer 2, which all use it.` : "Layer 2 has one unit, which uses it."));
  const j = Math.min(2, n1);
  predict(document.getElementById("predict-3"), `Which numbers of W₂ are multiplied in the sum for unit ${j} of layer 1?`,
    [`row ${j}`, `column ${j}`, "all of them"], () => `row ${j}`, () => `Row ${j} holds the weights that the units of layer 2 give to unit ${j} of layer 1.`);
}

// Folds open for a link into them, and on paper

function unfold(target) {
  for (let fold = target?.closest("details"); fold; fold = fold.parentNode.closest("details")) fold.open = true;
}

function folds() {
  const follow = () => {
    const id = location.hash.slice(1);
    if (/^[\w-]+$/.test(id)) unfold(document.getElementById(id));
  };
  addEventListener("hashchange", follow);
  follow();
  addEventListener("beforeprint", () => { for (const fold of document.querySelectorAll("details")) fold.open = true; });
}

// A link holds what is chosen: #layer=2&entry=1,0

const states = {}; // what puts a part of the state to its place
const state = {};
let writing = 0;

function remember(changes = {}) {
  Object.assign(state, changes);
  for (const key of Object.keys(state)) if (state[key] === undefined) delete state[key];
  if (moving) {
    const moved = Object.entries(moving.moves).map(([id, x]) => `${id}:${x}`).join(",");
    if (moved) state.move = moved;
    else delete state.move;
  }
  clearTimeout(writing);
  writing = setTimeout(() => {
    const text = Object.entries(state).map(([key, x]) => `${key}=${x}`).join("&");
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  }, 300);
}

function recall() {
  const found = Object.fromEntries([...new URLSearchParams(location.hash.slice(1))]);
  for (const part of found.move?.split(",") ?? []) {
    const [id, x] = part.split(":");
    if (id in moving.given.decimal.program.at && Number.isFinite(Number(x))) moving.move(id, Number(x));
  }
  if (found.numbers === "fraction") document.querySelector("input[name=numbers][value=fraction]").click();
  if (!found.entry && !found.layer) return;
  const place = document.getElementById("explore-dJda");
  place.closest(".revealed").hidden = false;
  states.entry?.(Number(found.layer ?? 1), (found.entry ?? "0,0").split(",").map(Number));
  place.closest("section").scrollIntoView();
}
