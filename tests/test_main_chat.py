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
from dataclasses import replace
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import pytest

import companion
from companion.__main__ import main
from companion.backends.endpoint import EndpointBackend
from companion.chatbot import storage
from companion.chatbot.launch import KEY_VARIABLE, ChatOptions, bot_maker, make_backend, title
from companion.errors import DocumentError

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "companion", "chat"]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


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


def test_the_help_is_fast_and_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    code = (
        "import sys; from companion.__main__ import main\n"
        "try: main(['chat', '--help'])\n"
        "except SystemExit: print([m for m in ('torch', 'openai', 'starlette', 'readline', "
        "'companion.chatbot') if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"
    options = ["model", "endpoint", "system", "tools", "docs", "temperature", "max-new-tokens"]
    options += ["context", "timeout", "no-thinking"]
    assert all(f"--{option}" in done.stdout for option in [*options, "web", "port"])
    assert KEY_VARIABLE in done.stdout


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

    first, second, note, *tools = output.splitlines()
    assert (first, second) == ("The result is 579.", "The result is 408.")
    assert "newest message only" in note
    assert [line.partition("(")[0] for line in tools] == ["calculator", "get_weather"]
    assert (status, errors) == (0, "")


def test_documents_are_used_where_they_fit(chat, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("# People\n\nBenolo lives in Sakiti.\n")
    (tmp_path / "docs" / "b.txt").write_bytes(b"\xff\xfe\x00")

    status, output, errors = chat("--docs", "docs", lines="Where does Benolo live?\nHello!\n")

    assert output.splitlines()[:2] == ["Sakiti. [1]", "Sources: [1] a.md"]
    assert output.count("Sources") == 1
    assert errors.count("\n") == 1
    assert "left out" in errors
    assert "b.txt" in errors
    assert status == 0


def test_another_model_can_be_taken_while_it_runs(chat) -> None:
    status, output, errors = chat(lines="/model nothing\n/model chat\nHello!\n")

    assert output.splitlines()[0] == "Now talking to chat."
    assert "unknown model 'nothing'" in errors
    assert status == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--temperature", "-1"], "temperature must be 0"),
        (["--max-new-tokens", "0"], "max_new_tokens must be a whole number from 1"),
        (["--context", "0"], "--context must be a whole number from 1, got 0"),
        (["--timeout", "0"], "--timeout must be above 0, got 0"),
        (["--model", "reward"], "a LlamaForSequenceClassification writes no text"),
        (["--model", "no-such-thing"], "unknown model 'no-such-thing'"),
        (["--endpoint", "ftp://host"], "base_url must begin with http"),
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


@pytest.mark.parametrize(
    "arguments", [["--port", "x"], ["--temperature", "hot"], ["--fly"], ["now"]]
)
def test_a_wrong_option_ends_with_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["chat", *arguments])

    assert end.value.code == 2
    assert "usage: companion" in capsys.readouterr().err


def test_the_options_reach_the_chatbot(tmp_path: Path) -> None:
    options = ChatOptions(system="Be brief.", temperature=0.5, max_new_tokens=7, tools=True)

    bot = bot_maker(options)()

    assert bot.conversation.system == "Be brief."
    assert (bot.params.temperature, bot.params.max_new_tokens) == (0.5, 7)
    assert [tool.name for tool in bot.tools] == ["calculator", "get_weather"]
    assert bot_maker(ChatOptions())().params.max_new_tokens == 64
    with pytest.raises(DocumentError):
        bot_maker(ChatOptions(docs=tmp_path))


def test_each_chat_has_its_own_conversation() -> None:
    make = bot_maker(ChatOptions())
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
    assert make_backend(options, "m").native_tools
    assert not make_backend(replace(options, text_tools=True), "m").native_tools

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


def test_the_title_is_the_model() -> None:
    assert title(ChatOptions()) == "pocket-chat"
    assert title(ChatOptions(model="base")) == "pocket-base"
    assert title(ChatOptions(model="Qwen/Qwen3-0.6B")) == "Qwen/Qwen3-0.6B"
    assert title(ChatOptions(endpoint="http://127.0.0.1:9")) == "chat"


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
        [*COMMAND, "--web", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        cwd=tmp_path,
    )
    with process:
        url = process.stdout.readline().split()[1]
        opener = build_opener(ProxyHandler({}))

        def post(path: str, **body: object) -> str:
            headers = {"content-type": "application/json", "origin": url.rstrip("/")}
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
