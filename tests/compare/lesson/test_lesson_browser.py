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
from compare.lesson import data, example, lesson, mistakes, teach
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
    found = mistakes.diagnosis  # a search of seconds: one is enough here

    def few(net: Any, X: Any, Y: Any, mistake: Any, seed: int = 0) -> list[str]:
        return found(net, X, Y, mistake, seed) if mistake.name == "wrong sign" else ["a reason"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mistakes, "diagnosis", few)
        page = teach(NET, X, Y)
    return page.save(tmp_path_factory.mktemp("lesson") / "lesson.html")


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
  const id = (g) => [...g.classList].find((c) => !/^(node|edge|lit|now|later|k-.*)$/.test(c));
  const ids = (selector) => [...place.querySelectorAll(selector)].map(id).sort();
  return {
    lit, edges: ids(".edge.lit"), nodes: ids(".node.lit"), now: ids(".node.now"),
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
    run.graph.J_sum.backward()
    for j in range(NET.sizes[layer]):
        for i in range(X.shape[1]):
            button = entry(page, "explore-dJda", j, i)
            button.hover()
            shown = read(page, "explore-dJda")
            column = [(k, i) for k in range(consumers)]
            row = [(j, k) for k in range(consumers)]
            assert [(c, *at) for c, *at, _ in shown["lit"][f"W{layer + 1}"]] == [("lit-w", *at) for at in row]
            assert [(c, *at) for c, *at, _ in shown["lit"][f"dJdz{layer + 1}"]] == [("lit-u", *at) for at in column]
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
            # which are those of the row and the column
            assert shown["locals"] == [text for *_, text in shown["lit"][f"W{layer + 1}"]]
            assert shown["upstreams"] == [text for *_, text in shown["lit"][f"dJdz{layer + 1}"]]

            assert shown["total"] == shown["formula"] == button.text_content() == show(graph.a[layer][j, i].grad)
            add_up(shown, shown["total"], kind == "fraction")


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
        for (j, i), true in np.ndenumerate(getattr(chain, array)[layer]):
            entry(page, explorer, j, i).focus()
            shown = read(page, explorer)
            m = found.graph.costs.size if letter in "bw" else 1
            assert len(shown["products"]) == m
            assert shown["chosen"] == [shown["formula"]] == [scene_text(true)] == [shown["mean"] or shown["total"]]
            add_up(shown, shown["formula"], exact=True, m=m)


def scene_text(x: Any) -> str:
    return f"{x}".replace("-", "−")


def test_every_unit_of_every_observation_shows_its_consumers(page: Page) -> None:
    numbers(page, "fraction")
    graph = RUNS["fraction"].graph
    for i in range(X.shape[1]):
        page.select_option("#unit-observation", str(i + 1))
        for layer in NET.layers:
            for letter, array in (("z", graph.z), ("a", graph.a)):
                for j in range(NET.sizes[layer]):
                    found = contributions(graph.J_sum, array[layer][j, i])
                    page.locator(f"#units .node.{letter}{layer}-{j + 1}-{i + 1}").dispatch_event("click")
                    shown = read(page, "units")
                    assert shown["now"] == [f"{letter}{layer}-{j + 1}-{i + 1}"]
                    assert len(shown["edges"]) == len(set(shown["nodes"])) == len(set(shown["consumers"]))
                    assert shown["products"] == [scene_text(c.product) for c in found]
                    assert shown["total"] == scene_text(array[layer][j, i].grad)
                    add_up(shown, shown["total"], exact=True)


def test_the_observations_stack_as_columns(page: Page) -> None:
    page.select_option("#explore-dJda-layer", "1")
    for option, m in (("1", 1), ("Infinity", X.shape[1])):
        page.select_option("#explore-dJda-columns", option)
        assert page.locator("#explore-dJda button").count() == 3 * m
        assert page.locator("#explore-dJda [data-array=dJdz2] [data-j]").count() == 3 * m
        entry(page, "explore-dJda", 2, m - 1).hover()
        assert read(page, "explore-dJda")["now"] == [f"a1-3-{m}"]


# Keys


def test_arrow_keys_walk_over_a_matrix(page: Page) -> None:
    page.select_option("#explore-dJda-layer", "1")
    entry(page, "explore-dJda", 0, 0).focus()
    for key, at in [
        ("ArrowDown", (1, 0)),
        ("ArrowRight", (1, 1)),
        ("ArrowRight", (1, 1)),
        ("End", (2, 1)),
        ("Home", (0, 0)),
    ]:
        page.keyboard.press(key)
        assert read(page, "explore-dJda")["lit"]["dJda1"][0][1:3] == list(at)
    assert page.locator("#explore-dJda button[tabindex='0']").count() == 1


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


def test_the_film_ends_with_every_value_and_every_gradient(page: Page) -> None:
    run = RUNS["decimal"]
    film = page.locator("#film-main")
    film.focus()
    page.keyboard.press("Home")
    assert lines(page, "film-main", "a1-1-1")[1:] == ["·", "·"]
    page.keyboard.press("End")
    chain, show = run.graph.gradients(), run.scene.number
    for layer in NET.layers:
        for letter, array, values in (
            ("a", chain.dJda, run.graph.a),
            ("z", chain.dJdz, run.graph.z),
            ("w", chain.dJdW, run.graph.W),
            ("b", chain.dJdb, run.graph.b),
        ):
            for (j, i), gradient in np.ndenumerate(array[layer]):
                shown = lines(page, "film-main", f"{letter}{layer}-{j + 1}-{i + 1}")
                assert shown[1:] == [show(values[layer][j, i].data), show(gradient)]
    page.keyboard.press("Home")


def test_each_step_of_the_film_shows_a_scalar_its_consumers_and_the_sum_so_far(page: Page) -> None:
    numbers(page, "fraction")
    film = page.locator("#film-main")
    film.focus()
    page.keyboard.press("Home")
    nodes = data.network_data(RUNS["fraction"])["nodes"]
    seen: dict[str, int] = {}
    forward = 0
    last = page.locator("#film-main-slider").get_attribute("max")
    for step in range(1, int(str(last)) + 1):
        page.keyboard.press("ArrowRight")
        assert page.locator("#film-main output").text_content() == f"{step} / {last}"
        shown = read(page, "film-main")
        (now,) = shown["now"]
        if "Forward" in str(page.locator("#film-main .panel").text_content()):
            forward += 1
            assert lines(page, "film-main", now)[1] == nodes[now]["value"]
            continue
        terms = nodes[now]["terms"]
        seen[now] = count = len(shown["products"])
        assert shown["edges"] == sorted({f"{now}--{term['to']}" for term in terms[:count]})
        assert shown["sums"] == [term["sum"] for term in terms[:count]]
        assert (lines(page, "film-main", now)[2] == nodes[now]["gradient"]) == (count == len(terms))
    assert forward == sum(1 for node in nodes.values() if node["kind"] in "azJ")
    assert seen == {name: len(node["terms"]) for name, node in nodes.items() if node["kind"] != "x"}
    page.keyboard.press("ArrowLeft")
    assert page.locator("#film-main output").text_content() == f"{int(str(last)) - 1} / {last}"
    page.keyboard.press("Home")


def test_the_film_plays_and_pauses(page: Page) -> None:
    page.locator("#film-c2").focus()
    page.keyboard.press("Home")
    play = page.locator("#film-c2 button").nth(1)
    # the test says when a second is over
    page.evaluate(
        "() => { const real = setInterval; window.setInterval = (...given) => (window.clock = {real, given}, 1); }"
    )
    play.click()
    assert page.locator("#film-c2 output").text_content() == "0 / 8"
    assert page.evaluate("() => { clock.given[0](); return clock.given[1]; }") == 1100
    assert page.locator("#film-c2 output").text_content() == "1 / 8"
    assert play.get_attribute("aria-label") == "Pause"
    page.keyboard.press("Escape")
    play.click()
    assert play.get_attribute("aria-label") == "Play"
    page.locator("#film-c2 button").nth(2).click()
    assert page.locator("#film-c2 output").text_content() == "2 / 8"
    page.locator("#film-c2 button").nth(0).click()
    assert page.locator("#film-c2 output").text_content() == "1 / 8"
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
        labels = page.locator("#film-c2 .edge.lit text").all_text_contents()
        assert [label.split(" = ")[1] for label in labels] == shown["products"]


# From a line to its derivative


@pytest.mark.parametrize("kind", ["decimal", "fraction"])
def test_beside_each_derived_line_stands_an_entry_and_what_its_consumers_send_back(page: Page, kind: str) -> None:
    numbers(page, kind)
    chain, run = RUNS[kind].graph.gradients(), RUNS[kind]
    lines = page.locator("#derivation .derived")
    assert lines.count() == 11
    for k in range(lines.count()):
        lines.nth(k).click()
        text = str(lines.nth(k).text_content())
        assert page.locator("#derivation .derived-line").text_content() == text
        name, layer = text[:4], int(text[4])
        for (j, i), true in np.ndenumerate(getattr(chain, name)[layer]):
            entry(page, "derivation", j, i).dispatch_event("click")
            said = str(page.locator("#derivation .star-sum").text_content())
            assert said.startswith(f"{name}{layer}[{j},{i}] = ")
            assert said.endswith(run.scene.number(true))
            consumers = page.locator("#derivation .star .node.lit").count()
            assert consumers == {"dJdz": 1, "dJda": NET.sizes[min(layer + 1, 3)]}.get(name, X.shape[1])
            labels = page.locator("#derivation .star .edge text").all_text_contents()
            if kind == "fraction":
                sums = [label.split(" = ") for label in labels]
                for factors, product in sums:
                    local, upstream = (value(x.strip("()")) for x in factors.split(" × "))
                    assert local * upstream == value(product)
                m = X.shape[1] if name in ("dJdb", "dJdW") else 1
                assert sum(value(product) for _, product in sums) / m == true
    assert page.locator("#derivation .certificate").text_content() == (
        "held against the chain rule over scalars, at these sizes and at others: db3, dW3, db2, dW2, db1, dW1: proved"
    )


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
        for name, wrong in effect["wrong"].items():
            table = page.locator(f"#mistakes [data-array={name}]")
            red = table.evaluate("t => [...t.querySelectorAll('.wrong')].map((c) => [+c.dataset.j, +c.dataset.i])")
            assert red == wrong
            # the page's entries, against the engine's: red where they differ and nowhere else
            true = getattr(chain, name[:4])[int(name[4:])]
            texts = table.evaluate("t => [...t.querySelectorAll('[data-j]')].map((c) => c.firstChild.textContent)")
            if kind == "fraction":
                differ = [
                    list(at) for (at, x), text in zip(np.ndenumerate(true), texts, strict=True) if scene_text(x) != text
                ]
                assert red == differ
        marks = "[...document.querySelectorAll('#mistakes .wrong')].map((c) => getComputedStyle(c, '::before').content)"
        assert set(page.evaluate(marks)) == {'"✗ "'}
        assert page.locator("#mistakes .code .in").text_content() == f"✗ {line_number(page)}{mistake.instead}"
        assert page.locator("#mistakes .diagnosis").count() >= 1
    page.check(f"#mistakes input[value='{len(planted)}']")
    said = " ".join(page.locator("#mistakes .diagnosis").all_text_contents())
    assert "`dJdz3 = Y - a3`, ought to be `dJdz3 = a3 - Y`" in said
    page.check("#mistakes input[value='0']")
    assert page.locator("#mistakes .wrong").count() == 0


def line_number(page: Page) -> str:
    found = re.match(r"− (\d+ +)", str(page.locator("#mistakes .code .out").text_content()))
    assert found
    return found[1]


# The page as a whole


def faults(page: Page) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [f"{rule['id']}: {node['html'][:100]}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault(page: Page, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.check("#mistakes input[value='1']")
    assert faults(page) == []
    page.check("#mistakes input[value='0']")
    page.emulate_media(color_scheme="light")


def test_axe_sees_a_planted_fault(page: Page) -> None:
    page.evaluate("document.querySelector('#c2-x').labels[0].htmlFor = ''")
    assert any(fault.startswith("label") for fault in faults(page))
    page.evaluate("document.querySelector('.chooser label').htmlFor = 'c2-x'")


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


def test_a_tap_chooses_an_entry(browser: Any, path: Path) -> None:
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(path.as_uri())
    entry(page, "explore-dJda", 2, 1).tap()
    assert read(page, "explore-dJda")["now"] == ["a1-3-2"]
    context.close()


def test_it_prints(page: Page) -> None:
    page.emulate_media(media="print")
    assert not page.locator(".controls").first.is_visible()
    assert page.locator("#explore-dJda .matrix").first.is_visible()
    assert len(page.pdf()) > 10_000
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


def test_a_network_with_softmax_and_identity_works(
    browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mistakes, "diagnosis", lambda *_: ["a reason"])
    net = Network([2, 2, 3], ["identity", "softmax"], seed=1)
    path = teach(net, np.array([[0.5], [-1.0]]), np.array([[1], [0], [0]])).save(tmp_path / "other.html")
    page, said = browser.new_page(), list[str]()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(path.as_uri())
    entry(page, "explore-dJda", 1, 0).hover()
    shown = read(page, "explore-dJda")
    assert shown["edges"] == [f"z1-2-1--z2-{k}-1" for k in (1, 2, 3)]  # with the identity a is z
    page.locator("#film-main").focus()
    page.keyboard.press("End")
    assert "·" not in lines(page, "film-main", "w1-1-1")
    numbers(page, "fraction")
    assert said == []
    page.close()


def test_a_wide_network_fits_a_phone(browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mistakes, "diagnosis", lambda *_: ["a reason"])
    path = teach(*example([1, 6, 2], observations=3, seed=9)).save(tmp_path / "wide.html")
    page = browser.new_page(viewport=PHONE)
    page.goto(path.as_uri())
    numbers(page, "fraction")
    for k in range(page.locator("input[name=mistake]").count()):
        page.check(f"#mistakes input[value='{k}']")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.close()
