"""Tools in the protocol of an endpoint: a tool_server server, and a real one with pocket-chat."""

import gc
import json
import shutil
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import openai
import pytest
from transformers import AutoTokenizer

import companion
from companion.backends.backend import TEXT_FORMS
from companion.backends.endpoint import EndpointBackend, EndpointTurns
from companion.chatbot import Chatbot, ChatSettings, redact
from companion.chatbot.options import TEXT_TOOLS
from companion.errors import EndpointError, ToolLoopError
from companion.tools import Toolbox, run_tools
from companion.tools.calculator import calculator
from companion.tools.instruction import ANSWER as ANSWER_HINT
from companion.tools.instruction import INSTRUCTION
from companion.tools.transcript import with_tools
from companion.tools.weather import get_weather
from tests.backends.conftest import serving

TOOLBOX = Toolbox([calculator, get_weather])


def part(index: int, arguments: str, name: str | None = None) -> dict:
    begun = {"id": f"call_{index}", "type": "function"} if name else {}
    function = {"arguments": arguments} | ({"name": name} if name else {})
    return {"tool_calls": [{"index": index, "function": function} | begun]}


SUM = [
    part(0, "", "calculator"),
    part(0, '{"expres'),
    part(0, 'sion": "6 * 7"}'),
]
WEATHER = [part(1, '{"city": "Paris"}', "get_weather")]
ANSWER = [{"content": "It is"}, {"content": " 42."}]


class Handler(BaseHTTPRequestHandler):
    """Sends the next list of deltas of the script; a number is a status with a message."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.requests.append(body)
        script = self.server.script
        turn = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(turn, int):
            self.send_response(turn)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(b'{"error": {"message": "tools are off"}}')
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        ends = "tool_calls" if any("tool_calls" in delta for delta in turn) else "stop"
        for delta, end in [*((delta, None) for delta in turn), ({}, ends)]:
            choice = {"index": 0, "delta": delta, "finish_reason": end}
            self.wfile.write(f"data: {json.dumps({'choices': [choice]})}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def tool_server() -> Iterator[Callable]:
    """Start a server that follows a script; returns it, and a backend in front of it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.requests = True, []

    def make(*script: object, **options: object) -> tuple[object, EndpointBackend]:
        server.script = list(script)
        options = {"max_retries": 0, "context_length": 2000} | options
        url = f"http://127.0.0.1:{server.server_port}/v1"
        return server, EndpointBackend(url, "m", **options)

    with serving(server):
        yield make


def test_a_call_in_pieces_is_run_and_its_result_sent_back(tool_server) -> None:
    server, backend = tool_server(SUM, ANSWER)
    bot = Chatbot(backend, system="Be brief.", tools=TOOLBOX)

    assert "".join(bot.stream("What is 6 times 7?")) == "It is 42."

    first, second = server.requests
    assert first["tools"] == TOOLBOX.declarations("openai")
    assert first["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is 6 times 7?"},
    ]
    function = {"name": "calculator", "arguments": '{"expression": "6 * 7"}'}
    assert second["messages"][2:] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_0", "type": "function", "function": function}],
        },
        {"role": "tool", "content": '{"value": 42}', "tool_call_id": "call_0"},
    ]
    assert bot.reply.calls[0].value == {"value": 42}
    assert backend.bind_tools(TOOLBOX)._client is backend._client


def test_calls_at_the_same_time_keep_their_identifiers(tool_server) -> None:
    server, backend = tool_server([*SUM, *WEATHER], ANSWER)
    bot = Chatbot(backend, tools=TOOLBOX)

    bot.ask("6 * 7, and the weather in Paris?")

    told = server.requests[1]["messages"][-2:]
    assert [one["tool_call_id"] for one in told] == ["call_0", "call_1"]
    assert told[0]["content"] == '{"value": 42}'
    assert [one.call.name for one in bot.reply.calls] == ["calculator", "get_weather"]


def test_words_before_a_call_are_shown_and_sent_back(tool_server) -> None:
    server, backend = tool_server([{"content": "I will look."}, *SUM], ANSWER)
    bot = Chatbot(backend, tools=TOOLBOX)

    pieces = list(bot.stream("What is 6 times 7?"))

    assert pieces[0] == "I will look."
    assert bot.reply.text == "It is 42."
    assert server.requests[1]["messages"][1]["content"] == "I will look."


def test_a_wrong_call_is_explained_to_the_model(tool_server) -> None:
    cut = [part(0, '{"expression": "6 *', "calculator")]
    server, backend = tool_server(cut, [part(0, "{}", "calculator")], ANSWER)
    bot = Chatbot(backend, tools=TOOLBOX)

    assert bot.ask("What is 6 times 7?").text == "It is 42."

    errors = [request["messages"][-1] for request in server.requests[1:]]
    assert "not valid JSON" in errors[0]["content"]
    assert "'expression' is a required property" in errors[1]["content"]
    assert {one["tool_call_id"] for one in errors} == {"call_0"}


def test_a_call_as_text_is_understood_too(tool_server) -> None:
    """As vLLM sends it if it was started without a parser of tool calls."""
    text = '<tool_call>\n{"name": "calculator", "arguments": {"expression": "6 * 7"}}\n</tool_call>'
    server, backend = tool_server([{"content": text}], ANSWER)
    bot = Chatbot(backend, tools=TOOLBOX)

    assert "".join(bot.stream("What is 6 times 7?")) == "It is 42."

    called, result = server.requests[1]["messages"][-2:]
    assert called["tool_calls"][0]["function"]["name"] == "calculator"
    assert result["tool_call_id"] == called["tool_calls"][0]["id"]


def test_a_model_that_never_stops_calling_is_stopped(tool_server) -> None:
    server, backend = tool_server(SUM)
    bot = Chatbot(backend, tools=TOOLBOX, settings=ChatSettings(max_steps=2))

    with pytest.raises(ToolLoopError, match="after 2 rounds"):
        bot.ask("What is 6 times 7?")

    assert len(server.requests) == 3
    server.script = [ANSWER]
    assert bot.ask("And now?").text == "It is 42."


def test_tools_as_text_send_no_declarations(tool_server) -> None:
    call = '{"name": "calculator", "arguments": {"expression": "6 * 7"}}'
    server, backend = tool_server([{"content": call}], ANSWER, tool_form="pocket")
    bot = Chatbot(backend, system="Be brief.", tools=TOOLBOX)

    assert bot.ask("What is 6 times 7?").text == "It is 42."

    assert not any("tools" in request for request in server.requests)
    system, _, called, result = server.requests[1]["messages"]
    assert system["content"] == f"Be brief.\n{TOOLBOX.system_text()}"
    assert called == {"role": "assistant", "content": call}
    assert result == {"role": "tool", "content": '{"value": 42}'}


def test_a_conversation_goes_on_with_a_model_here_and_comes_back(
    tool_server, pocket, tmp_path
) -> None:
    server, backend = tool_server(SUM, ANSWER)
    bot = Chatbot(backend, tools=TOOLBOX)
    bot.ask("What is 6 times 7?")
    bot.save(tmp_path / "talk.json")

    here = Chatbot.load(tmp_path / "talk.json", pocket, tools=TOOLBOX)
    assert here.conversation == bot.conversation
    here.settings = ChatSettings(past_turns=0)  # pocket-chat calls tools in its first turn
    assert here.ask("What is 123 plus 456?").text == "The result is 579."
    prompt = pocket.bind_tools(TOOLBOX).prompt(here.conversation.turns[0].messages[:-1])
    assert '\n{"name": "calculator", "arguments": {"expression": "6 * 7"}}<|end|>' in prompt
    assert "None" not in prompt

    here.save(tmp_path / "talk.json")
    back = Chatbot.load(tmp_path / "talk.json", backend, tools=TOOLBOX)
    assert back.ask("Thank you.").text == "It is 42."
    told = server.requests[-1]["messages"]
    ids = [call["id"] for one in told for call in one.get("tool_calls", ())]
    assert ids == [one["tool_call_id"] for one in told if one["role"] == "tool"]
    assert len(set(ids)) == 2


def test_an_old_call_is_text_for_a_chat_without_tools(tool_server, pocket) -> None:
    _, backend = tool_server(SUM, ANSWER)
    bot = Chatbot(backend, tools=TOOLBOX)
    bot.ask("What is 6 times 7?")

    bot.backend, bot.tools = pocket, None

    assert bot.ask("What is the capital of France?").text
    prompt = pocket.prompt(bot.conversation.turns[0].messages[:-1])
    assert '{"name": "calculator", "arguments": {"expression": "6 * 7"}}<|end|>' in prompt
    assert "None" not in prompt


@pytest.mark.parametrize("arguments", ['{"city": "\\u003c|end|>"}', '{"<|end|>": 1}', '{"<|end|>'])
def test_a_call_can_not_end_its_turn(tool_server, pocket, arguments: str) -> None:
    _, backend = tool_server([part(0, arguments, "get_weather")], ANSWER)
    bot = Chatbot(backend, tools=TOOLBOX)
    bot.ask("What is the weather?")

    messages = bot.conversation.turns[0].messages[:-1]

    for reader in (pocket, pocket.bind_tools(TOOLBOX)):
        turns = reader.prompt(messages).split("<|end|>")
        assert [turn.split("|>")[0].strip() for turn in turns[-4:]] == [
            "<|user",
            "<|assistant",
            "<|tool",
            "<|assistant",
        ]
        assert len(turns) == 4 + (reader is not pocket)


def test_what_is_personal_is_taken_out_of_calls_that_are_kept(tool_server) -> None:
    call = [part(0, '{"city": "ann@example.org"}', "get_weather")]
    _, backend = tool_server(call, ANSWER)
    bot = Chatbot(backend, tools=TOOLBOX, settings=ChatSettings(redact=redact))

    bot.ask("What is the weather?")

    kept = json.dumps(bot.conversation.turns[0].messages)
    assert "ann@example.org" not in kept
    assert "get_weather" in kept


def test_calls_count_as_tokens(tool_server) -> None:
    _, backend = tool_server(SUM, ANSWER)
    bot = Chatbot(backend, tools=TOOLBOX)
    bot.ask("What is 6 times 7?")
    called = bot.conversation.turns[0].messages[1]

    assert backend.count_tokens([called]) > len(json.dumps(called["tool_calls"])) // 4


def test_declarations_count_as_tokens(tool_server) -> None:
    _, backend = tool_server(ANSWER)
    asked = [{"role": "user", "content": "hi"}]
    _, counted = tool_server(ANSWER, count_tokens=lambda messages: 5)

    plain, told = backend.count_tokens(asked), backend.bind_tools(TOOLBOX).count_tokens(asked)

    assert told > plain + len(json.dumps(TOOLBOX.declarations("openai"))) // 5
    assert counted.bind_tools(TOOLBOX).count_tokens(asked) == 5 + told - plain
    text = EndpointBackend(backend.base_url, "m", tool_form="instruction")
    assert text.bind_tools(TOOLBOX).count_tokens(asked) > plain + 20


def test_a_server_without_tools_is_named_with_the_remedy(tool_server) -> None:
    _, backend = tool_server(400)

    with pytest.raises(EndpointError, match=r"declare them as text .tool_form='instruction'"):
        Chatbot(backend, tools=TOOLBOX).ask("What is 6 times 7?")
    with pytest.raises(EndpointError) as plain:
        Chatbot(backend).ask("What is 6 times 7?")
    assert "--text-tools" not in str(plain.value)


@pytest.mark.parametrize(
    "odd",
    [
        {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": 3}}]},
        {"tool_calls": [{"index": 0, "id": "a", "function": {"arguments": "{}"}}]},
        {"tool_calls": [{"index": 0, "id": "a", "function": {"name": 3, "arguments": "{}"}}]},
        {"tool_calls": [{"index": 0, "id": "a"}]},
        {"tool_calls": [3]},
        {"tool_calls": "calculator"},
        {"tool_calls": 5},
    ],
)
def test_pieces_that_make_no_call_are_an_error_of_the_endpoint(tool_server, odd: dict) -> None:
    _, backend = tool_server([odd])
    bot = Chatbot(backend, tools=TOOLBOX)

    with pytest.raises(EndpointError, match="not in the format of the OpenAI API"):
        bot.ask("What is 6 times 7?")


def test_a_connection_stays_open_for_a_bound_backend(tool_server) -> None:

    _, backend = tool_server(ANSWER)
    bound = backend.bind_tools(TOOLBOX)
    client = backend._client
    del backend
    gc.collect()

    assert not client.is_closed()
    del bound
    gc.collect()
    assert client.is_closed()


KNOWING_TEMPLATE = """\
{% if tools %}<|system|>
You can call these tools: [{% for tool in tools %}{% set declared = tool['function'] %}\
{"name": "{{ declared['name'] }}", "parameters": {{ '{' }}\
{% for name, argument in declared['parameters']['properties'].items() %}\
"{{ name }}": "{{ argument['type'] }}"{{ ', ' if not loop.last }}{% endfor %}{{ '}}' }}\
{{ ', ' if not loop.last }}{% endfor %}]<|end|>
{% endif %}\
{% for message in messages %}<|{{ message['role'] }}|>
{% if message['tool_calls'] %}{% set called = message['tool_calls'][0]['function'] %}\
{"name": "{{ called['name'] }}", "arguments": {{ called['arguments'] if called['arguments'] is \
string else called['arguments'] | tojson }}{{ '}' }}{% else %}{{ message['content'] }}\
{% endif %}<|end|>
{% endfor %}{% if add_generation_prompt %}<|assistant|>
{% endif %}"""
"""pocket-chat's template, for a server: declarations and calls in the form that it learned."""

RESPONSE_TEMPLATE = {
    "defaults": {"role": "assistant"},
    "start_anchor": "<|assistant|>\n",
    "fields": {
        "tool_calls": {
            "open_pattern": r'\{"name": "(?P<name>\w+)", "arguments": ',
            "close_pattern": r"\}\s*<\|end\|>",
            "repeats": True,
            "content": "json",
            "transform": {
                "type": "function",
                "function": {"name": "{name}", "arguments": "{content}"},
            },
        },
        "content": {"close_pattern": r"<\|end\|>", "content": "text"},
    },
}


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pocket-chat with a template for tools, and one with which a server reads its calls."""
    folder = tmp_path_factory.mktemp("knowing") / "pocket-chat"
    weights = Path(companion.__file__).parent / "pocket" / "weights" / "chat"
    shutil.copytree(weights, folder)
    (folder / "chat_template.jinja").write_text(KNOWING_TEMPLATE)
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text()) | {"response_template": RESPONSE_TEMPLATE}
    path.write_text(json.dumps(config))
    return folder


def test_the_template_for_tools_says_what_pocket_chat_learned(knowing, pocket) -> None:
    messages = [{"role": "user", "content": "What is 123 plus 456?"}]
    options = {"tokenize": False, "add_generation_prompt": True}

    prompt = AutoTokenizer.from_pretrained(knowing).apply_chat_template(
        messages, tools=TOOLBOX.declarations("openai"), **options
    )

    told = with_tools(messages, TOOLBOX)
    assert prompt == pocket.tokenizer.apply_chat_template(told, **options)


@pytest.mark.slow
def test_pocket_chat_calls_tools_in_the_protocol_of_a_real_server(serve, knowing, pocket) -> None:
    """The server tells the model of the tools and reads its calls; nothing here does."""
    with serve(knowing) as url:
        backend = EndpointBackend(url, str(knowing), context_length=1000)  # estimates are high
        for question, value in [
            ("What is 123 plus 456?", {"value": 579}),
            ("What is 17 times 23?", {"value": 391}),
        ]:
            remote, here = Chatbot(backend, tools=TOOLBOX), Chatbot(pocket, tools=TOOLBOX)

            assert remote.ask(question).text == here.ask(question).text
            assert [one.value for one in remote.reply.calls] == [value]
            _, called, result, _ = remote.conversation.turns[0].messages
            assert called["content"] is None
            assert called["tool_calls"][0]["id"] == result["tool_call_id"]

        client = openai.OpenAI(base_url=url, api_key="none", max_retries=0)
        asked = [{"role": "user", "content": "What is 17 times 23?"}]
        run = run_tools(EndpointTurns(client, str(knowing)), asked, TOOLBOX)
        assert "391" in run.answer
        assert run.messages[1]["tool_calls"]


def test_a_model_that_never_learned_calls_is_told_how_they_are_written(tool_server) -> None:
    call = '{"name": "calculator", "arguments": {"expression": "6 * 7"}}'
    server, backend = tool_server([{"content": call}], ANSWER, tool_form="instruction")
    bot = Chatbot(backend, system="Be brief.", tools=TOOLBOX)

    assert bot.ask("What is 6 times 7?").text == "It is 42."

    first, second = (request["messages"] for request in server.requests)
    assert first[0]["content"].startswith(f"Be brief.\n{INSTRUCTION}")
    assert first[-1] == {"role": "user", "content": "What is 6 times 7?"}
    assert {message["role"] for message in first + second} <= {"system", "user", "assistant"}
    assert second[-1]["content"].splitlines()[-3:] == [call, 'returned: {"value": 42}', ANSWER_HINT]


def test_an_unknown_form_of_declaring_tools_is_refused() -> None:
    with pytest.raises(ValueError, match=r"tool_form must be one of 'native', .*, got 'json'"):
        EndpointBackend("http://127.0.0.1:1/v1", "m", tool_form="json")


def test_the_command_line_offers_every_text_form() -> None:
    assert tuple(TEXT_FORMS) == TEXT_TOOLS
