"""The quizzes: in the pages, as HTML, and in a browser without and with the script."""

import re
import shutil
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from project import find_project
from quiz import parse_quiz
from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "book" / "_static"
PAGE = """\
# Page

```{quiz} page-one
Which of `a` and `b`?

- [ ] Neither.

  There *is* one.
- [x] The first.

  It is.
- [ ] The second.

  It is not.
```

```{quiz} page-several
What is even?

- [x] Two.

  Yes.
- [ ] Three.

  No.
- [x] $4$

  Yes, too.
```
"""


def quizzes():
    """All quizzes of the book: page and question."""
    for page in find_project().pages():
        for name, body in re.findall(
            r"^```\{quiz\} (\S+)\n(.*?)^```$", page.text(), re.MULTILINE | re.DOTALL
        ):
            yield page.name, parse_quiz(name, body.splitlines())


def test_the_book_has_a_hundred_questions_each_with_its_own_name():
    found = list(quizzes())

    assert len(found) >= 100
    assert [name for name, n in Counter(one.name for _, one in found).items() if n > 1] == []


def test_the_right_option_is_not_given_away_by_its_place_or_length():
    single = [one for _, one in quizzes() if not one.several]
    places = Counter(next(i for i, o in enumerate(q.options) if o.right) for q in single)
    longest = sum(max(q.options, key=lambda option: len(option.text)).right for q in single)

    assert all(places[place] > len(single) / 8 for place in range(3))
    assert longest < 0.45 * len(single)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page with two quizzes, built by Sphinx, with the book's style sheet and script."""
    folder = tmp_path_factory.mktemp("quiz")
    (folder / "conf.py").write_text(
        "from book_directives import QuizQuestion\n"
        'extensions = ["myst_parser"]\n'
        'html_theme = "basic"\nhtml_css_files = ["book.css"]\nhtml_static_path = ["static"]\n'
        'html_js_files = [("quiz.js", {"defer": "defer"})]\n'
        'def setup(app):\n    app.add_directive("quiz", QuizQuestion)\n',
        encoding="utf-8",
    )
    (folder / "index.md").write_text(PAGE, encoding="utf-8")
    (folder / "static").mkdir()
    for name in ("book.css", "quiz.js"):
        shutil.copy(STATIC / name, folder / "static")
    app = Sphinx(folder, folder, folder / "out", folder / "trees", "html", status=None)
    app.build()
    return folder / "out" / "index.html"


class Tags(HTMLParser):
    """Checks that tags are closed in order, and notes where paragraphs stand."""

    void = ("meta", "link", "input", "br", "hr", "img")

    def __init__(self):
        super().__init__()
        self.open, self.faults = [], []

    def handle_starttag(self, tag, attrs):
        if tag in ("p", "div") and {"label", "legend"} & set(self.open):
            self.faults.append(f"<{tag}> in {self.open}")
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if self.open.pop() != tag:
            self.faults.append(f"</{tag}>")


def test_the_markup_is_valid_and_every_input_has_a_label(page):
    html = page.read_text(encoding="utf-8")
    part = html[html.index("<fieldset") : html.rindex("</fieldset>") + len("</fieldset>")]

    tags = Tags()
    tags.feed(part)

    assert (tags.open, tags.faults) == ([], [])
    assert part.count("<label><input") == part.count("<input ") == 6
    assert part.count('type="radio" name="page-one"') == 3
    assert part.count('type="checkbox" name="page-several"') == 3
    assert "<legend>Which of <code" in part
    assert part.count("Several may hold.") == 1
    assert 'value="right" aria-label="4"' in part  # a formula alone would be no name


@pytest.fixture
def browser(page, driver):
    """A browser that shows the page and remembers no score."""
    driver.get(page.as_uri())
    driver.execute_script("localStorage.clear()")
    driver.get(page.as_uri())
    return driver


def shown(browser):
    """The explanations that can be seen."""
    found = browser.find_elements("css selector", ".quiz-why")
    return [one.text for one in found if one.is_displayed()]


def test_a_choice_shows_its_explanation_and_counts_the_first_try(browser):
    from selenium.webdriver.common.keys import Keys

    first, second = browser.find_elements("css selector", "[name=page-one]")[:2]
    assert shown(browser) == []

    first.send_keys(Keys.SPACE)
    assert shown(browser) == ["Wrong. There is one."]
    spoken = browser.find_element("css selector", "[role=status]")
    assert spoken.get_attribute("textContent") == "Wrong. There is one."
    first.send_keys(Keys.ARROW_DOWN)  # by keyboard to the next one
    assert second.is_selected()
    assert shown(browser) == ["Right. It is."]
    score = browser.find_element("css selector", ".quiz-score")
    assert "0 of 2 on this page, 0 of 1 answered in the book" in score.text


def test_several_right_options_count_once_all_are_chosen_and_the_score_stays(browser):
    two, _, four = browser.find_elements("css selector", "[name=page-several]")

    two.click()
    assert "kept in this browser" in browser.find_element("css selector", ".quiz-score").text
    four.click()
    assert "1 of 2 on this page" in browser.find_element("css selector", ".quiz-score").text
    browser.refresh()
    assert "1 of 2 on this page" in browser.find_element("css selector", ".quiz-score").text
    assert shown(browser) == []
    browser.find_element("css selector", ".quiz-score button").click()
    assert "kept in this browser" in browser.find_element("css selector", ".quiz-score").text


def press(browser, text):
    buttons = browser.find_elements("css selector", ".quiz-score button")
    next(button for button in buttons if button.text == text).click()


def test_a_review_opens_what_was_wrong_at_the_first_try(browser):
    first, second, _ = browser.find_elements("css selector", "[name=page-one]")
    for number in (0, 2):
        browser.find_elements("css selector", "[name=page-several]")[number].click()
    first.click()
    second.click()

    press(browser, "Review")

    assert shown(browser)[:3] == ["Wrong. There is one.", "Right. It is.", "Wrong. It is not."]
    assert len(shown(browser)) == 3 + 2  # of the other, which was right, what was chosen
    assert "1 to look at again" in browser.find_element("css selector", ".quiz-score").text
    press(browser, "Close the review")
    assert shown(browser)[0] == "Right. It is."


def test_shuffling_changes_the_order_and_nothing_else(browser):
    browser.find_elements("css selector", "[name=page-one]")[1].click()
    labels = "[...document.querySelectorAll('fieldset:first-of-type label')]"
    texts = f"return {labels}.map((label) => label.textContent)"
    before, orders = browser.execute_script(texts), set()

    for _ in range(90):  # one of six orders is missing once in two million times
        press(browser, "Shuffle the options")
        orders.add(tuple(browser.execute_script(texts)))

    assert len(orders) == 6
    assert all(sorted(order) == sorted(before) for order in orders)
    assert shown(browser) == ["Right. It is."]


def test_without_a_script_explanations_are_shown_too(browser):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.refresh()

    browser.find_elements("css selector", "[name=page-one]")[2].click()

    assert shown(browser) == ["Wrong. It is not."]


FULL = "Storage.prototype.setItem = () => { throw new Error('full'); };"
FORBIDDEN = "Storage.prototype.getItem = Storage.prototype.setItem = () => { throw new Error(); };"


@pytest.mark.parametrize("trouble", [FULL, FORBIDDEN], ids=["full", "forbidden"])
def test_where_nothing_is_kept_the_page_says_so_and_forgets_nothing(browser, trouble):
    browser.execute_script(trouble)

    browser.find_element("css selector", "[name=page-one]").click()
    for number in (0, 2):
        browser.find_elements("css selector", "[name=page-several]")[number].click()

    score = browser.find_element("css selector", ".quiz-score")
    assert "1 of 2 on this page" in score.text
    assert "This browser keeps nothing for this site" in score.text
    press(browser, "Review")
    assert "1 to look at again" in score.text


def test_starting_over_by_keyboard_leads_to_the_first_question(browser):
    from selenium.webdriver.common.keys import Keys

    first = browser.find_element("css selector", "[name=page-one]")
    first.click()

    browser.find_element("css selector", ".quiz-score button").send_keys(Keys.ENTER)

    assert browser.switch_to.active_element == first
    assert not first.is_selected()
    spoken = browser.find_element("css selector", "[role=status]").get_attribute("textContent")
    assert spoken == "The answers on this page are cleared."
