// Decimals or fractions

for (const radio of document.querySelectorAll("input[name=numbers]")) {
  radio.checked = radio.value === mode; // some browsers remember it
  radio.addEventListener("change", () => {
    mode = radio.value;
    root.dataset.numbers = mode;
    for (const draw of redraw) draw();
    if (!lesson.own) remember(mode === "fraction" ? { numbers: mode } : { numbers: undefined });
  });
}
together();
if (lesson.own) own(document.getElementById("own"));
else {
  moving = netMover(document.getElementById("mover"));
  wish(document.getElementById("wish"));
  predictions();
  chainRule();
  units(document.getElementById("units"));
  document.querySelectorAll(".explorer").forEach(explorer);
  netDerivation(document.getElementById("derivation"));
  wholeFilm();
  mistakes(document.getElementById("mistakes"));
  folds();
  recall();
}
