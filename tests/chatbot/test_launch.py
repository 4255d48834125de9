"""Which model a chat takes from an endpoint, and what it says of names that are not listed."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from companion.backends.endpoint import EndpointBackend
from companion.chatbot.launch import ChatMaker, default_model, start
from companion.chatbot.options import ChatOptions
from companion.errors import UnknownModelError
from companion.models import open_model
from companion.models.gguf_file import RECORD
from tests.backends.conftest import serving


class Handler(BaseHTTPRequestHandler):
    """Lists models."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        listed = self.server.listed
        self.send_response(404 if listed is None else 200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps({"object": "list", "data": listed}).encode())


@pytest.fixture
def endpoint() -> Iterator[Callable[..., str]]:
    """Serve a list of models and return the address."""
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:

        def lists(*names: str, listed: object = ()) -> str:
            models = [{"id": name, "max_model_len": 2048, "object": "model"} for name in names]
            server.listed = models if listed == () else listed
            return f"http://127.0.0.1:{server.server_port}/v1"

        yield lists


def test_the_only_model_of_an_endpoint_is_taken(endpoint) -> None:
    maker = ChatMaker(ChatOptions(endpoint=endpoint("qwen")), ExitStack())

    assert (maker.title, maker.backend.model) == ("qwen", "qwen")
    assert maker.backend.context_length == 2048
    assert maker.settings.params.max_new_tokens == 256


@pytest.mark.parametrize(
    ("names", "listed", "said"),
    [
        (["a", "b"], (), r"lists a, b\. Name one with --model"),
        ([], (), r"does not say what models it has\. Name one with --model"),
        ([], None, r"does not say what models it has"),
        ([], [1, None, {"id": 3}], r"does not say what models it has"),
        ([f"m{n}" for n in range(10)], (), r"m7 and 2 more\. Name one"),
    ],
)
def test_without_exactly_one_a_name_is_wanted(endpoint, names, listed, said: str) -> None:
    with pytest.raises(UnknownModelError, match=said):
        ChatMaker(ChatOptions(endpoint=endpoint(*names, listed=listed)), ExitStack())


def test_a_name_that_is_not_listed_is_taken_and_told(endpoint, capsys) -> None:
    url = endpoint("a", "b")
    maker = ChatMaker(ChatOptions(endpoint=url, model="a"), ExitStack())
    assert capsys.readouterr().err == ""
    bot = maker()

    maker.switch(bot, "c")

    assert bot.backend.model == "c"
    assert capsys.readouterr().err == f"companion: {url} does not list 'c'; it lists a, b\n"


def test_an_endpoint_without_a_list_is_not_doubted(endpoint, capsys) -> None:
    ChatMaker(ChatOptions(endpoint=endpoint(listed=None), model="a"), ExitStack())

    assert capsys.readouterr().err == ""


def test_the_list_is_asked_for_once(endpoint) -> None:
    backend = EndpointBackend(endpoint("a"), "a")
    assert backend.models == ["a"]
    endpoint("b")

    assert (backend.models, backend.context_length) == (["a"], 2048)


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small model in the place of the open one, as if it had been fetched."""
    monkeypatch.setenv("COMPANION_CACHE", str(tmp_path / "cache"))
    folder = open_model.place()
    folder.mkdir(parents=True)
    pocket = Path(open_model.__file__).parents[1] / "pocket" / "weights" / "chat"
    for file in pocket.iterdir():
        (folder / file.name).symlink_to(file)
    (folder / RECORD).write_text(json.dumps({"files": {}}), encoding="utf-8")
    return folder


def test_the_open_model_is_taken_if_it_is_there_and_nobody_says_otherwise(
    fetched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert default_model(ChatOptions()) == "smollm2"
    for variable, value in (("COMPANION_MODELS", "pocket"), ("COMPANION_CHAT", str(fetched))):
        with monkeypatch.context() as patch:
            patch.setenv(variable, value)
            assert default_model(ChatOptions()) == "chat"

    (fetched / "config.json").unlink()
    assert default_model(ChatOptions()) == "chat"


def test_the_first_line_says_which_model_talks(fetched: Path, monkeypatch, capsys) -> None:
    class Keys(io.StringIO):
        def isatty(self) -> bool:
            return True

    lines = []
    for options in (ChatOptions(), ChatOptions(model="chat")):
        monkeypatch.setattr("sys.stdin", Keys(""))
        start(options)
        lines.append(capsys.readouterr().out.splitlines()[0])

    assert lines[0].startswith("SmolLM2-135M-Instruct. /help lists the commands")
    assert lines[1].startswith("pocket-chat. /help lists the commands")


def test_the_open_model_answers_with_a_sentence_and_pocket_chat_in_its_words(
    fetched: Path, tmp_path: Path
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.md").write_text("# A\n\n" + "A sentence of eight words stands here now. " * 9)
    found = {}
    for model in ("", "chat"):
        maker = ChatMaker(ChatOptions(model=model, docs=docs), ExitStack())
        settings, desk = maker.settings, maker.make_desk()
        found[maker.title] = (settings.k, settings.extract, desk.sentences, len(desk))

    assert found == {
        "SmolLM2-135M-Instruct": (2, True, True, 9),
        "pocket-chat": (3, False, False, 2),
    }


def test_after_a_switch_the_open_model_quotes_from_long_passages(fetched: Path) -> None:
    maker = ChatMaker(ChatOptions(model="chat"), ExitStack())
    bot = maker()
    assert (bot.settings.quote, bot.settings.extract) == (False, False)

    maker.switch(bot, "smollm2")

    assert (bot.settings.quote, bot.settings.extract) == (True, False)
    maker = ChatMaker(ChatOptions(), ExitStack())
    bot = maker()
    assert (bot.settings.quote, bot.settings.extract) == (False, True)
    maker.switch(bot, "chat")
    assert (bot.settings.quote, bot.settings.extract) == (False, False)
