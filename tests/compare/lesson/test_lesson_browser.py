"""The lesson in a real browser: what is pointed at lights up, terms add up, films end, mistakes turn red, no faults."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograd import contributions
from compare import gradcheck, watch
from compare.command.main import checked_file
from compare.command.userfile import load
from compare.lesson import data, example, lesson, mistakes, scene, teach
from compare.lesson.own import own_data
from matrix_backprop import Network

pytest.importorskip("playwright", reason="needs playwright, which is in the extra `test`")
from playwright.sync_api import Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a chromium on the PATH")

NET, X, Y = example()
RUNS = data.runs(NET, X, Y)
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return teach(NET, X, Y).save(tmp_path_factory.mktemp("lesson") / "lesson.html")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def trouble() -> list[str]:
    """What the console said, what scripts raised, what was requested besides the file."""
    return []


@pytest.fixture(scope="module")
def shared(browser: Any, path: Path, trouble: list[str]) -> Iterator[Page]:
    """One page for all tests; a test leaves it as it found it, in decimals."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce", offline=True)
    page = context.new_page()
    page.set_default_timeout(300_000)
    page.on("console", lambda message: trouble.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
    page.on("request", lambda request: trouble.append(f"request: {request.url}") if request.url != path.as_uri() else 0)
    page.goto(path.as_uri())
    page.evaluate(OPEN)
    yield page
    context.close()


@pytest.fixture
def page(shared: Page, trouble: list[str]) -> Iterator[Page]:
    shared.mouse.move(0, 0)  # a mouse left over a matrix would choose an entry whenever the page moves under it
    numbers(shared, "decimal")
    yield shared
    assert trouble == []


def numbers(page: Page, kind: str) -> None:
    page.check(f"input[name=numbers][value={kind}]")


def value(text: str) -> Fraction:
    text = text.strip().replace("−", "-")
    if "×10" in text:
        mantissa, power = text.split("×10")
        return Fraction(mantissa) * Fraction(10) ** int(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")))
    return Fraction(text)


# Answers every question and opens every fold.
OPEN = """() => {
  for (const button of document.querySelectorAll(".skip-guess")) button.click();
  for (const fold of document.querySelectorAll("details.part")) fold.open = true;
}"""

# What an explorer shows at this moment, read from the page in one go.
READ = """place => {
  const texts = (selector) => [...place.querySelectorAll(selector)].map((x) => x.textContent);
  const lit = {};
  for (const table of place.querySelectorAll(".matrix")) {
    for (const cell of table.querySelectorAll("[data-j]")) {
      const cls = [...cell.classList].filter((c) => c.startsWith("lit-") || c === "chosen");
      const seen = [cls.join(" "), +cell.dataset.j, +cell.dataset.i, cell.textContent];
      if (cls.length) (lit[table.dataset.array] ??= []).push(seen);
    }
  }
  const id = (g) => [...g.classList].find((c) => !/^(node|edge|label|lit|now|later|pale|one|k-.*)$/.test(c));
  const labels = {}, graph = "svg:not(.star)";
  for (const label of place.querySelectorAll("svg:not(.star) .label.lit")) labels[id(label)] = label.textContent;
  const ids = (selector) => [...place.querySelectorAll(selector)].map(id).sort();
  return {
    lit, labels, edges: ids(`${graph} .edge.lit`), nodes: ids(`${graph} .node.lit`), now: ids(`${graph} .node.now`),
    consumers: texts(".terms tbody td:nth-child(1)"),
    locals: texts(".terms tbody td:nth-child(2) b"), upstreams: texts(".terms tbody td:nth-child(3) b"),
    products: texts(".terms tbody td:nth-child(4) b"), sums: texts(".terms tbody .running"),
    total: texts(".terms .total")[0], mean: texts(".terms .mean")[0], formula: texts(".terms .formula-gives")[0],
    chosen: texts("button.chosen"),
  };
}"""


def entry(page: Page, explorer: str, j: int, i: int) -> Any:
    return page.locator(f"#{explorer} button[data-j='{j}'][data-i='{i}']")


def read(page: Page, explorer: str) -> Any:
    return page.locator(f"#{explorer}").evaluate(READ)


def each_entry(page: Page, explorer: str, array: str) -> list[Any]:
    """What the explorer shows while each entry of one of its arrays has the focus, row by row."""
    script = f"""place => [...place.querySelectorAll("[data-array='{array}'] button")].map((cell) => {{
      cell.focus();
      return ({READ})(place);
    }})"""
    found: list[Any] = page.locator(f"#{explorer}").evaluate(script)
    return found


def add_up(shown: Any, total: str, exact: bool, m: int = 1) -> None:
    """The terms that the page shows add up to the entry that it shows: exactly, or as well as 4 digits can."""
    rounding = Fraction(0) if exact else Fraction(51, 1_000_000)
    terms = [value(text) for text in shown["products"]]
    assert abs(sum(terms) / m - value(total)) <= rounding * (len(terms) / m + 1)
    for k, text in enumerate(shown["sums"], 1):
        assert abs(sum(terms[:k]) - value(text)) <= rounding * (k + 1)
    if exact:
        pairs = zip(shown["locals"], shown["upstreams"], terms, strict=True)
        assert all(value(local) * value(upstream) == product for local, upstream, product in pairs)


@pytest.mark.parametrize("kind", ["decimal", "fraction"])
@pytest.mark.parametrize("layer", [1, 2])
def test_an_entry_of_dJda_lights_its_row_its_column_and_its_edges(page: Page, kind: str, layer: int) -> None:
    numbers(page, kind)
    page.select_option("#explore-dJda-layer", str(layer))
    graph, run = RUNS[kind].graph, RUNS[kind]
    show = run.scene.number
    consumers = NET.sizes[layer + 1]
    entries = each_entry(page, "explore-dJda", f"dJda{layer}")
    graph.J_sum.backward()
    for shown, (j, i) in zip(entries, np.ndindex(graph.a[layer].shape), strict=True):
        assert [(c, *at) for c, *at, _ in shown["lit"][f"W{layer + 1}"]] == [("lit-w", j, k) for k in range(consumers)]
        column = [(c, *at) for c, *at, _ in shown["lit"][f"dJdz{layer + 1}"]]
        assert column == [("lit-u", k, i) for k in range(consumers)]
        assert [(c, *at) for c, *at, _ in shown["lit"][f"dJda{layer}"]] == [("chosen", j, i)]
        assert len(shown["lit"]) == 3

        # exactly the consumers that the engine has, with its numbers
        found = contributions(graph.J_sum, graph.a[layer][j, i])
        here = f"a{layer}-{j + 1}-{i + 1}"
        heads = sorted(f"z{layer + 1}-{k + 1}-{i + 1}" for k in range(len(found)))
        assert shown["now"] == [here]
        assert shown["nodes"] == heads
        assert shown["edges"] == [f"{here}--{head}" for head in heads]
        assert shown["locals"] == [show(c.local_derivative) for c in found]
        assert shown["upstreams"] == [show(c.upstream) for c in found]
        assert shown["products"] == [show(c.product) for c in found]
        # which are those of the row and the column, and those on the edges
        assert shown["locals"] == [text for *_, text in shown["lit"][f"W{layer + 1}"]]
        assert shown["upstreams"] == [text for *_, text in shown["lit"][f"dJdz{layer + 1}"]]
        factors = zip(shown["locals"], shown["upstreams"], shown["products"], strict=True)
        assert [shown["labels"][f"{here}--{head}"] for head in heads] == [
            f"{scene.signed(w)} × {scene.signed(u)} = {product}" for w, u, product in factors
        ]
        assert shown["total"] == shown["formula"] == shown["chosen"][0] == show(graph.a[layer][j, i].grad)
        add_up(shown, shown["total"], kind == "fraction")


def test_an_entry_of_an_operand_shows_the_one_term_that_it_stands_in(page: Page) -> None:
    page.select_option("#explore-dJda-layer", "1")
    entry(page, "explore-dJda [data-array=dJda1]", 1, 3).dispatch_event("click")
    one = """place => ({
      cells: [...place.querySelectorAll(".matrix .one")].map((c) =>
        [c.closest("table").dataset.array, +c.dataset.j, +c.dataset.i]),
      rows: [...place.querySelectorAll(".terms tr.one td:first-child")].map((c) => c.textContent),
      bold: place.querySelectorAll("svg:not(.star) .edge.lit:not(.pale)").length,
      result: place.querySelector(".result-matrix .chosen").dataset,
    })"""
    for array, (j, i), row, (at_j, at_i) in (("W2", (2, 0), 0, (2, 3)), ("dJdz2", (3, 4), 3, (2, 4))):
        entry(page, f"explore-dJda [data-array={array}]", j, i).hover()
        shown = page.locator("#explore-dJda").evaluate(one)
        assert shown["cells"] == [["W2", at_j, row], ["dJdz2", row, at_i]]
        assert shown["rows"] == [f"z{'₁₂₃₄'[row]}⁽{'¹²³⁴⁵'[at_i]}⁾[2]"]
        assert shown["bold"] == 1
        assert (shown["result"]["j"], shown["result"]["i"]) == (str(at_j), str(at_i))


@pytest.mark.parametrize(
    ("explorer", "run", "letter", "array"),
    [
        ("explore-dJdz", None, "z", "dJdz"),
        ("explore-dJdb", None, "b", "dJdb"),
        ("explore-dJdW", None, "w", "dJdW"),
        ("explore-logistic-dJdz", "logistic", "z", "dJdz"),
        ("explore-logistic-dJdb", "logistic", "b", "dJdb"),
        ("explore-logistic-dJdW", "logistic", "w", "dJdW"),
    ],
)
def test_every_other_entry_adds_up_too(page: Page, explorer: str, run: str | None, letter: str, array: str) -> None:
    numbers(page, "fraction")
    found = (RUNS if run is None else data.runs(*example([3, 1], observations=4)))["fraction"]
    chain = found.graph.gradients()
    for layer in found.net.layers:
        if run is None:
            page.select_option(f"#{explorer}-layer", str(layer))
        true = getattr(chain, array)[layer]
        for shown, x in zip(each_entry(page, explorer, f"{array}{layer}"), true.flat, strict=True):
            m = found.graph.costs.size if letter in "bw" else 1
            assert len(shown["products"]) == m
            assert shown["chosen"] == [shown["formula"]] == [scene_text(x)] == [shown["mean"] or shown["total"]]
            add_up(shown, shown["formula"], exact=True, m=m)


def scene_text(x: Any) -> str:
    return f"{x}".replace("-", "−")


def test_every_unit_of_every_observation_shows_its_consumers(page: Page) -> None:
    numbers(page, "fraction")
    graph = RUNS["fraction"].graph
    for i in range(X.shape[1]):
        page.select_option("#unit-observation", str(i + 1))
        names = [(layer, x, j) for layer in NET.layers for x in "za" for j in range(NET.sizes[layer])]
        script = f"""(place, names) => names.map((name) => {{
          place.querySelector(`.node.${{name}}`).dispatchEvent(new MouseEvent("click"));
          return ({READ})(place);
        }})"""
        seen = page.locator("#units").evaluate(script, [f"{x}{layer}-{j + 1}-{i + 1}" for layer, x, j in names])
        for shown, (layer, letter, j) in zip(seen, names, strict=True):
            scalar = getattr(graph, letter)[layer][j, i]
            found = contributions(graph.J_sum, scalar)
            assert shown["now"] == [f"{letter}{layer}-{j + 1}-{i + 1}"]
            assert len(shown["edges"]) == len(set(shown["nodes"])) == len(set(shown["consumers"]))
            assert shown["products"] == [scene_text(c.product) for c in found]
            assert shown["total"] == scene_text(scalar.grad)
            add_up(shown, shown["total"], exact=True)


def test_the_observations_stack_as_columns(page: Page) -> None:
    page.select_option("#explore-dJda-layer", "1")
    for option, m in (("1", 1), ("Infinity", X.shape[1])):
        page.select_option("#explore-dJda-columns", option)
        assert page.locator("#explore-dJda .result-matrix button").count() == 3 * m
        assert page.locator("#explore-dJda [data-array=dJdz2] [data-j]").count() == 4 * m
        entry(page, "explore-dJda .result-matrix", 2, m - 1).hover()
        assert read(page, "explore-dJda")["now"] == [f"a1-3-{m}"]


# Keys


def test_arrow_keys_walk_over_a_matrix(page: Page) -> None:
    page.select_option("#explore-dJda-layer", "1")
    entry(page, "explore-dJda .result-matrix", 0, 0).focus()
    for key, at in [
        ("ArrowDown", (1, 0)),
        ("ArrowRight", (1, 1)),
        ("End", (2, 4)),
        ("ArrowRight", (2, 4)),
        ("Home", (0, 0)),
    ]:
        page.keyboard.press(key)
        assert read(page, "explore-dJda")["lit"]["dJda1"][0][1:3] == list(at)
    assert page.locator("#explore-dJda .result-matrix button[tabindex='0']").count() == 1


def test_a_unit_is_chosen_with_the_keyboard(page: Page) -> None:
    page.select_option("#unit-observation", "2")
    page.locator("#units .node.a1-2-2").focus()
    assert read(page, "units")["now"] == ["a1-2-2"]
    assert page.locator("#units .node.a1-2-2").get_attribute("aria-pressed") == "true"
    page.keyboard.press("ArrowRight")
    assert read(page, "units")["now"] == ["a1-3-2"]
    page.keyboard.press("End")
    assert read(page, "units")["now"] == ["J-2"]
    assert page.locator("#units .node[tabindex='0']").count() == 1
    page.locator("#units .node.a1-2-2").focus()
    page.select_option("#unit-observation", "1")
    assert read(page, "units")["now"] == ["a1-2-1"]


# Films


def lines(page: Page, film: str, name: str) -> list[str]:
    return page.locator(f"#{film} .node.{name} text").all_text_contents()


def observe(page: Page, i: int) -> None:
    page.select_option("#film-main-observation", str(i + 1))
    page.locator("#film-main").focus()


def test_the_film_of_each_observation_ends_with_every_value_and_every_gradient(page: Page) -> None:
    run = RUNS["decimal"]
    chain, show = run.graph.gradients(), run.scene.number
    for i in range(X.shape[1]):
        observe(page, i)
        assert lines(page, "film-main", f"a1-1-{i + 1}")[1:] == ["·", "·"]
        page.keyboard.press("End")
        for layer in NET.layers:
            for letter, array, values in (("a", chain.dJda, run.graph.a), ("z", chain.dJdz, run.graph.z)):
                for j in range(NET.sizes[layer]):
                    shown = lines(page, "film-main", f"{letter}{layer}-{j + 1}-{i + 1}")
                    assert shown[1:] == [show(values[layer][j, i].data), show(array[layer][j, i])]
    observe(page, 0)


def test_each_step_of_the_film_shows_a_scalar_its_consumers_and_the_sum_so_far(page: Page) -> None:
    numbers(page, "fraction")
    nodes = data.network_data(RUNS["fraction"])["nodes"]
    script = f"""place => {{
      const [back, next] = place.querySelectorAll("button"), found = [];
      while (!next.disabled) {{
        next.click();
        const [panel, at] = [".panel", "output"].map((part) => place.querySelector(part).textContent);
        found.push({{ ...({READ})(place), panel, at }});
      }}
      return found;
    }}"""
    for i in (1, 5):
        observe(page, i - 1)
        steps = page.locator("#film-main").evaluate(script)
        seen: dict[str, int] = {}
        forward = weights = 0
        for k, shown in enumerate(steps, 1):
            assert shown["at"] == f"{k} / {len(steps)}"
            if shown["panel"].startswith("Forward"):
                forward += 1
                assert nodes[shown["now"][0]]["label"] in shown["panel"]
                continue
            if not shown["now"] or not shown["now"][0].startswith(("z", "a", "J")):  # a weight or a bias
                weights += 1
                assert len(shown["products"]) == i
                continue
            (now,) = shown["now"]
            terms = nodes[now]["terms"]
            seen[now] = count = len(shown["products"])
            assert shown["edges"] == sorted({f"{now}--{term['to']}" for term in terms[:count] if now != f"J-{i}"})
            assert shown["sums"] == [term["sum"] for term in terms[:count]]
        mine = {name: node for name, node in nodes.items() if name.endswith(f"-{i}") and node["kind"] in "azJ"}
        assert forward == len(mine)
        assert weights == 6 + 12 + 4 + 3 + 4 + 1
        assert seen == {name: len(node["terms"]) for name, node in mine.items()}
    # after the last observation the mean is taken
    assert f"divided by the {X.shape[1]} observations" in steps[-1]["panel"]
    observe(page, 0)


def test_the_film_leaps_to_the_next_layer_and_can_go_backward_only(page: Page) -> None:
    observe(page, 1)
    leap = page.locator("#film-main button").nth(2)
    seen = []
    for _ in range(3):
        leap.click()
        seen.append(page.locator("#film-main output").text_content())
    assert seen == ["6 / 74", "14 / 74", "16 / 74"]  # past z and a of 3, 4 and 1 units
    page.check("#film-main-backward")
    assert page.locator("#film-main output").text_content() == "0 / 57"
    assert lines(page, "film-main", "a1-1-2")[1] != "·"
    page.uncheck("#film-main-backward")
    observe(page, 0)


def test_the_film_and_its_caption_are_in_view_together(page: Page) -> None:
    desktop = page.viewport_size
    page.set_viewport_size({"width": 1280, "height": 800})
    observe(page, 0)
    page.keyboard.press("End")
    page.evaluate("document.querySelector('#film-main').scrollIntoView()")
    top = page.evaluate("document.querySelector('nav').getBoundingClientRect().bottom")
    for part in ("button", ".panel table", "svg"):
        box = page.locator(f"#film-main {part}").first.bounding_box()
        assert box and top <= box["y"] and box["y"] + box["height"] <= 800
    page.keyboard.press("Home")
    assert desktop
    page.set_viewport_size(desktop)


def test_the_film_plays_and_pauses_at_the_speed_that_is_chosen(page: Page) -> None:
    page.locator("#film-c2").focus()
    page.keyboard.press("Home")
    back, step, _, play = (page.locator("#film-c2 button").nth(k) for k in range(4))
    # the test says when a second is over
    page.evaluate(
        "() => { const real = setInterval; window.setInterval = (...given) => (window.clock = {real, given}, 1); }"
    )
    play.click()
    assert page.locator("#film-c2 output").text_content() == "0 / 8"
    assert page.evaluate("() => { clock.given[0](); return clock.given[1]; }") == 1100
    assert page.locator("#film-c2 output").text_content() == "1 / 8"
    assert play.get_attribute("aria-label") == "Pause"
    page.select_option("#film-c2-speed", "4")
    assert page.evaluate("clock.given[1]") == 275
    play.click()
    assert play.get_attribute("aria-label") == "Play"
    step.click()
    assert page.locator("#film-c2 output").text_content() == "2 / 8"
    back.click()
    assert page.locator("#film-c2 output").text_content() == "1 / 8"
    page.select_option("#film-c2-speed", "1")
    page.evaluate("() => { window.setInterval = clock.real; }")


@pytest.mark.parametrize("kind", ["decimal", "fraction"])
def test_for_every_x_the_two_terms_add_up_to_4x_plus_1(page: Page, kind: str) -> None:
    numbers(page, kind)
    slider = page.locator("#c2-x")
    for k in range(13):
        slider.fill(str(k))
        x = Fraction(k - 6, 2)
        page.locator("#film-c2").focus()
        page.keyboard.press("End")
        shown = read(page, "film-c2")
        assert [value(text) for text in shown["products"]] == [4 * x, 1]
        assert [value(text) for text in shown["locals"]] == [2 * x, 1]
        assert value(shown["total"]) == 4 * x + 1
        assert f"= {shown['total']}:" in str(page.locator("#c2-direct").text_content())
        assert shown["edges"] == ["x--g1", "x--g2"]
        assert [label.split(" = ")[1] for label in shown["labels"].values()] == shown["products"]


# From a line to its derivative


@pytest.mark.parametrize("kind", ["decimal", "fraction"])
def test_beside_each_derived_line_stands_an_entry_and_what_its_consumers_send_back(page: Page, kind: str) -> None:
    numbers(page, kind)
    chain, run = RUNS[kind].graph.gradients(), RUNS[kind]
    lines = page.locator("#derivation .derived").all_text_contents()
    assert len(lines) == 11
    script = """(place, k) => {
      place.querySelectorAll(".derived")[k].click();
      return [...place.querySelectorAll(".matrix button")].map((cell) => {
        cell.click();
        return {
          line: place.querySelector(".derived-line").textContent, sum: place.querySelector(".star-sum").textContent,
          consumers: place.querySelectorAll(".star .node.lit").length,
          labels: [...place.querySelectorAll(".star .edge text")].map((text) => text.textContent),
        };
      });
    }"""
    for k, text in enumerate(lines):
        name, layer = text[:4], int(text[4])
        true = getattr(chain, name)[layer]
        seen = page.locator("#derivation").evaluate(script, k)
        for shown, ((j, i), x) in zip(seen, np.ndenumerate(true), strict=True):
            assert shown["line"] == text
            scalar = getattr(RUNS[kind].graph, name[3])[layer][j, i]
            assert shown["sum"].startswith(f"dJ/d{scalar.label} = ")
            assert shown["sum"].endswith(run.scene.number(x))
            uses = {"dJdz": 1, "dJda": NET.sizes[min(layer + 1, 3)]}.get(name, X.shape[1])
            assert shown["consumers"] == len(shown["labels"]) == uses
            if kind == "fraction":
                sums = [label.split(" = ") for label in shown["labels"]]
                for factors, product in sums:
                    local, upstream = (value(part.strip("()")) for part in factors.split(" × "))
                    assert local * upstream == value(product)
                m = X.shape[1] if name in ("dJdb", "dJdW") else 1
                assert sum(value(product) for _, product in sums) / m == x
    assert page.locator("#derivation .certificate").text_content() == (
        "held against the chain rule over scalars, at these sizes and at others: db3, dW3, db2, dW2, db1, dW1: proved"
    )


# Moving a number


def moved(net: Network, X: Any, name: str, x: float) -> tuple[Network, Any]:
    """The network and its inputs with one number moved, which the page calls w2-1-3."""
    W, b, X = [None, *map(np.copy, net.W[1:])], [None, *map(np.copy, net.b[1:])], np.array(X, float)
    kind, j, i = name.split("-")
    array = X if kind == "x" else (W if kind[0] == "w" else b)[int(kind[1:])]
    array[int(j) - 1, int(i) - 1] = x
    return net.with_parameters(W, b), X


NUMBER = re.compile(r"−?[\d.]+(?:×10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?")


def alike(shown: Any, true: Any, exact: bool = False) -> bool:
    """The same texts; the last digit of a decimal may round otherwise."""
    if isinstance(true, dict):
        return shown.keys() == true.keys() and all(alike(shown[key], x, exact) for key, x in true.items())
    if isinstance(true, list):
        return len(shown) == len(true) and all(alike(x, y, exact) for x, y in zip(shown, true, strict=True))
    if shown == true or exact or not isinstance(true, str):
        return bool(shown == true)
    if NUMBER.sub("#", shown) != NUMBER.sub("#", true):
        return False
    pairs = zip(map(value, NUMBER.findall(shown)), map(value, NUMBER.findall(true)), strict=True)
    return all(abs(x - y) <= Fraction(11, 100_000) for x, y in pairs)


SHOWN = """kind => ({
  nodes: lesson.nets.main[kind].nodes, arrays: lesson.nets.main[kind].arrays,
})"""


@pytest.mark.parametrize(
    ("name", "x"), [("w2-1-3", 1.3), ("w1-2-1", -2.95), ("x-1-4", 0.65), ("b2-4-1", -3.0), ("w3-4-1", 2.5)]
)
def test_dragging_a_number_gives_what_the_python_engine_gives(page: Page, name: str, x: float) -> None:
    page.select_option("#mover-number", name)
    page.locator("#mover-slider").fill(str(x))
    net, inputs = moved(NET, X, name, x)
    for kind, run in data.runs(net, inputs, Y).items():
        shown, true = page.evaluate(SHOWN, kind), data.network_data(run)
        if kind == "fraction" and x * 2 % 1:  # a half there: Python rounds what the page rounds
            assert value(shown["nodes"][name]["value"]) * 2 % 1 == 0
            continue
        for what in ("nodes", "arrays"):
            for key, found in true[what].items():
                assert alike(shown[what][key], found, exact=kind == "fraction"), key
    # and so do all that is drawn
    page.select_option("#explore-dJda-layer", "1")
    chain = data.runs(net, inputs, Y)["decimal"]
    cells = page.locator("#explore-dJda .result-matrix button").all_text_contents()
    assert alike(cells, [chain.scene.number(x) for x in chain.back.dJda[1].flat])
    if x == 1.3:  # it was moved by so much that its cost is another one
        assert cells != [RUNS["decimal"].scene.number(x) for x in RUNS["decimal"].back.dJda[1].flat]
    page.get_by_role("button", name="Reset").click()
    assert page.evaluate(SHOWN, "decimal")["nodes"] == data.network_data(RUNS["decimal"])["nodes"]


@pytest.mark.parametrize("activation", ["relu", "identity", "sigmoid"])
def test_the_pages_engine_gives_what_python_gives_for_other_networks(page: Page, activation: str) -> None:
    """Without any number moved, so that the graph of the one is the graph of the other."""
    Y_softmax = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    softmax, identity = (Network([2, 4, 3], [activation, last], seed=3) for last in ("softmax", "identity"))
    inputs = np.array([[0.5, -1.0, 2.0], [2.0, 0.25, 0.5]])
    for net, X, Y in (
        example([2, 3, 1], activation, 3),
        (softmax, inputs, Y_softmax),
        (identity, inputs, Y_softmax - 0.5),
    ):
        for kind, run in data.runs(net, X, Y).items():
            given = data.network_data(run)
            found = page.evaluate(
                "([facts, given, kind]) => computed(facts, given, kind, {})", [data.facts(net, X.shape[1]), given, kind]
            )
            assert found["nodes"] == given["nodes"]
            assert found["arrays"] == given["arrays"]


def test_a_click_on_a_weight_or_an_input_makes_it_the_number_to_be_moved(page: Page) -> None:
    page.select_option("#explore-dJda-layer", "1")
    entry(page, "explore-dJda [data-array=W2]", 2, 1).dispatch_event("click")
    assert page.locator("#mover-number").input_value() == "w2-3-2"
    page.select_option("#explore-dJdW-layer", "1")
    entry(page, "explore-dJdW [data-array=X]", 1, 4).dispatch_event("click")
    assert page.locator("#mover-number").input_value() == "x-2-5"


# The short path


@pytest.fixture
def fresh(browser: Any, path: Path) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    page.goto(path.as_uri())
    yield page
    page.close()


def test_nothing_is_revealed_before_a_guess(fresh: Page) -> None:
    assert not fresh.locator("#units").is_visible()
    assert not fresh.locator("#explore-dJda").is_visible()
    assert not fresh.locator(".wish-derivative").is_visible()
    for k, (right, wrong) in {1: ("fall", "rise"), 2: ("4", "3"), 3: ("row 2", "column 2")}.items():
        if k == 1:
            graph = RUNS["decimal"].graph
            name = str(fresh.locator("#mover-number").input_value())
            layer, j, i = (int(part) for part in name[1:].split("-"))
            if graph.gradients().dJdW[layer][j - 1, i - 1] > 0:
                right, wrong = wrong, right
        fresh.locator(f"#predict-{k}").get_by_role("button", name=wrong, exact=True).click()
        assert str(fresh.locator(f"#predict-{k} .answer").text_content()).startswith(f"No, it is {right}.")
        fresh.locator(f"#predict-{k}").get_by_role("button", name=right, exact=True).click()
        assert str(fresh.locator(f"#predict-{k} .answer").text_content()).startswith(f"Yes: {right}.")
    assert fresh.locator("#units").is_visible()
    assert fresh.locator("#explore-dJda").is_visible()
    assert fresh.locator(".wish-derivative").is_visible()


def test_paper_shows_what_is_revealed_and_folded(fresh: Page) -> None:
    fresh.emulate_media(media="print")
    fresh.evaluate("dispatchEvent(new Event('beforeprint'))")
    for part in ("#explore-dJda", ".wish-derivative", "#units", "#mistakes", "#E7"):
        assert fresh.locator(part).is_visible()
    assert not fresh.locator(".predict").first.is_visible()


def test_the_wish_is_answered_by_the_derivative(fresh: Page) -> None:
    fresh.evaluate(OPEN)
    name = str(fresh.locator("#mover-number").input_value())
    layer, j, i = (int(part) for part in name[1:].split("-"))
    true = RUNS["decimal"].graph.gradients().dJdW[layer][j - 1, i - 1]
    said = str(fresh.locator(".wish-derivative").text_content())
    assert said.endswith(f" = {RUNS['decimal'].scene.number(true)}")
    net, _ = moved(NET, X, name, NET.W[layer][j - 1, i - 1] + 0.1)
    before, after = (float(np.mean(n.costs(n.forward(X), Y))) for n in (NET, net))
    decimal = RUNS["decimal"].scene.number
    assert f"J goes from {decimal(before)} to {decimal(after)}." in str(
        fresh.locator("#predict-1 .answer").text_content()
    )
    assert f"that is {decimal((after - before) / 0.1)} for each unit" in str(
        fresh.locator("#wish .revealed").text_content()
    )
    assert fresh.locator(".wish-cost").text_content() == decimal(before)


def test_each_symbol_of_the_short_path_is_in_the_table_of_symbols(fresh: Page) -> None:
    table = str(fresh.locator(".symbols").text_content())
    for text in (
        "⁽²⁾",
        "counts observations; it is no power",
        "a₁[2], is the layer",
        "n₀ = 2, n₁ = 3, n₂ = 4, n₃ = 1",
        ": 5.",
    ):
        assert text in table
    assert "local derivative" in str(fresh.locator("#part-2").text_content())
    assert len({*NET.sizes[:-1], X.shape[1]}) == 4  # no two sizes are alike


def test_what_stands_for_the_same_thing_lights_up_together(page: Page) -> None:
    page.select_option("#explore-dJda-layer", "1")
    entry(page, "explore-dJda .result-matrix", 0, 0).dispatch_event("click")
    seen = """section => [...section.querySelectorAll(".together")].map((x) => x.closest("math") ? "formula"
      : x.closest("svg") ? "graph" : x.matches(".matrix") ? x.dataset.array
      : x.matches(".terms b") ? "table" : x.tagName)"""
    for symbol, array, terms in (("dJdz", "dJdz2", 4), ("W", "W2", 4), ("dJda", "dJda1", 0)):
        page.locator(f"#part-3 math [data-sym={symbol}]").first.hover()
        found = page.locator("#part-3").evaluate(seen)
        assert found.count(array) == 1 and found.count("table") == terms
        assert "formula" in found and "graph" in found
        assert {x for x in found if x[-1].isdigit()} == {array}
    page.locator("#explore-dJda [data-array=W2] caption").hover()  # and the other way round
    assert page.locator("#part-3 math .together").count() == 2
    page.mouse.move(0, 0)
    assert page.locator(".together").count() == 0


def test_a_link_holds_the_state(browser: Any, path: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    page.goto(f"{path.as_uri()}#layer=2&entry=3,1&numbers=fraction&move=x-1-1:1.5")
    assert read(page, "explore-dJda")["now"] == ["a2-4-2"]
    assert page.locator("#explore-dJda").is_visible()
    assert page.locator("input[name=numbers][value=fraction]").is_checked()
    assert page.evaluate("lesson.nets.main.fraction.nodes['x-1-1'].value") == "3/2"
    page.select_option("#explore-dJda-layer", "1")
    entry(page, "explore-dJda .result-matrix", 1, 0).click()
    page.wait_for_url(re.compile("entry=1,0"))
    again = str(page.url)
    assert "layer=1" in again and "numbers=fraction" in again and "move=x-1-1:1.5" in again
    page.goto("about:blank")
    page.goto(again)
    assert read(page, "explore-dJda")["now"] == ["a1-2-1"]
    page.goto("about:blank")
    page.goto(f"{path.as_uri()}#part-8")  # a link into a fold opens it
    assert page.locator("#mistakes").is_visible()
    page.close()


# Mistakes


@pytest.mark.parametrize("kind", ["decimal", "fraction"])
def test_each_mistake_turns_exactly_the_wrong_entries_red_and_says_why(page: Page, kind: str) -> None:
    numbers(page, kind)
    chain = RUNS[kind].graph.gradients()
    planted = list(mistakes.mistakes(NET, X.shape[1]))
    assert page.locator("#mistakes label").all_text_contents() == ["none", *(mistake.name for mistake in planted)]
    for k, mistake in enumerate(planted, 1):
        page.check(f"#mistakes input[value='{k}']")
        effect = mistakes._effect(RUNS[kind], mistake)
        tables = page.evaluate(
            """() => Object.fromEntries([...document.querySelectorAll("#mistakes .matrix")].map((table) => [
              table.dataset.array, {
                red: [...table.querySelectorAll(".wrong")].map((c) => [+c.dataset.j, +c.dataset.i]),
                texts: [...table.querySelectorAll("[data-j]")].map((c) => c.firstChild.textContent),
              }]))"""
        )
        assert {name: table["red"] for name, table in tables.items()} == effect["wrong"]
        for name, table in tables.items():
            # the page's entries, against the engine's: red where they differ and nowhere else
            true = getattr(chain, name[:4])[int(name[4:])]
            if kind == "fraction":
                pairs = zip(np.ndenumerate(true), table["texts"], strict=True)
                assert table["red"] == [list(at) for (at, x), text in pairs if scene_text(x) != text]
        marks = "[...document.querySelectorAll('#mistakes .wrong')].map((c) => getComputedStyle(c, '::before').content)"
        assert set(page.evaluate(marks)) == {'"✗ "'}
        assert page.locator("#mistakes .code .out").text_content() == f"✗ {line_number(page)}{mistake.instead}"
        assert page.locator("#mistakes .code .in").text_content() == f"✓ {line_number(page)}{mistake.line}"
        (cause,) = page.locator("#mistakes .cause").all_text_contents()
        assert cause == f"Line {line_number(page).strip()}: {mistake.why}."
        spoilt = [name for name, wrong in effect["wrong"].items() if wrong]
        assert f"It spoils {', '.join(spoilt)}: " in str(page.locator("#mistakes .says").text_content())
    page.check("#mistakes input[value='0']")
    assert page.locator("#mistakes .wrong").count() == 0


def line_number(page: Page) -> str:
    found = re.match(r"✗ (\d+ +)", str(page.locator("#mistakes .code .out").text_content()))
    assert found
    return found[1]


# The page as a whole


def faults(page: Page, *rules: str, without: str = "", within: list[str] | None = None) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    options: dict[str, Any] = {"runOnly": list(rules)} if rules else {}
    if without:
        options["rules"] = {without: {"enabled": False}}
    found = Axe().run(page, context=within, options=options).response["violations"]
    return [f"{rule['id']}: {node['html'][:100]}" for rule in found for node in rule["nodes"]]


def test_axe_finds_no_fault(page: Page) -> None:
    page.check("#mistakes input[value='2']")
    assert faults(page, without="color-contrast") == []
    page.check("#mistakes input[value='0']")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_every_text_clear_to_read(page: Page, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.check("#mistakes input[value='2']")
    each_kind = ["nav", "#predict-1", "#explore-dJda .beside", "#derivation", "#mistakes"]  # of colour; all takes long
    assert faults(page, "color-contrast", within=each_kind) == []
    page.check("#mistakes input[value='0']")
    page.emulate_media(color_scheme="light")


def test_axe_sees_a_planted_fault(page: Page) -> None:
    page.evaluate("document.querySelector('#c2-x').labels[0].htmlFor = ''")
    assert any(fault.startswith("label") for fault in faults(page, "label"))
    page.evaluate("document.querySelector('.chooser label').htmlFor = 'c2-x'")
    page.evaluate("document.querySelector('#predict-1 p').style.color = '#999'")
    assert faults(page, "color-contrast", within=["#predict-1"])
    page.evaluate("document.querySelector('#predict-1 p').style.color = ''")


@pytest.mark.parametrize("kind", ["decimal", "fraction"])
def test_a_phone_needs_no_sideways_scrolling(page: Page, kind: str) -> None:
    desktop = page.viewport_size
    page.set_viewport_size(PHONE)
    numbers(page, kind)
    page.check("#mistakes input[value='3']")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.check("#mistakes input[value='0']")
    assert desktop
    page.set_viewport_size(desktop)


@pytest.fixture
def phone(browser: Any, path: Path) -> Iterator[Page]:
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True, reduced_motion="reduce")
    page = context.new_page()
    page.goto(path.as_uri())
    page.evaluate(OPEN)
    yield page
    context.close()


def in_view(page: Page, selector: str) -> bool:
    """Whether all that the selector finds is on the screen, above the slider at the foot."""
    return bool(
        page.evaluate(
            """selector => {
              const foot = document.querySelector("#mover").getBoundingClientRect().top;
              const boxes = [...document.querySelectorAll(selector)].map((x) => x.getBoundingClientRect());
              const seen = (b) => b.width && b.top >= 0 && b.bottom <= foot && b.left >= 0 && b.right <= innerWidth;
              return boxes.length > 0 && boxes.every(seen);
            }""",
            selector,
        )
    )


def test_what_a_touch_changes_is_on_the_screen_of_a_phone(phone: Page) -> None:
    phone.evaluate("document.querySelector('#explore-dJda .equation').scrollIntoView()")
    for j, i in ((2, 1), (0, 4)):
        entry(phone, "explore-dJda .result-matrix", j, i).tap()
        assert [at for _, *at, _ in read(phone, "explore-dJda")["lit"]["dJda1"]] == [[j, i]]
        for changed in (".chosen", ".lit-w", ".lit-u", ".star .node", ".star .label"):
            assert in_view(phone, f"#explore-dJda {changed}"), changed
    phone.evaluate("document.querySelector('#units').scrollIntoView()")
    phone.locator("#units .node.a1-2-1").tap()
    assert str(phone.locator("#units .sum-line").text_content()).startswith("dJ/da₂⁽¹⁾[1] = ")
    for changed in (".sum-line", ".node.now", ".node.lit"):
        assert in_view(phone, f"#units {changed}"), changed
    phone.evaluate("document.querySelector('#film-main').scrollIntoView()")
    for _ in range(20):
        phone.locator("#film-main button").nth(1).tap()
        assert in_view(phone, "#film-main .panel p")
        assert in_view(phone, "#film-main .node.now")
    assert phone.locator("#mover").is_visible()


def test_targets_of_a_finger_are_40_pixels_high(phone: Page) -> None:
    targets = "button, select, input[type=range], summary, nav a, label:has(input), #units .node"
    small = """targets => [...document.querySelectorAll(targets)]
      .filter((x) => x.checkVisibility() && x.getBoundingClientRect().height < 39.5)
      .map((x) => `${x.outerHTML.slice(0, 80)} ${x.getBoundingClientRect().height}`)"""
    assert phone.evaluate(small, targets) == []


def test_it_prints(page: Page) -> None:
    page.emulate_media(media="print")
    assert not page.locator("#mover").is_visible()
    assert not page.locator(".controls").first.is_visible()
    assert page.locator("#explore-dJda .matrix").first.is_visible()
    assert len(page.pdf()) > 10_000
    breaks = """[...document.querySelectorAll(".formula")].map((formula) => formula.previousElementSibling)
      .filter((text) => text.matches("p")).map((text) => getComputedStyle(text).breakAfter)"""
    assert set(page.evaluate(breaks)) == {"avoid"}  # a formula stays with its text
    page.emulate_media(media="screen")


def test_the_lesson_of_a_report_on_ones_own_code_works(browser: Any, tmp_path: Path) -> None:
    def cost(w: Any) -> Any:
        return np.sum(watch("a", w**2) * 3)

    def gradient(w: Any) -> Any:
        return np.array([6.0, 6.0, 12.0]) * w  # the last is wrong

    report = gradcheck(cost, gradient, np.array([1.0, -2.0, 0.5]), raise_exception=False)
    path = lesson(report).save(tmp_path / "own.html")
    page, said = browser.new_page(), list[str]()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(path.as_uri())
    for i, (yours, agrees) in enumerate([("6", True), ("−12", True), ("6", False)]):
        entry(page, "own", 0, i).hover()
        shown = read(page, "own")
        assert shown["edges"] == [f"v0-{i}--v1-{i}"]
        assert page.locator("#own .yours").text_content() == yours
        assert page.locator("#own .agree").count() == agrees
        assert (shown["total"] == yours) == agrees
        assert ("wrong" in str(entry(page, "own", 0, i).get_attribute("class"))) != agrees
    page.locator("#film-own").focus()
    page.keyboard.press("End")
    assert lines(page, "film-own", "v0-2")[1:] == ["0.5", "3"]
    assert faults(page) == []
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert said == []
    page.close()


def softplus_cost(params: Any, X: Any, y: Any) -> Any:
    h = np.maximum(np.dot(params["W"].T, X) + params["b"], 0)
    return np.mean(np.sqrt((h - y) ** 2 + 1)) + 0.5 * np.sum(np.log1p(np.exp(params["b"]))) / params["W"].size


def softplus_gradients(params: Any, X: Any, y: Any) -> Any:
    z = np.dot(params["W"].T, X) + params["b"]
    r = np.maximum(z, 0) - y
    dz = r / np.sqrt(r**2 + 1) / r.size * (z > 0)
    penalty = 0.5 / (1 + np.exp(-params["b"])) / params["W"].size
    return {"W": np.dot(X, dz.T), "b": dz.sum(axis=1, keepdims=True) + penalty}


def test_a_number_of_ones_own_code_is_moved(browser: Any, tmp_path: Path) -> None:
    def report(w: float) -> Any:
        params = {"W": np.array([[w, -1.0, 0.7], [0.3, 0.4, -0.2]]), "b": np.array([[0.1], [0.2], [-0.3]])}
        data = np.array([[0.5, 1.0, -2.0, 0.25], [1.5, -0.5, 0.75, 1.0]]), np.full((3, 4), 0.4)
        return gradcheck(softplus_cost, softplus_gradients, params, *data)

    path = lesson(report(0.6)).save(tmp_path / "own.html")
    page, said = browser.new_page(), list[str]()
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(path.as_uri())
    assert page.locator("#mover-number").input_value() == "v0-0"
    page.locator("#mover-slider").fill("0.85")
    other = report(0.85)
    true = own_data(other, other.subject)[0]["own"]
    cells = page.locator("#own .matrix button").all_text_contents()
    assert alike(cells, [text for row in true["arrays"][0]["rows"] for text in row])
    for name, node in true["nodes"].items():
        shown = page.locator(f"#own .graph .node.{name} text").all_text_contents()
        assert alike(shown[1:], [node["value"], node["gradient"]]), name
    assert page.locator("#own .yours").count() == 0
    page.get_by_role("button", name="Reset").click()
    assert page.locator("#own .yours").count() == 1
    assert said == []

    odd = gradcheck(lambda w: np.sum(np.arctan(w)), lambda w: 1 / (1 + w**2), np.array([0.5, 1.0]))
    page.goto(lesson(odd).save(tmp_path / "odd.html").as_uri())
    assert page.locator("#own .matrix button").count() == 2
    assert page.locator("#mover").count() == 0  # an operation that the page does not know
    assert said == []
    page.close()


@pytest.mark.parametrize("layer", ["lstm", "two_layer_net", "rnn"])
def test_the_pages_engine_gives_what_python_gives_for_ones_own_code(browser: Any, tmp_path: Path, layer: str) -> None:
    """Of a graph as large as the LSTM's there is no picture and no film, but every entry and every line."""
    code = load(Path(__file__).parents[3] / f"examples/layers/{layer}.py")
    page, said = browser.new_page(), list[str]()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(lesson(checked_file(code, "", 0)).save(tmp_path / "own.html").as_uri())
    given, found = (page.evaluate(x) for x in ("lesson.own.nodes", "scalars(lesson.own, DECIMALS, {}).nodes"))
    assert len(given) > 100
    for name, node in given.items():
        assert alike(found[name], node), name
    assert page.locator("#derivation .derived").count() > 5
    large = len(given) > 200
    assert page.locator("#own > .graph").count() == page.locator("#film-own").count() == (not large)
    if large:
        assert "too large for a film" in str(page.locator("#part-3").text_content())
    assert said == []
    page.close()


def test_a_network_with_softmax_and_identity_works(browser: Any, tmp_path: Path) -> None:
    net = Network([2, 2, 3], ["identity", "softmax"], seed=1)
    path = teach(net, np.array([[0.5], [-1.0]]), np.array([[1], [0], [0]])).save(tmp_path / "other.html")
    page, said = browser.new_page(), list[str]()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(path.as_uri())
    page.evaluate(OPEN)
    entry(page, "explore-dJda .result-matrix", 1, 0).hover()
    shown = read(page, "explore-dJda")
    assert shown["edges"] == [f"z1-2-1--z2-{k}-1" for k in (1, 2, 3)]  # with the identity a is z
    page.locator("#film-main").focus()
    page.keyboard.press("End")
    assert "·" not in lines(page, "film-main", "z1-1-1")
    numbers(page, "fraction")
    assert said == []
    page.close()


def test_a_wide_network_fits_a_phone(browser: Any, tmp_path: Path) -> None:
    path = teach(*example([1, 6, 2], observations=3, seed=9)).save(tmp_path / "wide.html")
    page = browser.new_page(viewport=PHONE)
    page.goto(path.as_uri())
    page.evaluate(OPEN)
    numbers(page, "fraction")
    for k in range(page.locator("input[name=mistake]").count()):
        page.check(f"#mistakes input[value='{k}']")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.close()
