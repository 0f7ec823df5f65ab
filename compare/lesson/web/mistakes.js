// Part 6: mistakes

function mistakes(place) {
  const net = moving.given, { code: source, first, planted: list } = lesson.mistakes;
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
      const lines = edited ? [line("out", "✗", `    ${mistake.instead}`), line("in", "✓", text)] : [line(false, " ", text)];
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
      const spoilt = Object.entries(effect.wrong).filter(([, entries]) => entries.length).map(([name]) => name);
      says.append(element("p", { class: "cause" }, element("strong", {}, `Line ${mistake.line + 1}: `), `${mistake.why}.`),
        element("p", {}, `It spoils ${spoilt.join(", ")}: ${bad} of ${total} entries.`));
      if (effect.problem) says.append(element("p", {}, effect.problem));
    }
    shown.replaceChildren(element("div", { class: "side" }, code, says), arrays);
  }

  redraw.push(draw);
  draw();
}
