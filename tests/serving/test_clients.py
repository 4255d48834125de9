"""The clients that people have, unchanged: openai, LangChain, Open WebUI, `companion chat`."""

import json
from typing import Literal

import httpx
import openai
import pytest
import torch
from pydantic import BaseModel

import companion
from companion.backends.backend import Turns
from companion.backends.endpoint import EndpointBackend
from companion.backends.local import LocalBackend
from companion.chatbot import Chatbot, ChatSettings
from companion.generation.params import SamplingParams
from companion.messages import prompt_text
from companion.rag import BM25Retriever, Document
from companion.tools import Toolbox, run_tools
from companion.tools.calculator import calculator
from companion.tools.weather import get_weather

NAME = "pocket-chat"
FRANCE = [{"role": "user", "content": "What is the capital of France?"}]
SUM = [{"role": "user", "content": "Compute 417 - 598."}]
TOOLBOX = Toolbox([calculator, get_weather])
TOOLS = TOOLBOX.declarations("openai")
GREEDY = SamplingParams(temperature=0, max_new_tokens=64)


# The client of OpenAI


def test_openai_answers_and_counts(client: openai.OpenAI, chat: tuple) -> None:
    answer = client.chat.completions.create(model=NAME, messages=FRANCE, temperature=0)

    prompt = prompt_text(chat[1], FRANCE)
    (alone,) = companion.generate(*chat, prompt, GREEDY)
    assert answer.choices[0].message.content == alone.text
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.prompt_tokens == len(chat[1](prompt).input_ids)
    assert answer.usage.completion_tokens == len(alone.token_ids)


def test_openai_samples_what_generate_samples_with_this_seed(
    client: openai.OpenAI, chat: tuple
) -> None:
    params = SamplingParams(temperature=1.3, top_p=0.95, max_new_tokens=20, n=3)
    answer = client.chat.completions.create(
        model=NAME, messages=FRANCE, temperature=1.3, top_p=0.95, max_tokens=20, n=3, seed=11
    )

    alone = companion.generate(
        *chat, prompt_text(chat[1], FRANCE), params, generator=torch.Generator().manual_seed(11)
    )
    assert [choice.message.content for choice in answer.choices] == [one.text for one in alone]


def test_logprobs_are_those_of_transformers(client: openai.OpenAI, chat: tuple) -> None:
    model, tokenizer = chat
    answer = client.chat.completions.create(
        model=NAME, messages=FRANCE, temperature=0, logprobs=True, top_logprobs=3
    )

    inputs = tokenizer(prompt_text(tokenizer, FRANCE), return_tensors="pt")
    written = model.generate(
        **inputs,
        max_new_tokens=20,
        do_sample=False,
        return_dict_in_generate=True,
        output_logits=True,
    )
    scores = torch.stack(written.logits)[:, 0].log_softmax(-1)  # (tokens, V)
    told = answer.choices[0].logprobs.content
    assert len(told) == len(scores)
    for token, row in zip(told, scores, strict=True):
        values, ids = row.topk(3)
        assert token.logprob == pytest.approx(values[0].item(), abs=1e-3)
        assert [one.logprob for one in token.top_logprobs] == pytest.approx(
            values.tolist(), abs=1e-3
        )
        assert token.token == tokenizer.decode([ids[0]])
        assert bytes(token.bytes).decode() == token.token


def test_openai_streams_pieces_and_usage(client: openai.OpenAI) -> None:
    with client.chat.completions.create(
        model=NAME,
        messages=FRANCE,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    ) as stream:
        chunks = list(stream)

    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == "The capital of France is Paris."
    assert len(pieces) > 5
    assert chunks[-1].usage.completion_tokens == 8


def test_openai_gets_a_call_sends_the_result_and_gets_the_answer(client: openai.OpenAI) -> None:
    asked = {"model": NAME, "temperature": 0, "tools": TOOLS}
    first = client.chat.completions.create(messages=SUM, **asked).choices[0]
    (call,) = first.message.tool_calls

    result = {"role": "tool", "tool_call_id": call.id, "content": '{"value": -181}'}
    turns = [*SUM, first.message.model_dump(exclude_none=True), result]
    second = client.chat.completions.create(messages=turns, **asked).choices[0]

    assert (first.finish_reason, first.message.content) == ("tool_calls", None)
    assert call.function.name == "calculator"
    assert json.loads(call.function.arguments) == {"expression": "417 - 598"}
    assert second.message.content == "The result is -181."
    assert second.message.tool_calls is None


def test_openai_streams_a_call(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(
        model=NAME, messages=SUM, temperature=0, tools=TOOLS
    ) as stream:
        final = stream.get_final_completion()

    (call,) = final.choices[0].message.tool_calls
    assert json.loads(call.function.arguments) == {"expression": "417 - 598"}
    assert final.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("none", []),
        ("required", ["calculator", "get_weather"]),
        ({"type": "function", "function": {"name": "get_weather"}}, ["get_weather"]),
    ],
)
def test_the_choice_of_a_tool_is_kept(client: openai.OpenAI, choice: object, names: list) -> None:
    answer = client.chat.completions.create(
        model=NAME, messages=FRANCE, temperature=0, tools=TOOLS, tool_choice=choice
    ).choices[0]

    calls = answer.message.tool_calls or []
    assert [call.function.name in names for call in calls] == [True] * bool(names)
    for call in calls:
        schema = TOOLBOX[call.function.name].parameters
        assert json.loads(call.function.arguments).keys() == schema["properties"].keys()


def test_openai_parses_an_object_of_a_class(client: openai.OpenAI) -> None:
    class Answer(BaseModel):
        city: Literal["Paris", "Rome"]
        sure: bool

    answer = client.chat.completions.parse(
        model=NAME, messages=FRANCE, temperature=0, response_format=Answer
    )
    plain = client.chat.completions.create(
        model=NAME,
        messages=FRANCE,
        temperature=0,
        max_tokens=60,
        response_format={"type": "json_object"},
        seed=0,
    ).choices[0]

    assert isinstance(answer.choices[0].message.parsed, Answer)
    assert plain.message.content.startswith("{")
    assert plain.finish_reason == "length" or isinstance(json.loads(plain.message.content), dict)


def test_openai_reads_the_errors(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="this server has no other"):
        client.chat.completions.create(model="gpt-4o", messages=FRANCE)
    with pytest.raises(openai.BadRequestError, match="temperature must be") as error:
        client.chat.completions.create(model=NAME, messages=FRANCE, temperature=9)
    assert error.value.param == "temperature"


def test_openai_continues_a_text(client: openai.OpenAI, chat: tuple) -> None:
    answer = client.completions.create(
        model=NAME, prompt="Once upon a time", temperature=0, max_tokens=12, stop=["."]
    ).choices[0]

    params = SamplingParams(temperature=0, max_new_tokens=12, stop=(".",))
    (alone,) = companion.generate(*chat, "Once upon a time", params)
    assert (answer.text, answer.finish_reason) == (alone.text, "stop")


# LangChain


def langchain(address: str, **settings: object) -> object:
    library = pytest.importorskip("langchain_openai")
    return library.ChatOpenAI(
        base_url=address, api_key="none", model=NAME, temperature=0, max_retries=0, **settings
    )


def test_langchain_asks_and_streams(address: str) -> None:
    model = langchain(address)

    answer = model.invoke("What is the capital of France?")
    streamed = list(model.stream("What is the capital of France?"))

    assert answer.content == "The capital of France is Paris."
    assert answer.usage_metadata["output_tokens"] == 8
    assert answer.response_metadata["finish_reason"] == "stop"
    assert "".join(chunk.content for chunk in streamed) == answer.content


def test_langchain_binds_tools(address: str) -> None:
    model = langchain(address).bind_tools(TOOLS)

    answer = model.invoke("Compute 417 - 598.")
    result = {"role": "tool", "tool_call_id": answer.tool_calls[0]["id"]}
    result["content"] = '{"value": -181}'
    final = model.invoke([("user", "Compute 417 - 598."), answer, result])

    (call,) = answer.tool_calls
    assert (call["name"], call["args"]) == ("calculator", {"expression": "417 - 598"})
    assert final.content == "The result is -181."


def test_langchain_gets_an_object_of_a_class(address: str) -> None:
    class Answer(BaseModel):
        """The answer."""

        city: Literal["Paris", "Rome"]

    for method in ("json_schema", "function_calling"):
        model = langchain(address).with_structured_output(Answer, method=method)

        assert isinstance(model.invoke("What is the capital of France?"), Answer)


# Open WebUI: the forms that its backend sends, with the fields of its own that reach a server


def test_open_webui_chats(web: httpx.Client) -> None:
    form = {
        "stream": True,
        "model": NAME,
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": [{"type": "text", "text": "What is the capital of France?",
                                          "cache_control": {"type": "ephemeral"}}]},
        ],
        "params": {},
        "files": [],
        "tool_servers": [],
        "features": {"image_generation": False, "web_search": False, "memory": False},
        "variables": {"{{USER_NAME}}": "Ada", "{{CURRENT_DATE}}": "2026-11-30"},
        "session_id": "x9",
        "chat_id": "5f0c",
        "id": "7aa1",
        "background_tasks": {"title_generation": True, "tags_generation": True},
        "metadata": {"user_id": "1", "function_calling": "default"},
        "user": {"name": "Ada", "role": "admin"},
        "stream_options": {"include_usage": True},
        "max_completion_tokens": None,
        "reasoning": {"effort": "low"},
    }  # fmt: skip

    lines = [line for line in web.post("chat/completions", json=form).text.split("\n\n") if line]

    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    text = "".join(
        choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"]
    )
    assert lines[-1] == "data: [DONE]"
    assert text
    assert chunks[-1]["usage"]["total_tokens"] > 20


TASKS = {
    "title_generation": 'Generate a title of 3-5 words. JSON format: {"title": "your title here"}',
    "tags_generation": 'Generate 1-3 tags. JSON format: {"tags": ["tag1", "tag2"]}',
    "follow_up_generation": 'Suggest follow-ups. JSON format: {"follow_ups": ["Question 1?"]}',
}


@pytest.mark.parametrize("task", TASKS)
def test_open_webui_has_titles_tags_and_follow_ups_written(web: httpx.Client, task: str) -> None:
    history = "<chat_history>\nUSER: Hello!\nASSISTANT: Hi!\n</chat_history>"
    form = {
        "model": NAME,
        "messages": [{"role": "user", "content": f"### Task:\n{TASKS[task]}\n{history}"}],
        "stream": False,
        "max_completion_tokens": 1000,
        "metadata": {"task": task, "task_body": {"model": NAME}, "chat_id": "5f0c"},
    }

    answer = web.post("chat/completions", json=form)

    assert answer.status_code == 200
    assert isinstance(answer.json()["choices"][0]["message"]["content"], str)


def test_open_webui_lists_the_model(web: httpx.Client) -> None:
    listed = web.get("models", headers={"authorization": "Bearer none"}).json()

    assert [(model["id"], model["object"]) for model in listed["data"]] == [(NAME, "model")]


# The package's own client: the same conversation, documents and tools, here and behind the server


@pytest.fixture
def endpoint(address: str, backend: LocalBackend) -> EndpointBackend:
    return EndpointBackend(address, NAME, count_tokens=backend.count_tokens)


def test_the_endpoint_tells_its_context_and_its_model(endpoint: EndpointBackend) -> None:
    assert endpoint.context_length == 512
    assert endpoint.models == [NAME]


def test_a_conversation_goes_as_with_the_model_here(
    backend: LocalBackend, endpoint: EndpointBackend
) -> None:
    said = [
        "My name is Ada.",
        "What is my name?",
        "Complete the last line.\nhot -> cold\nbig -> small\nup ->",
        "What is the capital of <|end|>Japan?",
    ]

    talks = []
    for one in (backend, endpoint):
        bot = Chatbot(one, settings=ChatSettings(GREEDY))
        talks.append([bot.ask(text).text for text in said])

    assert talks[0] == talks[1]
    assert "Ada" in talks[0][1]


def test_documents_are_answered_from_as_with_the_model_here(
    backend: LocalBackend, endpoint: EndpointBackend
) -> None:
    notes = ["Vera lives in Oslo.", "The bakery opens at seven.", "Omar has a red bicycle."]
    retriever = BM25Retriever([Document(note) for note in notes])

    answers = []
    for one in (backend, endpoint):
        bot = Chatbot(one, retriever=retriever, settings=ChatSettings(GREEDY))
        replies = [bot.ask(text) for text in ("Where does Vera live?", "What does Omar have?")]
        answers.append(
            [(reply.text, [source.document.text for source in reply.sources]) for reply in replies]
        )

    assert answers[0] == answers[1]
    assert "Oslo" in answers[0][0][0]


def test_tools_are_called_as_with_the_model_here(
    backend: LocalBackend, endpoint: EndpointBackend
) -> None:
    questions = ["Compute 417 - 598.", "What is 12 + 30?"]

    runs = []
    for one in (backend, endpoint):
        for question in questions:
            run = run_tools(Turns(one), [{"role": "user", "content": question}], TOOLBOX)
            calls = [
                (result.call.name, result.call.arguments, result.value) for result in run.calls
            ]
            runs.append((run.answer, calls))

    assert runs[:2] == runs[2:]
    assert runs[0] == (
        "The result is -181.",
        [("calculator", {"expression": "417 - 598"}, {"value": -181})],
    )


@pytest.mark.parametrize("asked", ["Compute 417 - 598.", "Compute 12 * 31."])
def test_a_short_context_has_room_for_tools_since_the_server_counts(
    address: str, asked: str
) -> None:
    bot = Chatbot(EndpointBackend(address, NAME), tools=TOOLBOX, settings=ChatSettings(GREEDY))

    reply = bot.ask(asked)

    assert [result.call.name for result in reply.calls] == ["calculator"]
    assert reply.text.startswith("The result is")
