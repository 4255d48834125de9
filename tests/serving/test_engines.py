"""The same conversation, documents and tools against several engines: the same results."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from _experiments import _servers, engines

from companion.backends.backend import Turns
from companion.backends.endpoint import NATIVE, EndpointBackend
from companion.backends.local import LocalBackend
from companion.chatbot import Chatbot, ChatSettings
from companion.generation.params import SamplingParams
from companion.models.gguf_export import export_gguf
from companion.rag import BM25Retriever, Document
from companion.tools import Toolbox, run_tools
from companion.tools.calculator import calculator

GREEDY = SamplingParams(temperature=0, max_new_tokens=32)
TOOLBOX = Toolbox([calculator])
NOTES = ["Vera lives in Oslo.", "The bakery opens at seven.", "Omar has a red bicycle."]
NEEDS_LLAMA = pytest.mark.skipif(find_spec("xllamacpp") is None, reason="xllamacpp is missing")


@contextmanager
def started(engine: str, chat: tuple, folder: Path) -> Iterator[tuple[str, str, str]]:
    """Run an engine; gives its address, the model's name there, and how it is told of tools."""
    place = folder / "pocket-chat"
    for part in chat:
        part.save_pretrained(place)
    if engine == "companion serve":
        with _servers.companion_serve(place) as address:
            yield address, place.name, NATIVE
    elif engine == "transformers serve":
        pytest.importorskip("fastapi")
        with _servers.transformers_serve(place) as address:
            yield address, str(place), "pocket"
    else:
        file = export_gguf(*chat, folder / "chat.gguf", dtype=torch.float32)
        with _servers.llama_cpp(file, exact=True) as address:
            yield address, "pocket-chat", "pocket"


def results(backend: object) -> list:
    """Hold a conversation, ask documents, have a tool called."""
    bot = Chatbot(backend, settings=ChatSettings(GREEDY))
    talk = [bot.ask(text).text for text in ("My name is Ada.", "What is my name?")]
    reader = Chatbot(
        backend,
        retriever=BM25Retriever([Document(note) for note in NOTES]),
        settings=ChatSettings(GREEDY),
    )
    read = reader.ask("Where does Vera live?")
    asked = [{"role": "user", "content": "Compute 417 - 598."}]
    run = run_tools(Turns(backend, GREEDY), asked, TOOLBOX)
    calls = [(result.call.name, result.call.arguments, result.value) for result in run.calls]
    return [talk, read.text, run.answer, calls]


@pytest.mark.slow
@pytest.mark.parametrize(
    "engine",
    ["companion serve", "transformers serve", pytest.param("llama.cpp", marks=NEEDS_LLAMA)],
)
def test_an_engine_says_what_the_model_here_says(
    engine: str, chat: tuple, backend: LocalBackend, tmp_path: Path
) -> None:
    with started(engine, chat, tmp_path) as (address, name, tool_form):
        endpoint = EndpointBackend(
            address,
            name,
            context_length=512,
            count_tokens=backend.count_tokens,
            tool_form=tool_form,
            timeout=120,
        )
        found = results(endpoint)

    expected = results(backend)
    assert found == expected
    assert expected[3] == [("calculator", {"expression": "417 - 598"}, {"value": -181})]


@pytest.mark.slow
@pytest.mark.parametrize(
    "engine", ["companion serve", pytest.param("llama.cpp", marks=NEEDS_LLAMA)]
)
def test_an_engine_has_the_same_logprobs_to_a_hundredth(
    engine: str, chat: tuple, tmp_path: Path
) -> None:
    conversations = [[{"role": "user", "content": text}] for text in engines.QUESTIONS[:3]]
    texts, expected = engines.ours(engines.load("chat", source="pocket"), conversations)

    with started(engine, chat, tmp_path) as (address, name, _):
        answers, logprobs = engines.served(address, conversations, model=name)

    assert [answer.strip() for answer in answers] == [text.strip() for text in texts]
    for ours, theirs in zip(expected, logprobs, strict=True):
        assert theirs == pytest.approx(ours, abs=0.01)
