"""``companion chat``: the command line of the chatbot."""

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import pytest

import companion
from companion.__main__ import main
from companion.backends.endpoint import EndpointBackend
from companion.chatbot import storage
from companion.chatbot.launch import ChatMaker, make_backend, title
from companion.chatbot.options import KEY_VARIABLE, ChatOptions
from companion.errors import DocumentError
from tests.backends.conftest import serving
from tests.backends.test_quirks import Handler, Says, Server, text

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "companion", "chat"]
ENVIRONMENT = os.environ | {
    "PYTHONPATH": str(ROOT),
    "OMP_NUM_THREADS": "1",
    "COMPANION_MODELS": "pocket",
}


@pytest.fixture
def chat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run the command with piped lines; returns status, output and errors."""

    def run(*arguments: str, lines: str) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
        status = main(["chat", *arguments])
        return (status, *capsys.readouterr())

    return run


def test_pocket_chat_talks_remembers_and_saves(chat, tmp_path: Path) -> None:
    status, output, errors = chat(
        lines="My name is Tavira.\nWhat is my name?\n/save chat.json\n/fly\n"
    )

    assert output.splitlines() == [
        "Nice to meet you, Tavira.",
        "Your name is Tavira.",
        "Saved 2 turns to chat.json.",
    ]
    assert errors == "companion: there is no command /fly; /help lists the commands\n"
    assert status == 1
    assert len(storage.load(tmp_path / "chat.json").turns) == 2


def test_tools_are_used_in_every_turn(chat) -> None:
    status, output, errors = chat(
        "--tools", lines="What is 123 plus 456?\nWhat is 12 times 34?\n/tools\n"
    )

    call, first, _, second, note, *tools = output.splitlines()
    assert call == """[calculator(expression='123 + 456') -> {"value": 579}]"""
    assert (first, second) == ("The result is 579.", "The result is 408.")
    assert "newest message only" in note
    assert [line.partition("(")[0] for line in tools] == ["calculator", "get_weather"]
    assert (status, errors) == (0, "")


def test_documents_are_used_where_they_fit(chat, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("# People\n\nBenolo lives in Sakiti.\n")
    (tmp_path / "docs" / "b.txt").write_bytes(b"\xff\xfe\x00")

    status, output, errors = chat("--docs", "docs", lines="Where does Benolo live?\nHello!\n")

    assert output.splitlines()[:2] == ["Sakiti. [1]", "Sources: [1] a.md, People"]
    assert output.count("Sources") == 1
    assert errors.count("\n") == 1
    assert "left out" in errors
    assert "b.txt" in errors
    assert status == 0


def test_one_message_to_an_endpoint_gives_the_answer_without_its_reasoning(chat) -> None:
    spoken = "It ends with </think>, as in `a.split('</think>')`."
    with serving(Server(("127.0.0.1", 0), Handler)) as server:
        server.requests, server.models = [], Says('{"data": [{"id": "m"}]}')
        server.answer = text("I could say 41. No.\n", "</think>", "\n\nIt is", " 42. ", spoken)
        url = f"http://127.0.0.1:{server.server_port}"

        status, output, errors = chat("--endpoint", url, "-p", "hi", lines="")

    assert (status, output, errors) == (0, f"It is 42. {spoken}\n", "")


def test_another_model_can_be_taken_while_it_runs(chat) -> None:
    status, output, errors = chat(lines="/model nothing\n/model chat\nHello!\n")

    assert output.splitlines()[0] == "Now talking to chat."
    assert "unknown model 'nothing'" in errors
    assert status == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--temperature", "-1"], "--temperature must be 0"),
        (["--max-new-tokens", "0"], "--max-new-tokens must be a whole number from 1"),
        (["--port", "70000", "--web"], "--port must be from 0 to 65535, got 70000"),
        (["--web", "-p", "Hi"], "-p asks once and --web serves a page"),
        (["--no-save"], "--conversations and --no-save are for the page"),
        (["--web", "--no-save", "--conversations", "x"], "give it, or --conversations"),
        (["--allow", "x"], "--allow and --audit are for tools"),
        (["--tools", "--allow", "x"], "--allow names 'x'; the tools are calculator, get_weather"),
        (["--tool", "/no/such.py:f"], "can't read /no/such.py: No such file"),
        (["--tools", "--audit", "/no/such/log"], "can't write the log /no/such/log: No such file"),
        (["--context", "0"], "--context must be a whole number from 1, got 0"),
        (["--timeout", "0"], "--timeout must be above 0, got 0"),
        (["--model", "reward"], "the role 'reward' scores answers and writes no text"),
        (["--model", "embedding"], "'embedding' turns text into vectors and writes no text"),
        (["--model", "/no/such.gguf"], "there is no file /no/such.gguf"),
        (["--model", "no-such-thing"], "unknown model 'no-such-thing'"),
        (["--endpoint", "ftp://host"], "--endpoint must begin with http"),
        (["--endpoint", "http://a:b@host"], f"give the key by {KEY_VARIABLE} instead"),
        (["--endpoint", "http://127.0.0.1:9"], "can't reach http://127.0.0.1:9/v1"),
        (["--docs", "/no/such/folder"], "/no/such/folder does not exist"),
    ],
)
def test_what_can_not_start_is_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["chat", *arguments]) == 1

    captured = capsys.readouterr()
    assert captured.err.startswith("companion: ")
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_the_options_reach_the_chatbot(tmp_path: Path) -> None:
    options = ChatOptions(system="Be brief.", temperature=0.5, max_new_tokens=7, tools=True)

    with ExitStack() as servers:
        bot = ChatMaker(options, servers)()

        assert bot.conversation.system == "Be brief."
        assert (bot.params.temperature, bot.params.max_new_tokens) == (0.5, 7)
        assert [tool.name for tool in bot.tools] == ["calculator", "get_weather"]
        assert ChatMaker(ChatOptions(), servers)().params.max_new_tokens == 64
        with pytest.raises(DocumentError):
            ChatMaker(ChatOptions(docs=tmp_path), servers)


def test_each_chat_has_its_own_conversation() -> None:
    make = ChatMaker(ChatOptions(), ExitStack())
    one, two = make(), make()

    one.ask("Hello!")

    assert two.conversation.turns == []
    assert one.backend is two.backend


def test_the_key_comes_from_our_variable_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other")
    options = ChatOptions(endpoint="http://127.0.0.1:9", model="m")
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    without = make_backend(options, "m")
    monkeypatch.setenv(KEY_VARIABLE, "sk-mine")
    with_key = make_backend(options, "m")

    assert isinstance(without, EndpointBackend)
    assert (without._client.api_key, with_key._client.api_key) == ("none", "sk-mine")
    assert with_key.base_url == "http://127.0.0.1:9/v1"


def test_tools_go_to_an_endpoint_in_its_protocol_or_as_text(capsys) -> None:
    options = ChatOptions(endpoint="http://127.0.0.1:9", model="m", tools=True)
    assert make_backend(options, "m").tool_form == "native"
    assert make_backend(replace(options, text_tools="pocket"), "m").tool_form == "pocket"

    for given in (["--tools"], ["--endpoint", "http://127.0.0.1:9"]):
        assert main(["chat", "--text-tools", *given]) == 1
        assert "--text-tools is for a model behind an --endpoint" in capsys.readouterr().err


def test_an_endpoint_gets_what_was_asked_for_and_no_more() -> None:
    plain = ChatOptions(endpoint="http://127.0.0.1:9", model="m")
    full = replace(plain, temperature=0.0, context=999, timeout=7.0, thinking=False)

    bare, told = make_backend(plain, "m"), make_backend(full, "m")

    assert (bare.sampling, bare.timeout, bare.thinking) == (False, 60, None)
    assert (told.sampling, told.timeout, told.thinking) == (True, 7, False)
    assert told.context_length == 999


def test_the_context_of_a_model_here_can_be_made_shorter_and_not_longer() -> None:
    assert make_backend(ChatOptions(context=100), "chat").context_length == 100
    assert make_backend(ChatOptions(context=9999), "chat").context_length == 512


def test_an_answer_that_was_cut_says_so(chat) -> None:
    status, output, _ = chat("--max-new-tokens", "3", lines="What can you do?\n")

    assert output.splitlines() == ["I can answer", "[cut at 3 tokens]"]
    assert status == 0


def test_one_message_is_answered_on_the_output_alone(chat) -> None:
    status, output, errors = chat("-p", "My name is Tavira.", lines="")
    assert (status, output, errors) == (0, "Nice to meet you, Tavira.\n", "")

    status, output, errors = chat("-p", "What is", "--tools", lines="123 plus 456?\n")
    assert (status, output) == (0, "The result is 579.\n")
    assert errors == """[calculator(expression='123 + 456') -> {"value": 579}]\n"""

    status, output, errors = chat("-p", "-", "--max-new-tokens", "3", lines="What can you do?\n\n")
    assert (status, output, errors) == (0, "I can answer\n", "[cut at 3 tokens]\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-p", " "], "the message is blank"),
        (["-p", "-"], "the message is blank"),
        (["-p", "Read @no.txt"], "there is no file 'no.txt'"),
        (["-p", "Hi", "--max-new-tokens", "600"], "--max-new-tokens is 600 and the context has"),
        (["-p", "word " * 600], "lower --max-new-tokens"),
    ],
)
def test_one_message_that_can_not_be_answered_is_one_line(chat, arguments, said) -> None:
    status, output, errors = chat(*arguments, lines="")

    assert (status, output) == (1, "")
    assert said in errors
    assert errors.count("\n") == 1


def test_a_model_that_is_not_made_to_chat_is_warned_of(chat) -> None:
    status, _, errors = chat("--model", "base", "--max-new-tokens", "2", lines="Hello!\n")

    assert status == 0
    assert errors == (
        "companion: the role 'base' continues text and was not trained to answer: --model chat "
        "was\n"
    )


def test_another_model_gets_settings_of_its_own(chat, tmp_path: Path) -> None:
    weights = Path(companion.__file__).parent / "pocket" / "weights" / "chat"
    shutil.copytree(weights, tmp_path / "long")
    config = json.loads((tmp_path / "long" / "config.json").read_text())
    config["max_position_embeddings"] = 4096
    (tmp_path / "long" / "config.json").write_text(json.dumps(config))
    with ExitStack() as servers:
        maker = ChatMaker(ChatOptions(tools=True), servers)
        bot = maker()
        before = (bot.params.max_new_tokens, bot.settings.past_turns)
        maker.switch(bot, str(tmp_path / "long"))

    assert before == (64, 0)
    assert (bot.params.max_new_tokens, bot.settings.past_turns) == (256, None)


def test_the_title_is_the_model() -> None:
    assert title(ChatOptions(), "chat") == "pocket-chat"
    assert title(ChatOptions(), "base") == "pocket-base"
    assert title(ChatOptions(), "Qwen/Qwen3-0.6B") == "Qwen/Qwen3-0.6B"
    assert title(ChatOptions(endpoint="http://127.0.0.1:9"), "chat") == "chat"


@pytest.mark.slow
def test_a_reader_that_goes_away_ends_it_quietly(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as output:
        done = subprocess.run(
            COMMAND,
            input="Hello!\n",
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
            cwd=tmp_path,
            timeout=60,
            check=False,
        )

    assert (done.returncode, done.stderr) == (1, "")


def test_a_port_that_is_taken_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        status = main(["chat", "--web", "--port", str(port)])

    assert status == 1
    assert f"can't listen on port {port}" in capsys.readouterr().err


@pytest.mark.slow
def test_the_web_page_answers_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "--web", "--port", "0", "--conversations", str(tmp_path / "talks")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        cwd=tmp_path,
    )
    with process:
        url, key = process.stdout.readline().split()[1].split("#key=")
        opener = build_opener(ProxyHandler({}))

        def post(path: str, **body: object) -> str:
            headers = {"content-type": "application/json", "origin": url.rstrip("/")}
            headers["authorization"] = f"Bearer {key}"
            request = Request(url + path, json.dumps(body).encode(), headers)
            with opener.open(request, timeout=30) as answer:
                return answer.read().decode()

        try:
            session = json.loads(post("enter"))["session"]
            answer = post("chat", session=session, text="My name is Tavira.")
        finally:
            process.send_signal(signal.SIGINT)
        status = process.wait(30)
        errors = process.stderr.read()

    assert url.startswith("http://127.0.0.1:")
    assert '"text": "Nice to meet you, Tavira."' in answer
    assert (status, errors) == (0, "")
    assert "Nice to meet you" in (tmp_path / "talks" / f"{session}.json").read_text()


def test_a_system_message_that_the_template_refuses_is_refused_at_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = Path(companion.__file__).parent / "pocket" / "weights" / "chat"
    folder = tmp_path / "gemma-like"
    shutil.copytree(weights, folder)
    template = folder / "chat_template.jinja"
    refusing = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}"
    template.write_text(refusing + template.read_text())

    assert main(["chat", "--model", str(folder), "--system", "Be brief."]) == 1

    said = capsys.readouterr().err
    assert "it takes no system message" in said
    assert said.count("\n") == 1
