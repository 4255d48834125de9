"""The web page in a real browser, served by uvicorn on loopback."""

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from companion.chatbot import Chatbot
from companion.errors import DocumentError, UnknownModelError
from companion.rag.documents import Document, Hit
from companion.tools import Tool, Toolbox

pytest.importorskip("selenium")
pytest.importorskip("uvicorn")

import uvicorn
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from companion.chatbot.archive import Archive
from companion.chatbot.web import build_app
from tests.chromium import ABSENT
from tests.chromium import chromium as start_chromium

TOOL_CALL = '<tool_call>{"name": "delete_file", "arguments": {"path": "<b>.txt"}}</tool_call>'
READ = threading.Event()
"""Set when a slow document may be read."""

ATTACK = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
LINKS = (
    "[a](javascript:document.title='owned') [b](data:text/html,x) [c](//example.org/x) "
    "![d](https://example.org/d.png) [e](vbscript:x) [f](https://example.org/)"
)
MARKDOWN = r"""A **bold** word, $x^2$ and \(y\), for $5 or $10.

```python
def f(x):
    return x  # <b>
```

| a | b |
|---|--:|
| 1 | 2 |

1. one
2. two

\[ \frac{a}{b} \]

So \[ c^2 \] and $$d^2$$ in a sentence, `\[ e \]`, \\[ f \\] and $$.

- [link][later]

#### Small heading

[later]: https://example.org/later
"""
KEY = "k" * 43

pytestmark = pytest.mark.skipif(bool(ABSENT), reason=str(ABSENT))


class PageBackend:
    """Repeats what was said; counts slowly, or calls a tool, when asked to."""

    context_length, models = 4000, ["page-chat", "other"]

    def count_tokens(self, messages: list[dict]) -> int:
        return sum(len((message["content"] or "").split()) for message in messages)

    def bind_tools(self, toolbox: Toolbox) -> "PageBackend":
        return self

    def stream(self, messages: list[dict], params: object) -> Iterator[str]:
        text = messages[-1]["content"]
        if "count" in text:
            for number in range(500):
                yield f"{number} "
                time.sleep(0.02)
        if "delete" in text and messages[-1]["role"] == "user":
            text = '{"name": "delete_file", "arguments": {"path": "<b>.txt"}}'
        if "compute" in text and messages[-1]["role"] == "user":
            text = f"Let me compute.\n{TOOL_CALL}"
        if text.startswith("Answer the question"):
            text = text.splitlines()[-1].removeprefix("Question: ")
        for number, word in enumerate((MARKDOWN if text == "markdown" else text).split(" ")):
            yield f" {word}" if number else word


class Library:
    """Finds a passage, and takes files."""

    def __init__(self) -> None:
        self.files: list[str] = []

    def search(self, query: str, k: int) -> list[Hit]:
        metadata = {"source": "a <b>.md", "page": 3, "heading": "Where"}
        document = Document(f"A passage. {ATTACK}", metadata)
        return [Hit(document, 1.0)] if "where" in query else []

    def names(self) -> list[str]:
        return list(self.files)

    def add(self, name: str, data: bytes) -> None:
        if b"slow" in data:
            READ.wait(20)
        if b"bad" in data:
            raise DocumentError(f"{name} can't be read")
        self.files.append(name)

    def remove(self, name: str) -> None:
        self.files.remove(name)


def delete_file(path: str) -> str:
    """Delete a file.

    Args:
        path: Which one.
    """
    return f"deleted {path}"


def make_bot() -> Chatbot:
    tool = replace(Tool.from_function(delete_file), needs_approval=True)
    return Chatbot(PageBackend(), retriever=Library(), tools=Toolbox([tool]))


def switch(bot: Chatbot, model: str) -> None:
    if model not in PageBackend.models:
        raise UnknownModelError(f"there is no model {model}")
    bot.backend = PageBackend()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    config = uvicorn.Config("", host="127.0.0.1", port=0, log_level="error", ws="none")
    listener = config.bind_socket()
    port = listener.getsockname()[1]
    archive = Archive(tmp_path_factory.mktemp("talks"))
    config.app = build_app(
        make_bot, port=port, title="page-chat", archive=archive, switch=switch, key=KEY
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}/#key={KEY}"
    server.should_exit = True
    thread.join(20)
    listener.close()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    profile = tmp_path_factory.mktemp("profile")
    before = {name: os.environ.get(name) for name in ("NO_PROXY", "no_proxy")}
    os.environ.update(dict.fromkeys(before, "127.0.0.1,localhost"))
    with start_chromium(
        flags=("--window-size=1280,900", f"--user-data-dir={profile}"),
        logs=("browser",),
        downloads=profile / "downloads",
    ) as driver:
        driver.downloads = profile / "downloads"
        yield driver
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture
def page(chromium: webdriver.Chrome, address: str) -> webdriver.Chrome:
    chromium.get("about:blank")  # another fragment alone would load nothing
    chromium.get(address)
    wait(chromium, lambda: ready(chromium))
    begin(chromium)
    return chromium


def ready(page: webdriver.Chrome) -> bool:
    return "ready" in find(page, "body").get_attribute("class")


def begin(page: webdriver.Chrome) -> None:
    """Begin a conversation, as its button does where it can be seen."""
    page.execute_script("document.getElementById('new').click()")
    wait(page, lambda: not turns(page) and page.title == "page-chat")


def wait(page: webdriver.Chrome, condition) -> None:
    WebDriverWait(page, 15, 0.02).until(lambda _: condition())


def find(page: webdriver.Chrome, selector: str):
    return page.find_element(By.CSS_SELECTOR, selector)


def texts(page: webdriver.Chrome, selector: str) -> list[str]:
    script = (
        "return [...document.querySelectorAll(arguments[0])].map((one) => one.innerText.trim())"
    )
    return page.execute_script(script, selector)


def turns(page: webdriver.Chrome) -> list[str]:
    return texts(page, "#log .bubble, #log .prose")


def at_rest(page: webdriver.Chrome) -> bool:
    return find(page, "#send").is_displayed()


def say(page: webdriver.Chrome, text: str, key: str = Keys.ENTER) -> None:
    count = len(turns(page))
    find(page, "#text").send_keys(text, key)
    wait(page, lambda: len(turns(page)) == count + 2 and at_rest(page))


def press(page: webdriver.Chrome, label: str, where: str = "#log") -> None:
    """Press the last button that has this label and can be seen."""
    buttons = page.find_elements(By.CSS_SELECTOR, f"{where} button")
    next(one for one in buttons[::-1] if one.text == label and one.is_displayed()).click()


# What is said.


def test_a_message_is_answered(page) -> None:
    say(page, "hello there")

    assert turns(page) == ["hello there", "hello there"]
    assert find(page, "#text").get_attribute("value") == ""
    assert find(page, "#state").get_attribute("textContent") == "The answer is complete."
    assert page.switch_to.active_element.get_attribute("id") == "text"


def test_markdown_is_shown(page) -> None:
    say(page, "markdown")

    kinds = "strong, .code pre code.language-python, td.right, ol > li, .katex, h3"
    found = page.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map((one) => one.tagName)",
        ", ".join(f".prose {kind}" for kind in kinds.split(", ")),
    )
    assert sorted(set(found)) == ["CODE", "H3", "LI", "SPAN", "STRONG", "TD"]
    assert len(page.find_elements(By.CSS_SELECTOR, ".prose .katex")) == 5
    assert "for $5 or $10." in turns(page)[1]
    assert find(page, ".prose a").get_attribute("href") == "https://example.org/later"


def test_code_can_be_copied(page) -> None:
    page.execute_cdp_cmd(
        "Browser.grantPermissions",
        {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]},
    )
    say(page, "markdown")

    find(page, ".code-head button").click()
    wait(page, lambda: find(page, ".code-head button").text == "Copied")

    copied = page.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert copied == "def f(x):\n    return x  # <b>\n"


def test_a_text_that_grows_ends_as_the_whole(page) -> None:
    """Whatever the pieces: a list that goes on after a blank line, a reference explained later."""
    text = (
        f"{MARKDOWN}\n1. x\n\n2. y\n\n    more\n\n> a\nb\n\n~~~\n# no heading\n\n~~~\n\n# H\n## I"
    )
    same = page.execute_async_script(
        """
        const [text, done] = arguments;
        (async () => {
          const { Prose } = await import("/prose.js");
          const whole = document.createElement("div"), grown = document.createElement("div");
          new Prose(whole).finish(text);
          const results = [];
          for (const size of [1, 3, 7, 50]) {
            grown.replaceChildren();
            const prose = new Prose(grown);
            for (let at = 0; at < text.length; at += size) {
              prose.add(text.slice(at, at + size));
              prose.update();
            }
            const before = grown.children.length;
            prose.finish(text);
            results.push(whole.innerHTML === grown.innerHTML && before > 5);
          }
          return results;
        })().then(done, (error) => done(String(error)));
        """,
        text,
    )

    assert same == [True] * 4


# What must do nothing.


@pytest.mark.parametrize("text", [ATTACK, LINKS, f"```{ATTACK}\n{ATTACK}\n```", f"${ATTACK}$"])
def test_nothing_in_an_answer_acts(text: str, page) -> None:
    say(page, text, Keys.ENTER)

    links = {one.get_attribute("href") for one in page.find_elements(By.CSS_SELECTOR, "#log a")}
    assert page.title.endswith("page-chat")
    assert page.find_elements(By.CSS_SELECTOR, "#log script, #log img, #log [onerror]") == []
    assert links == (
        {"https://example.org/d.png", "https://example.org/"} if text == LINKS else set()
    )


def test_a_second_wall_stands_behind_the_first(page) -> None:
    """What would happen if the reader of Markdown let HTML through."""
    left = page.execute_async_script(
        """
        const [html, done] = arguments;
        import("/markdown.js").then(({ elements }) => {
          const box = document.createElement("div");
          box.append(...elements(html));
          done([...box.querySelectorAll("*")].map((one) => one.outerHTML));
        });
        """,
        f"<p style='color:red' onclick='x()' id='form'>a</p>{ATTACK}<style>b</style><form></form>"
        "<iframe></iframe><a href='javascript:x()' name='text'>c</a><svg onload='x()'></svg>"
        "<math><mtext></mtext></math><input><button formaction='javascript:x()'>d</button>",
    )

    assert left == ["<p>a</p>", "<a>c</a>"]


def test_html_in_a_source_or_a_name_stays_text(page) -> None:
    say(page, "where is it [1] [7]")

    find(page, "#log .sources summary").click()
    source = f"a <b>.md, page 3, Where A passage. {ATTACK}"
    assert texts(page, "#log .sources li") == [source]
    assert texts(page, "#log .cite") == ["[1]"]
    assert "cites [7], which no passage has" in find(page, "#log .note").text
    assert page.title == "where is it [1] [7] - page-chat"


def test_marks_of_every_form_say_what_they_mean_and_code_stays(page) -> None:
    say(page, "where [1, 1] 【1】 [Doc 1] [1†a] [1, 7] [8] and `y, [9], [1]`")

    assert texts(page, "#log .cite") == ["[1, 1]", "【1】", "[Doc 1]", "[1†a]", "[1]"]
    assert texts(page, "#log .parts code") == ["y, [9], [1]"]
    assert "cites [7], [8], which no passage has" in find(page, "#log .note").text


def test_documents_without_room_for_a_passage_are_told(page, monkeypatch) -> None:
    monkeypatch.setattr(PageBackend, "context_length", 40)

    say(page, "where " + "a " * 24)

    assert texts(page, "#log .note") == [
        "The documents were not read: no room in the context for a passage."
    ]
    assert texts(page, "#log .sources") == []


def test_the_policy_stops_a_script_that_got_in_anyway(page) -> None:
    page.execute_script(
        "const s = document.createElement('script');"
        "try { s.textContent = \"document.title='owned'\"; document.body.append(s) } catch {}"
    )

    assert page.title == "page-chat"


# Stop, go on, ask again.


def test_an_answer_can_be_stopped_and_goes_on(page) -> None:
    find(page, "#text").send_keys("count", Keys.ENTER)
    wait(page, lambda: turns(page)[1:] and turns(page)[1].startswith("0 1 2"))
    assert find(page, "#log .assistant").get_attribute("aria-busy") == "true"
    assert not at_rest(page)

    find(page, "#stop").click()
    wait(page, lambda: at_rest(page))

    assert texts(page, "#log .note") == ["Stopped."]
    stopped = turns(page)[1]
    assert "499" not in stopped
    press(page, "Continue")
    wait(page, lambda: "Go on exactly" in turns(page)[1] and at_rest(page))
    assert turns(page)[1].startswith(stopped.split("\n")[0])
    assert len(turns(page)) == 2


def test_escape_stops_too(page) -> None:
    find(page, "#text").send_keys("count", Keys.ENTER)
    wait(page, lambda: turns(page)[1:] and turns(page)[1].startswith("0 1"))

    find(page, "#text").send_keys(Keys.ESCAPE)

    wait(page, lambda: texts(page, "#log .note") == ["Stopped."])


def test_a_reload_in_the_middle_keeps_what_was_written(page) -> None:
    find(page, "#text").send_keys("count", Keys.ENTER)
    wait(page, lambda: turns(page)[1:] and turns(page)[1].startswith("0 1 2"))

    page.refresh()

    wait(page, lambda: ready(page) and turns(page))
    assert turns(page)[1].startswith("0 1 2")
    assert texts(page, "#log .note") == ["Stopped."]


def test_a_message_is_edited_and_asked_again(page) -> None:
    say(page, "one")
    say(page, "two")
    find(page, "#log .user button").click()
    assert texts(page, "#log .edit .note") == ["The turn after it will be replaced."]
    find(page, "#log .edit textarea").send_keys(" more")
    press(page, "Ask again", "#log .edit")
    wait(page, lambda: turns(page) == ["one more", "one more"] and at_rest(page))

    press(page, "Ask again")
    wait(page, lambda: "same answer again" in find(page, "#problem").text)

    assert turns(page) == ["one more", "one more"]


@pytest.mark.parametrize(("label", "result"), [("Allow", "deleted <b>.txt"), ("Refuse", "failed")])
def test_a_tool_runs_only_if_it_is_allowed(label: str, result: str, page) -> None:
    find(page, "#text").send_keys("delete it", Keys.ENTER)
    wait(page, lambda: texts(page, "#log .approval"))
    assert "<b>.txt" in find(page, "#log .approval pre").text
    assert page.switch_to.active_element.get_attribute("class") == "approval"

    page.switch_to.active_element.send_keys(Keys.TAB)  # the arguments, which can be scrolled
    page.switch_to.active_element.send_keys(Keys.TAB)
    if label == "Refuse":
        page.switch_to.active_element.send_keys(Keys.TAB)
    assert page.switch_to.active_element.text == label
    page.switch_to.active_element.send_keys(Keys.ENTER)
    wait(page, lambda: at_rest(page))

    page.refresh()
    wait(page, lambda: ready(page) and turns(page))
    find(page, "#log .call summary").click()
    assert result in find(page, "#log .call").text
    assert "delete_file" in find(page, "#log .call").text


def test_what_is_said_before_a_call_stays(page) -> None:
    page.execute_cdp_cmd(
        "Browser.grantPermissions",
        {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]},
    )
    order = ["Let me compute.", "call", '"deleted <b>.txt"']
    find(page, "#text").send_keys("compute it", Keys.ENTER)
    wait(page, lambda: texts(page, "#log .approval"))
    assert answer_parts(page)[0] == "Let me compute."
    press(page, "Allow")
    wait(page, lambda: at_rest(page))
    assert answer_parts(page) == order

    page.refresh()
    wait(page, lambda: ready(page) and turns(page))
    assert answer_parts(page) == order
    press(page, "Copy")
    wait(page, lambda: "Copied" in texts(page, "#log .actions button"))
    copied = page.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert copied == 'Let me compute.\n\n"deleted <b>.txt"'


def answer_parts(page: webdriver.Chrome) -> list[str]:
    """Return the texts of the last answer, and where between them calls stand."""
    return page.execute_script(
        "return [...document.querySelector('.assistant:last-child .parts').children].map("
        "(one) => one.matches('.call') ? 'call' : one.innerText.trim())"
    )


# Conversations.


def test_conversations_are_kept_renamed_found_and_deleted(page) -> None:
    say(page, "apples")
    begin(page)
    say(page, "pears")
    page.refresh()
    wait(page, lambda: ready(page) and turns(page) == ["pears", "pears"])
    wait(page, lambda: texts(page, "#list .title")[:2] == ["pears", "apples"])

    find(page, "#search").send_keys("APP")
    wait(page, lambda: texts(page, "#list .title")[0] == "apples")
    find(page, "#list .open").click()
    wait(page, lambda: turns(page) == ["apples", "apples"])
    press(page, "Rename", "#list")
    find(page, "#new-title").send_keys(Keys.CONTROL, "a", Keys.NULL, f"apples {ATTACK}", Keys.ENTER)
    wait(
        page,
        lambda: (
            find(page, "#title").text == f"apples {ATTACK}"[:80] or "…" in find(page, "#title").text
        ),
    )

    count = len(texts(page, "#list .title"))
    press(page, "Delete", "#list")
    assert page.switch_to.active_element.text == "Cancel"
    press(page, "Cancel", "#confirm-dialog")
    press(page, "Delete", "#list")
    press(page, "Delete", "#confirm-dialog")

    wait(page, lambda: len(texts(page, "#list .title")) == count - 1 and turns(page) == [])
    assert page.title == "page-chat"


def test_a_conversation_is_exported_and_imported(page, tmp_path: Path) -> None:
    say(page, "hello")
    find(page, "#export").click()
    press(page, "Export", "#export-dialog")
    file: Path = page.downloads / "hello.json"
    wait(page, file.exists)
    bad = tmp_path / "bad.json"
    bad.write_text("{")

    find(page, "#import-file").send_keys(f"{file}\n{bad}")

    wait(page, lambda: "bad.json: This is not a whole" in find(page, "#problem").text)
    assert turns(page) == ["hello", "hello"]
    assert texts(page, "#list .title")[:2] == ["hello", "hello"]


def test_a_problem_within_a_file_is_told_with_its_name(page, tmp_path: Path) -> None:
    talks = tmp_path / "talks.jsonl"
    talks.write_text('[{"role": "user", "content": "one"}]\n[{"role": "user", "cont\n')

    find(page, "#import-file").send_keys(str(talks))

    wait(page, lambda: "talks.jsonl, line 2: this is no valid" in find(page, "#problem").text)


def test_a_copied_tab_gets_a_conversation_of_its_own(page) -> None:
    say(page, "hello")
    first, before = page.current_window_handle, len(page.window_handles)
    page.execute_script("window.open(location.href)")
    wait(page, lambda: len(page.window_handles) > before)
    page.switch_to.window(page.window_handles[-1])
    wait(page, lambda: ready(page) and turns(page) == ["hello", "hello"])

    say(page, "in the copy")
    page.close()
    page.switch_to.window(first)

    assert turns(page) == ["hello", "hello"]
    say(page, "in the first")
    assert turns(page)[2:] == ["in the first", "in the first"]


def test_two_tabs_with_one_conversation_show_the_same(page) -> None:
    say(page, "hello")
    first, before = page.current_window_handle, len(page.window_handles)
    page.execute_script("window.open(location.href, '_blank', 'noopener')")
    wait(page, lambda: len(page.window_handles) > before)
    page.switch_to.window(page.window_handles[-1])
    wait(page, lambda: ready(page) and texts(page, "#list .title")[:1] == ["hello"])
    find(page, "#list .open").click()
    wait(page, lambda: turns(page) == ["hello", "hello"])

    say(page, "from the second")
    page.close()
    page.switch_to.window(first)

    wait(page, lambda: turns(page)[2:] == ["from the second", "from the second"])


def elsewhere(page: webdriver.Chrome, text: str, at: int | None = None, tell: bool = False) -> None:
    """Ask something in the conversation that is shown, as another browser or another tab does."""
    page.execute_async_script(
        """
        const [text, at, tell, done] = arguments;
        const session = sessionStorage.getItem("companion-session");
        import("/server.js").then(async ({ events }) => {
          for await (const event of events("chat", { session, text, at })) event;
          if (tell) new BroadcastChannel("companion").postMessage(session);
        }).then(done);
        """,
        text,
        at,
        tell,
    )


def test_a_turn_that_was_edited_elsewhere_is_shown_before_the_chat_goes_on(page) -> None:
    say(page, "one")
    elsewhere(page, "two", at=0)

    find(page, "#text").send_keys("next", Keys.ENTER)
    wait(page, lambda: "changed elsewhere" in find(page, "#problem").text)

    wait(page, lambda: turns(page) == ["two", "two"])
    assert find(page, "#text").get_attribute("value") == "next"
    find(page, "#text").send_keys(Keys.ENTER)
    wait(page, lambda: turns(page) == ["two", "two", "next", "next"])


def test_an_edit_that_is_typed_stays_when_another_tab_answers(page) -> None:
    say(page, "one")
    press(page, "Edit")
    find(page, ".edit textarea").send_keys(" more")

    elsewhere(page, "two", tell=True)
    wait(page, lambda: turns(page) == ["one", "two", "two"])

    assert page.switch_to.active_element.get_attribute("value") == "one more"
    assert texts(page, ".edit .note") == ["The turn after it will be replaced."]


def test_an_edit_of_a_message_that_is_gone_moves_into_the_box(page) -> None:
    say(page, "one")
    press(page, "Edit")
    find(page, ".edit textarea").send_keys(" more")
    find(page, "#text").send_keys("typed")

    elsewhere(page, "two", at=0, tell=True)
    wait(page, lambda: turns(page) == ["two", "two"])

    assert find(page, "#text").get_attribute("value") == "typed\n\none more"


def test_an_error_is_told_and_the_words_are_kept(page, address: str) -> None:
    say(page, "hello")
    page.execute_async_script(
        "const [done] = arguments;"
        "import('/server.js').then(({ post }) => "
        "post('delete', { session: sessionStorage.getItem('companion-session') })).then(done)"
    )
    find(page, "#text").send_keys("precious words", Keys.ENTER)
    wait(page, lambda: find(page, "#problem").text)

    assert "no longer here" in find(page, "#problem").text
    wait(page, lambda: find(page, "#text").get_attribute("value") == "precious words")


# Settings and documents.


def test_settings_are_applied_or_refused_in_words(page) -> None:
    find(page, "#settings").click()
    wait(page, lambda: find(page, "#settings-dialog").is_displayed())
    find(page, "#set-temperature").send_keys(Keys.CONTROL, "a", Keys.NULL, "hot", Keys.ENTER)
    wait(page, lambda: "'hot'" in find(page, "#settings-problem").text)
    assert page.switch_to.active_element.get_attribute("id") == "set-temperature"
    assert page.switch_to.active_element.get_attribute("aria-invalid") == "true"
    find(page, "#set-temperature").send_keys(Keys.CONTROL, "a", Keys.NULL, "0.5")
    find(page, "#set-model").send_keys("lost", Keys.ENTER)
    wait(page, lambda: "no model lost" in find(page, "#settings-problem").text)
    find(page, "#set-model").send_keys(Keys.CONTROL, "a", Keys.NULL, "other")
    find(page, "#set-system").send_keys("Be brief.")

    find(page, "#settings-yes").click()
    wait(page, lambda: not find(page, "#settings-dialog").is_displayed())

    assert find(page, "#model").text == "other"
    find(page, "#settings").click()
    wait(page, lambda: find(page, "#settings-dialog").is_displayed())
    assert find(page, "#set-system").get_attribute("value") == "Be brief."
    assert find(page, "#set-temperature").get_attribute("value") == "0.5"
    page.switch_to.active_element.send_keys(Keys.ESCAPE)


def test_documents_are_chosen_or_dropped(page, tmp_path: Path) -> None:
    good, bad = tmp_path / "a <b> ü.txt", tmp_path / "b.txt"
    good.write_text("good")
    bad.write_text("bad")

    find(page, "#add-file").send_keys(f"{good}\n{bad}")
    wait(page, lambda: "b.txt" in find(page, "#problem").text)
    page.execute_script(
        "const data = new DataTransfer(); data.items.add(new File(['x'], 'dropped.txt'));"
        "document.querySelector('main').dispatchEvent("
        "new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}))"
    )

    wait(page, lambda: texts(page, "#added span") == [good.name, "dropped.txt"])
    find(page, "#added button").click()
    wait(page, lambda: texts(page, "#added span") == ["dropped.txt"])


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Path]:
    """A document that is read when `READ` is set."""
    file = tmp_path / "slow.txt"
    file.write_text("slow")
    READ.clear()
    yield file
    READ.set()


def test_a_question_waits_for_a_document_that_is_being_read(page, slow: Path) -> None:
    find(page, "#add-file").send_keys(str(slow))
    wait(page, lambda: "Reading slow.txt" in find(page, "#adding").text)

    find(page, "#text").send_keys("hello", Keys.ENTER)
    wait(page, lambda: texts(page, "#log .note") == ["Waiting until the documents are read."])
    assert turns(page) == ["hello", ""]
    READ.set()

    wait(page, lambda: turns(page) == ["hello", "hello"] and at_rest(page))
    assert texts(page, "#added span") == ["slow.txt"]


@pytest.mark.parametrize(("content", "why"), [("slow", "Stopped."), ("slow, bad", "can't be read")])
def test_a_question_whose_document_is_not_read_is_not_sent(
    content: str, why: str, page, slow: Path
) -> None:
    slow.write_text(content)
    find(page, "#add-file").send_keys(str(slow))
    wait(page, lambda: "Reading" in find(page, "#adding").text)
    find(page, "#text").send_keys("hello", Keys.ENTER)
    wait(page, lambda: texts(page, "#log .note"))

    if why == "Stopped.":
        find(page, "#stop").click()
    else:
        READ.set()

    wait(page, lambda: "Your message was not sent." in find(page, "#problem").text)
    assert why in find(page, "#problem").text
    wait(page, lambda: turns(page) == [] and at_rest(page))
    assert find(page, "#text").get_attribute("value") == "hello"


def test_documents_stay_in_the_conversation_they_were_chosen_for(page, slow: Path) -> None:
    second, other = slow.with_name("second.txt"), slow.with_name("other.txt")
    second.write_text("good")
    other.write_text("good")
    say(page, "apples")
    find(page, "#add-file").send_keys(f"{slow}\n{second}")
    wait(page, lambda: "Reading" in find(page, "#adding").text)

    begin(page)
    find(page, "#add-file").send_keys(str(other))
    wait(page, lambda: "of another conversation" in find(page, "#adding").text)
    READ.set()

    wait(page, lambda: texts(page, "#added span") == ["other.txt"])
    assert find(page, "#adding").text == ""
    find(page, "#list .open").click()
    wait(page, lambda: turns(page) == ["apples", "apples"])
    assert texts(page, "#added span") == ["slow.txt", "second.txt"]


# For everybody.


def test_shift_enter_begins_a_line(page) -> None:
    find(page, "#text").send_keys("one", Keys.SHIFT, Keys.ENTER, Keys.NULL, "two")

    assert find(page, "#text").get_attribute("value") == "one\ntwo"


def test_the_keyboard_reaches_everything(page) -> None:
    say(page, "markdown")
    reached = set()
    find(page, "#search").send_keys("a short list")
    page.execute_script("document.activeElement.blur(); window.focus()")
    for _ in range(30):
        page.switch_to.active_element.send_keys(Keys.TAB)
        reached.add(page.execute_script("return document.activeElement.id"))

    wanted = {"new", "search", "import", "settings", "export", "scroll", "add", "text", "send"}
    assert wanted <= reached


def test_everything_has_a_name(page) -> None:
    say(page, "where")
    names = page.execute_script(
        "return [...document.querySelectorAll('button')].map((b) => b.textContent.trim())"
    )
    fields = page.execute_script(
        "return [...document.querySelectorAll('input, textarea')]"
        ".filter((f) => !f.labels.length && !f.ariaLabel).map((f) => f.id)"
    )

    assert all(names)
    assert fields == []
    assert find(page, "#log").get_attribute("aria-live") == "polite"
    assert find(page, "html").get_attribute("lang") == "en"


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows_and_text_can_be_read(width: int, scheme: str, page) -> None:
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False},
    )
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    begin(page)
    say(page, "where " + "x" * 300)

    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    assert page.execute_script("return document.querySelector('#scroll').scrollWidth") <= width
    for selector in (
        ".bubble",
        ".prose",
        "#send",
        "#export",
        "summary",
        ".actions button",
        "#model",
    ):
        assert contrast(page, selector) >= 4.5, selector
    if folder := os.environ.get("SCREENSHOTS"):
        page.save_screenshot(f"{folder}/{width}-{scheme}.png")
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def contrast(page: webdriver.Chrome, selector: str) -> float:
    """Return the contrast of an element's text to what is behind it, as WCAG 2 computes it."""
    front, back = page.execute_script(
        """
        const found = document.querySelector(arguments[0]);
        let behind = found;
        const color = (element) => getComputedStyle(element).backgroundColor;
        while (color(behind) === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
        return [getComputedStyle(found).color, color(behind)];
        """,
        selector,
    )
    high, low = sorted((luminance(front), luminance(back)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(color: str) -> float:
    parts = [int(part) / 255 for part in color[color.index("(") + 1 : -1].split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_console_is_quiet(page) -> None:
    say(page, "where is it")

    messages = [one["message"] for one in page.get_log("browser") if one["level"] == "SEVERE"]
    expected = (
        "400",
        "404",
        "409",
        "Content Security Policy",
        "TrustedScript",
    )  # provoked by the tests above
    assert [one for one in messages if not any(word in one for word in expected)] == []
