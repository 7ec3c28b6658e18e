"""The listening test from the command line, its page driven in a real headless Chromium.

Needs selenium, and Debian's packages chromium and chromium-driver (or any Chromium with its chromedriver on the path).
``LISTENING_TEST_SCREENSHOT=FILE.png`` also writes a picture of the page.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import listening_factory as factory
import pytest

from partimento.cli.main import main
from partimento.evaluate.listening_test.store import Ratings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def browser():
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: pip install 'partimento[dev]'")
    program = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
    driver = shutil.which("chromedriver")
    if not program or not driver:
        pytest.skip("no browser: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    # As root, in a container, without a sound card: no sandbox, no shared memory, no output.
    for switch in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--mute-audio", "--lang=en",
                   "--window-size=900,920"):  # fmt: skip
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    page = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield page
    page.quit()


@pytest.fixture
def site(tmp_path):
    """A test served by the real command; gives its folder and address."""
    sources = factory.folders(tmp_path, n_items=2, systems=("alpha", "beta"))
    folder = tmp_path / "test"
    systems = [str(path) for path in sources]
    build = ["listening-test", "build", "--systems", *systems, "--captions", str(tmp_path / "captions.csv"), "--out", str(folder)]
    assert main([*build, "--match-loudness", "--quiet"]) == 0
    command = [sys.executable, "-m", "partimento", "listening-test", "serve", str(folder), "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        found = re.match(r"(http://localhost:\d+/)", server.stdout.readline())
        assert found
        yield folder, found[1]
        server.terminate()


class Page:
    """What a person does on the page."""

    def __init__(self, browser, address):
        from selenium.webdriver.support.ui import WebDriverWait

        self.browser = browser
        self.browser.get(address)
        self.wait = WebDriverWait(browser, 20)
        self.until("document.activeElement.id === 'rater'")

    def run(self, code):
        return self.browser.execute_script(f"return {code}")

    def until(self, code):
        self.wait.until(lambda _: self.run(code), code)

    def type(self, keys):
        self.browser.switch_to.active_element.send_keys(keys)

    def click(self, selector):
        self.browser.find_element("css selector", selector).click()

    def text(self, selector):
        return self.browser.find_element("css selector", selector).text

    def begin(self, name):
        self.run("document.getElementById('rater').select()")
        self.type(name + "\n")
        self.until("!document.getElementById('task').hidden")

    def hear(self, side):
        self.type(side)
        self.until(f"document.getElementById('{side}').dataset.heard === 'yes'")

    def done(self):
        return self.run("document.getElementById('bar').value")


def test_a_rater_with_a_keyboard_and_one_with_a_mouse(browser, site):
    folder, address = site
    page = Page(browser, address)
    assert page.run("document.documentElement.lang") == "en"
    assert page.text("h2") == "What you will do"
    page.begin("Ada")
    assert page.text("#caption").startswith("Caption ")
    assert page.run("document.activeElement.id") == "question"

    # Nothing can be answered before both clips were heard.
    page.type("1\n")
    assert page.run("document.querySelector('input[name=answer]:checked')") is None
    assert page.text("#wait") == "Listen to both clips first."
    page.hear("a")
    assert page.text("#wait") == "Listen to clip B, too."
    assert page.run("document.getElementById('answers').disabled")
    page.hear("b")
    page.type("1")
    assert page.run("document.querySelector('input[name=answer]:checked').value") == "2"
    # In the field for reasons letters and digits are text.
    page.click("#reason")
    page.type("better bass, 5 of 5")
    assert page.run("document.querySelector('input[name=answer]:checked').value") == "2"
    if picture := os.environ.get("LISTENING_TEST_SCREENSHOT"):
        browser.save_screenshot(picture)
    page.click("#next")
    page.until("document.getElementById('bar').value === 1")

    # Closed in the middle, opened again: the name is still there, and so is the place; in Chinese this time.
    page = Page(browser, address)
    assert page.run("document.getElementById('rater').value") == "Ada"
    page.click("[data-language=zh]")
    assert page.run("document.documentElement.lang") == "zh"
    page.begin("Ada")
    assert page.done() == 1
    assert page.text("#question") == "哪个片段更符合这段描述？"
    page.hear("b")
    page.hear("a")
    page.type("3")
    page.type("\n")
    page.until("!document.getElementById('finished').hidden")
    assert page.text("#thanks") == "谢谢！"

    # Another rater, by mouse.
    page = Page(browser, address)
    page.click("[data-language=en]")
    page.begin("Bo")
    for i in (1, 2):
        for side in ("a", "b"):
            page.run(f"document.getElementById('{side}').play().then(() => true)")
            page.until(f"document.getElementById('{side}').dataset.heard === 'yes'")
        page.click("input[value='-2']")
        page.click("#next")
        page.until(f"document.getElementById('bar').value === {i}")
    page.until("!document.getElementById('finished').hidden")

    kept = Ratings(folder).all()
    assert [(r.rater, r.answer) for r in kept if r.rater == 1] == [(1, -2), (1, -2)]
    ada = sorted((r for r in kept if r.rater == 0), key=lambda r: r.answer)
    assert [(r.answer, r.reason, r.language) for r in ada] == [(0, "", "zh"), (2, "better bass, 5 of 5", "en")]
    assert all(r.heard_a_s > 0.3 and r.heard_b_s > 0.3 for r in kept)
    assert [line for line in browser.get_log("browser") if line["level"] == "SEVERE"] == []

    assert main(["listening-test", "report", str(folder)]) == 0
    report = json.loads((folder / "report" / "listening_test.json").read_text())
    assert (report["n_ratings"], report["n_raters"], report["side_a"]) == (4, 2, [1, 1, 2])


def test_the_page_says_when_an_answer_could_not_be_saved(browser, site, tmp_path):
    folder, address = site
    page = Page(browser, address)
    page.click("[data-language=en]")
    page.begin("Cy")
    page.hear("a")
    page.hear("b")
    page.type("4")
    page.run("window.fetch = () => Promise.reject(new Error('the cable is out'))")
    page.type("\n")
    page.until("document.getElementById('status').textContent.includes('the cable is out')")
    assert page.run("document.querySelector('input[name=answer]:checked').value") == "-1"
    assert page.done() == 0
    assert Ratings(folder).all() == ()


def test_everything_has_a_name_and_fits_a_small_screen(browser, site):
    page = Page(browser, site[1])
    page.begin("Di")
    unnamed = page.run(
        "[...document.querySelectorAll('input, textarea, button, audio, progress, fieldset')].filter(node => !("
        "node.labels?.length || node.textContent.trim() || node.getAttribute('aria-label') || "
        "document.getElementById(node.getAttribute('aria-labelledby'))?.textContent)).map(node => node.outerHTML)"
    )
    assert unnamed == []
    browser.set_window_size(500, 900)
    assert page.run("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize(
    ("args", "mentions"),
    [
        (["build", "--systems", "{tmp}/alpha", "--captions", "{tmp}/captions.csv", "--out", "{tmp}/t"], "at least two"),
        (["build", "--systems", "{tmp}/alpha", "{tmp}/none", "--captions", "{tmp}/captions.csv", "--out", "{tmp}/t"], "none"),
        (["build", "--systems", "{tmp}/alpha", "{tmp}/beta", "--captions", "{tmp}/none.csv", "--out", "{tmp}/t"], "none.csv"),
        (["serve", "{tmp}"], "holds no listening test"),
        (["report", "{tmp}"], "holds no listening test"),
        (["report", "{tmp}/test"], "nobody has rated"),
        (["serve", "{tmp}/test", "--port", "99999"], "--port 99999"),
        (["serve", "{tmp}/test", "--host", "192.0.2.1"], "cannot listen"),
    ],
)
def test_bad_input_is_one_line(tmp_path, capsys, args, mentions):
    factory.make(tmp_path, n_items=1, systems=("alpha", "beta"))
    assert main(["listening-test", *(a.format(tmp=tmp_path) for a in args)]) == 2
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 1
    assert mentions in errors[0]
