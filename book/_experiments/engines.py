"""One model on four engines: do they give the same tokens the same log-probabilities?

The package, its server ``companion serve``, ``transformers serve``, llama.cpp and vLLM answer the
same questions with pocket-chat, greedily. llama.cpp reads it from a GGUF file: as it is used, with
a cache in 16 bits, and with everything in 32 bits. It is taken along if the package xllamacpp is
installed, and vLLM if the variable VLLM_ADDRESS has the address of a running one. Taught in
:doc:`/book/open-models/serving`.

Left out: speed (the model is too small to say anything about that), GPUs.
"""

import os
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import companion
from companion._extras import require
from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.messages import prompt_text
from companion.models import load
from companion.models.gguf_export import export_gguf

from ._servers import companion_serve, llama_cpp, transformers_serve

QUESTIONS = (
    "What is the capital of France?",
    "What is the capital of Japan?",
    "Spell the word lemon.",
    "Hello! My name is Anna.",
    "Complete the last line.\nhot -> cold\nbig -> small\nup ->",
    "Anna has 5 eggs. She buys 2 baskets with 5 eggs each. How many eggs does Anna have now?",
    "Turn the words into a list with one item on each line.\nsun, moon, star",
    "Translate into French: the red house",
)
NEW = 8
DIGITS = 6
VLLM_VARIABLE = "VLLM_ADDRESS"


def measure(*, scale: float = 1.0) -> dict[str, Any]:
    """Ask every engine.

    Args:
        scale: Below 1, fewer questions.

    Returns:
        ``questions``; ``answers``, the package's; ``engines``: one dict each with ``engine``,
        ``version``, dtypes of ``weights`` and ``cache``, ``same_text`` (number of equal answers)
        and ``logprobs``, one list per question, or None where the engine does not tell them.
    """
    chat = load("chat", source="pocket")
    asked = QUESTIONS[: max(2, round(len(QUESTIONS) * scale))]
    conversations = [[{"role": "user", "content": question}] for question in asked]
    answers, logprobs = ours(chat, conversations)
    own = ("companion", companion.__version__, "float32", "float32")
    engines = [_row(*own, answers, answers, logprobs)]
    for *what, (said, found) in _others(chat, conversations):
        engines.append(_row(*what, answers, said, found))
    return {"questions": list(asked), "answers": answers, "engines": engines}


def ours(chat: Any, conversations: list[Any]) -> tuple[list[str], list[list[float]]]:
    """Return the package's answers and the log-probability of each of their tokens."""
    prompts = [prompt_text(chat.tokenizer, messages) for messages in conversations]
    params = SamplingParams(temperature=0, max_new_tokens=NEW)
    written = [generate(*chat, prompt, params)[0] for prompt in prompts]
    return [one.text for one in written], [list(one.logprobs) for one in written]


def library(chat: Any, conversations: list[Any]) -> tuple[list[str], list[list[float]]]:
    """Return the same by ``generate`` of transformers, which ``transformers serve`` calls."""
    model, tokenizer = chat
    answers, logprobs = [], []
    for messages in conversations:
        inputs = tokenizer(prompt_text(tokenizer, messages), return_tensors="pt")
        written = model.generate(
            **inputs,
            max_new_tokens=NEW,
            do_sample=False,
            return_dict_in_generate=True,
            output_logits=True,
        )
        new = written.sequences[0, inputs.input_ids.shape[1] :]
        scores = torch.stack(written.logits)[:, 0].log_softmax(-1)  # (tokens, V)
        logprobs.append(scores[torch.arange(len(new)), new].tolist())
        answers.append(tokenizer.decode(new, skip_special_tokens=True))
    return answers, logprobs


def served(
    address: str, conversations: list[Any], *, model: str, logprobs: bool = True
) -> tuple[list[str], list[list[float]] | None]:
    """Return what a server says, by the client of OpenAI."""
    openai = require("openai", extra="chat")
    client = openai.OpenAI(base_url=address, api_key="none")
    wanted = {"logprobs": True} if logprobs else {}
    choices = [
        client.chat.completions.create(
            model=model, messages=messages, temperature=0, max_tokens=NEW, **wanted
        ).choices[0]
        for messages in conversations
    ]
    answers = [choice.message.content for choice in choices]
    if not logprobs:
        return answers, None
    return answers, [[token.logprob for token in choice.logprobs.content] for choice in choices]


def _others(chat: Any, conversations: list[Any]) -> Iterator[tuple[Any, ...]]:
    number = version("transformers")
    plain = ("float32", "float32")
    yield "transformers, generate", number, *plain, library(chat, conversations)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "pocket-chat")
        for part in chat:
            part.save_pretrained(folder)
        with companion_serve(folder) as address:
            found = served(address, conversations, model=folder.name)
        yield "companion serve", companion.__version__, *plain, found
        with transformers_serve(folder) as address:
            found = served(address, conversations, model=str(folder), logprobs=False)
        yield "transformers serve", number, *plain, found
        if number := _installed("xllamacpp"):
            for weights, cache in (plain, ("float32", "float16"), ("float16", "float16")):
                file = export_gguf(*chat, Path(name, "chat.gguf"), dtype=getattr(torch, weights))
                with llama_cpp(file, exact=cache == "float32") as address:
                    found = served(address, conversations, model="")
                yield "llama.cpp", number, weights, cache, found
    if address := os.environ.get(VLLM_VARIABLE):
        openai = require("openai", extra="chat")
        client = openai.OpenAI(base_url=address, api_key="none")
        model = client.models.list().data[0].id
        number = os.environ.get("VLLM_VERSION", "unknown")
        yield "vLLM", number, *plain, served(address, conversations, model=model)


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _row(
    engine: str,
    number: str,
    weights: str,
    cache: str,
    answers: list[str],
    said: list[str],
    logprobs: list[list[float]] | None,
) -> dict[str, Any]:
    rounded = logprobs and [[round(value, DIGITS) for value in row] for row in logprobs]
    same = sum(one.strip() == other.strip() for one, other in zip(answers, said, strict=True))
    return {
        "engine": engine,
        "version": number,
        "weights": weights,
        "cache": cache,
        "same_text": same,
        "logprobs": rounded,
    }
