"""The report as readers have it: in a browser, without a network, with programs that would like to do harm."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import report_runs

from trialbox.client import CaseResult, Evaluation, ProgramException, Trust, Verdict
from trialbox.synthesis.report import write_report
from trialbox.synthesis.store import ErrorClass, RunView

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: make synthesis installs it")

CHROMIUM = Path("/usr/bin/chromium")
WIDE, NARROW = {"width": 1400, "height": 900}, {"width": 390, "height": 844}
PLOTS = ["pass-at-k", "outcomes", "shares", "tokens"]

NOTHING_CHOSEN = """panel => {
    for (const field of document.getElementById(`panel-${panel}`).querySelectorAll("input, select")) {
        field.value = "";
        field.dispatchEvent(new Event("change"));
    }
}"""

# Each plot as wide as its place, in the page's colour.
DRAWN_AS_THE_PAGE = """names => names.every(name => {
    const plot = document.getElementById(`plot-${name}`);
    const colours = [plot.querySelector(".xtick text"), document.body].map((each) => getComputedStyle(each));
    return plot.querySelector(".main-svg").clientWidth === plot.clientWidth && colours[0].fill === colours[1].color;
})"""

PROGRAM = "def add(a, b):\n    return a - b"
RUN = report_runs.run_of(
    {
        "Mbpp/11": [("def add(a, b):\n    return a + b", report_runs.PASSED)] * 3 + [(PROGRAM, report_runs.failed())],
        "Mbpp/12": [(None, None)] * 4,
        "Mbpp/13": [
            ("x = ", report_runs.failed(ErrorClass.SYNTAX, message="SyntaxError: no")),
            ("y = 1", report_runs.PASSED),
            ("y = 2", report_runs.PASSED),
            ("y = 3", None),
        ],
    },
    around="Here you are:\n{}\n[DONE]",
)

# Ends the element that it might stand in, in each of the ways that HTML knows, and then runs.
MARKUP = (
    "<!--<script>--></script></style></textarea></title></pre><script>window.ran = 1</script>"
    "<img src=x onerror='window.ran = 2'><a href='javascript:window.ran = 3'>x</a>"
    "<svg onload='window.ran = 4'>{{ 7 * 6 }}${window.ran = 5}\"'`\\u003c"
)
HIDDEN = {
    "\u202e": "U+202E",
    "\u2028": "U+2028",
    "\ud800": "U+D800",
    "\x00": "U+0000",
    "\x1b": "U+001B",
    "\r": "U+000D",
}
HOSTILE = MARKUP + "".join(HIDDEN)
SEEN = MARKUP + "".join(HIDDEN.values())
HOSTILE_SETTING = MARKUP + "".join(f"⟨{shown}⟩" for shown in HIDDEN.values())


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip("needs Debian's chromium: make browser installs it")
    with playwright.sync_playwright() as driver:
        # Root, as which the tests run, may not use the browser's own sandbox.
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(chromium: Any, path: Path, *, address: str = "", offline: bool = True) -> Iterator[Any]:
    """The report on a page with its tables; nothing may be asked of anyone meanwhile, and nothing go wrong."""
    context = chromium.new_context(offline=offline, viewport=WIDE)
    page = context.new_page()
    asked: list[str] = []
    problems: list[str] = []

    def on_dialog(dialog: Any) -> None:
        problems.append(dialog.message)
        dialog.dismiss()

    context.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", on_dialog)
    page.goto(f"{path.as_uri()}{address}")
    page.wait_for_selector("html[data-ready]")
    yield page
    assert problems == []
    assert asked == [f"{path.as_uri()}{address}".partition("#")[0]]
    context.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(RUN, tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def one_page(chromium: Any, report: Path) -> Iterator[Any]:
    with opened(chromium, report) as page:
        yield page


@pytest.fixture
def page(one_page: Any) -> Any:
    """The report of RUN as it is at first: opening it anew for each test would take most of the time."""
    one_page.keyboard.press("Escape")
    one_page.get_by_role("tab", name="Tasks").click()
    for panel in ("tasks", "programs"):
        one_page.evaluate(NOTHING_CHOSEN, panel)
    return one_page


def written(run: RunView, folder: Path) -> Path:
    path = folder / "report.html"
    write_report(run, path)
    return path


def column(page: Any, panel: str, number: int) -> list[str]:
    """What stands in a column of the table that a panel holds."""
    return [text.strip() for text in page.locator(f"#panel-{panel} tbody tr > :nth-child({number})").all_inner_texts()]


def sort(page: Any, title: str) -> None:
    page.get_by_role("button", name=title, exact=True).click()


def test_it_opens_without_a_network_and_says_what_came_of_the_run(page: Any) -> None:
    head = " ".join(page.locator("header").inner_text().split())
    assert "tests/small" in head
    assert "Tasks solved 2 of 3 66.7 %, interval 0.0 to 100.0 %" in head
    # 3 of 4, 0 of 4, and of the last task's three that are graded 2; every task counts alike.
    assert "Samples that solve 5 of 11 47.2 %, interval 0.0 to 75.0 %" in head
    assert "pass@1 47.2 %" in head
    assert "1 samples are not graded yet" in head


def test_plots_and_tables_fit_every_screen_in_light_and_dark(page: Any, tmp_path: Path) -> None:
    page.wait_for_selector("html[data-ready=plots]")
    for name in PLOTS:
        assert page.locator(f"#plot-{name} .g-xtitle text").text_content()
    assert page.locator("#plot-pass-at-k .g-ytitle text").text_content() == "pass@k, % of tasks"
    for scheme, viewport in itertools.product(["light", "dark"], [WIDE, NARROW]):
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(DRAWN_AS_THE_PAGE, arg=PLOTS)
        page.screenshot(path=tmp_path / f"{scheme}-{viewport['width']}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        page.locator("#panel-tasks tbody tr").first.click()
        page.locator("dialog").wait_for()
        page.screenshot(path=tmp_path / f"{scheme}-{viewport['width']}-task.png")
        assert page.evaluate("document.querySelector('dialog').scrollWidth") <= viewport["width"]
        page.keyboard.press("Escape")
    page.set_viewport_size(WIDE)


def test_a_click_on_a_column_sorts_by_it_and_another_turns_the_order(page: Any) -> None:
    head = page.get_by_role("columnheader", name="Samples pass")
    assert head.get_attribute("aria-sort") == "none"
    sort(page, "Samples pass")
    assert (head.get_attribute("aria-sort"), column(page, "tasks", 1)) == (
        "descending",
        ["Mbpp/11", "Mbpp/13", "Mbpp/12"],
    )
    sort(page, "Samples pass")
    assert (head.get_attribute("aria-sort"), column(page, "tasks", 1)) == (
        "ascending",
        ["Mbpp/12", "Mbpp/13", "Mbpp/11"],
    )
    sort(page, "Task")
    assert column(page, "tasks", 1) == ["Mbpp/11", "Mbpp/12", "Mbpp/13"]


def test_text_and_kind_filter_the_tasks_together(page: Any) -> None:
    page.locator("#tasks-kind").select_option("solved")
    assert column(page, "tasks", 1) == ["Mbpp/11", "Mbpp/13"]
    page.get_by_label("Filter by text").first.fill("pp/13")
    assert column(page, "tasks", 1) == ["Mbpp/13"]
    assert page.locator("#panel-tasks [role=status]").inner_text() == "1 to 1 of 1 task"
    page.locator("#tasks-kind").select_option("with no code")
    assert column(page, "tasks", 1) == []
    assert page.locator("#panel-tasks [role=status]").inner_text() == "No tasks"


def test_a_click_on_a_task_shows_its_programs_with_their_verdicts_and_answers(page: Any) -> None:
    page.get_by_role("cell", name="3 of 4").click()
    task = page.get_by_role("dialog", name="Mbpp/11")
    assert "Write a function." in task.inner_text()
    assert "3 samples came to this program" in task.locator("#program").inner_text()
    task.get_by_role("link", name="program 2").click()
    program = task.locator("#program")
    program.get_by_text("1 sample came to this program").wait_for()
    assert program.locator(".source").inner_text().rstrip("\n") == PROGRAM
    cells = program.locator("tbody tr").first.locator("th, td").all_inner_texts()
    assert cells == ["test_list[0]", "FAILED", "not equal", "4", "3", "SEPARATED", "2"]
    program.get_by_text("Sample 3: seed 9223372036854775804").click()
    assert program.get_by_label("Answer of sample 3").inner_text() == f"Here you are:\n{PROGRAM}\n[DONE]"
    assert program.get_by_label("Prompt").inner_text() == "You are an expert."


def test_each_program_is_a_click_away_from_the_table_of_programs(page: Any) -> None:
    page.get_by_role("tab", name="Programs").click()
    page.locator("#programs-kind").select_option("syntax")
    assert column(page, "programs", 1) == ["Mbpp/13 · 1"]
    page.locator("#panel-programs tbody tr").click()
    page.locator("dialog #program", has_text="SyntaxError: no").wait_for()


def test_the_keyboard_reaches_a_program_and_comes_back(page: Any) -> None:
    page.get_by_role("tab", name="Tasks").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#panel-programs").is_visible()
    page.keyboard.press("ArrowLeft")
    link = page.locator("#panel-tasks tbody a").nth(1)
    while not link.evaluate("each => each === document.activeElement"):
        assert not page.locator("dialog").is_visible()
        page.keyboard.press("Tab")
        assert page.locator(":focus").count(), "the keyboard passed by"
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name="Mbpp/12").wait_for()
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="hidden")
    assert link.evaluate("each => each === document.activeElement")


def test_thousands_of_rows_are_shown_a_page_at_a_time(chromium: Any, tmp_path: Path) -> None:
    with opened(chromium, written(report_runs.many(120, 20), tmp_path)) as page:
        assert len(column(page, "tasks", 1)) == 50
        page.locator("#panel-tasks").get_by_role("button", name="Next").click()
        assert column(page, "tasks", 1)[0] == "Mbpp/61"
        page.locator("#panel-tasks").get_by_role("button", name="Next").click()
        assert len(column(page, "tasks", 1)) == 20
        assert page.locator("#panel-tasks").get_by_role("button", name="Next").is_disabled()
        assert page.locator("#panel-programs tbody tr").count() == 50


def test_base_cases_and_those_added_are_told_apart(chromium: Any, tmp_path: Path) -> None:
    evaluation = Evaluation(cases=(*report_runs.PASSED.cases, *report_runs.failed().cases))
    run = report_runs.run_of({"Mbpp/2": [("x = 1", evaluation)]}, base_cases=1, case_names=("base/0", "plus/0"))
    with opened(chromium, written(run, tmp_path), address="#task=0") as page:
        program = page.locator("#program")
        assert "which passes the base cases" in program.inner_text()
        assert program.locator("tbody td:nth-child(2)").all_inner_texts() == ["base", "plus"]
        program.get_by_label("Only the 1 that did not pass").check()
        assert program.locator("tbody th").all_inner_texts() == ["plus/0"]


def test_a_chat_is_shown_turn_by_turn(chromium: Any, tmp_path: Path) -> None:
    chat = '[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Add\\nthem."}]'
    run = report_runs.run_of({"Mbpp/2": [("x = 1", None)]}, shown=chat)
    with opened(chromium, written(run, tmp_path), address="#task=0") as page:
        page.get_by_text("Sample 0:").click()
        assert page.get_by_label("Turn of the user").inner_text() == "Add\nthem."


def test_of_a_recorded_sample_only_what_is_known_is_shown(chromium: Any, tmp_path: Path) -> None:
    run = report_runs.run_of({"Mbpp/2": [("x = 1", None)]})
    unknown: dict[str, Any] = {"prompt_id": None, "seed": None, "temperature": None, "tokens": None, "seconds": None}
    recorded = replace(run, settings={}, sample_rows=[replace(row, **unknown) for row in run.sample_rows])
    with opened(chromium, written(recorded, tmp_path), address="#task=0") as page:
        assert page.locator("h1").text_content() == "Recorded samples"
        page.get_by_text("Sample 0: ended by stop", exact=True).click()
        page.get_by_label("Answer of sample 0").wait_for()
        assert page.get_by_text("What the model was shown").count() == 0


def hostile_run() -> report_runs.MemoryRun:
    """A run in which every text there is would like to be more than that."""
    case = CaseResult(
        verdict=Verdict.ERROR,
        trust=Trust.SHARED,
        message=HOSTILE,
        actual=HOSTILE,
        expected=HOSTILE,
        wall_seconds=0.0,
        shared_reason=HOSTILE,
        exception=ProgramException(type="TypeError"),
    )
    answers = {HOSTILE: [(HOSTILE, Evaluation(cases=(case,)))]}
    run = report_runs.run_of(answers, shown=HOSTILE, prompt=HOSTILE, case_names=(HOSTILE,))
    return replace(
        run,
        settings={"model": HOSTILE, "tasks": HOSTILE, "prompts": {HOSTILE: HOSTILE, "examples": [HOSTILE]}},
        tasks=[replace(task, note=HOSTILE, reference=HOSTILE) for task in run.tasks],
        sample_rows=[replace(sample, text=HOSTILE, finish_reason=HOSTILE) for sample in run.sample_rows],
    )


def test_what_models_and_programs_wrote_is_text_and_nothing_else(chromium: Any, tmp_path: Path) -> None:
    # With a network, so that a request would be seen.
    with opened(chromium, written(hostile_run(), tmp_path), offline=False) as page:
        assert page.locator("h1").text_content() == f"{HOSTILE_SETTING} on {HOSTILE_SETTING}"
        page.get_by_role("tab", name="Programs").click()
        page.locator("#panel-programs tbody tr").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_text("Reference", exact=True).click()
        dialog.get_by_text("Sample 0:").click()
        dialog.get_by_label("Answer of sample 0").wait_for()
        assert dialog.locator("h2").text_content() == SEEN
        for label in ("What the data set says", "Answer of sample 0", "Prompt"):
            assert dialog.get_by_label(label, exact=True).text_content() == SEEN
        for label in ("Program", "Reference"):
            assert dialog.get_by_label(label, exact=True).text_content() == f"{SEEN}\n"
        cells = dialog.locator("tbody tr").locator("th, td").all_text_contents()
        assert cells == [SEEN, "ERROR", SEEN, SEEN, SEEN, f"SHARED: {SEEN}", "0"]
        assert page.locator("img, iframe, [onerror], [onload], a[href^=javascript]").count() == 0
        assert page.evaluate("window.ran") is None


def test_a_program_of_millions_of_marks_is_shown_in_part(chromium: Any, tmp_path: Path) -> None:
    run = report_runs.run_of({"Mbpp/2": [("\u202e" * 4_000_000, report_runs.PASSED)]})
    with opened(chromium, written(run, tmp_path), address="#task=0") as page:
        assert page.locator("#program .invisible").count() == 20_000
        program = page.get_by_label("Program", exact=True)
        assert program.locator("em").text_content() == "… and 3,980,000 characters more"


def test_markup_that_got_onto_the_page_could_not_run_or_call_home(chromium: Any, report: Path, tmp_path: Path) -> None:
    unguarded = tmp_path / "unguarded.html"
    unguarded.write_text("<!doctype html><html data-ready=tables>")
    assert harm(chromium, unguarded) == (True, True)
    assert harm(chromium, report) == (False, False)


class Listener(BaseHTTPRequestHandler):
    """Answers everything, and knows that it was asked."""

    def do_GET(self) -> None:
        self.server.asked = True  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def harm(chromium: Any, path: Path) -> tuple[bool, bool]:
    """Put a script and markup onto a page; say whether the script ran, and whether a server was asked for anything."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]")
    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        server.asked = False  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        ran = page.evaluate(
            """async address => {
                const script = document.createElement("script");
                script.textContent = "window.ran = true";
                document.body.append(script);
                const ways = ["<img src='A'>", "<iframe src='A'></iframe>", "<link rel=stylesheet href='A'>"];
                document.body.insertAdjacentHTML("beforeend", ways.join("").replaceAll("A", address));
                // Answered or refused, in either case after the others began.
                await fetch(address, { mode: "no-cors" }).catch(() => null);
                return window.ran ?? false;
            }""",
            f"http://127.0.0.1:{server.server_port}",
        )
        server.shutdown()
        thread.join()
        asked = server.asked  # type: ignore[attr-defined]
    context.close()
    return ran, asked
