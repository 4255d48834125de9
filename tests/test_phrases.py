"""The phrases stand in one place, and are those that the bundled models were trained on."""

import ast
import hashlib
import json
import math
import random
from collections.abc import Iterable
from functools import cache
from itertools import islice
from pathlib import Path

import pytest
import torch

import companion
from companion import phrases
from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.messages import prompt_text
from companion.models.loading import WEIGHTS_ROOT
from companion.phrases import CHAT_TEMPLATE
from companion.pocket.corpus import arithmetic, context, demonstrations, documents
from companion.pocket.tokenizer import SPECIAL_TOKENS

ROOT = Path(companion.__file__).parent
ONE_PLACE = {
    "NOT_THERE": phrases.NOT_THERE,
    "TRIGGER": phrases.TRIGGER,
    "TOOLS_PROMPT": phrases.TOOLS_PROMPT.strip(),
    "RETRIEVAL_PROMPT": phrases.RETRIEVAL_PROMPT.split("\n")[0],
    "END_OF_TURN": phrases.END_OF_TURN,
}


@cache
def texts(path: Path) -> list[str]:
    """Return the strings of a module that are no docstrings."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    alone = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    constants = [node for node in nodes if isinstance(node, ast.Constant) and id(node) not in alone]
    return [node.value for node in constants if isinstance(node.value, str)]


@pytest.mark.parametrize("name", ONE_PLACE)
def test_a_phrase_is_written_once(name: str) -> None:
    catalog = ROOT / "exercises" / "catalog"  # shows learners what a prompt looks like
    paths = [path for path in ROOT.rglob("*.py") if catalog not in path.parents]

    found = [path.name for path in paths for text in texts(path) if ONE_PLACE[name] in text]

    assert found == ["phrases.py"]


@pytest.fixture(scope="module")
def chat() -> tuple:
    return companion.load("chat", device="cpu")


@pytest.fixture(scope="module")
def base() -> tuple:
    return companion.load("base", device="cpu")


def logprob(loaded: tuple, prompt: str, text: str) -> float:
    """Return the log-probability of a text after a prompt, nats."""
    model, tokenizer = loaded
    first, then = (tokenizer(part)["input_ids"] for part in (prompt, text))
    with torch.inference_mode():
        logprobs = model(torch.tensor([first + then])).logits.log_softmax(-1)[0]
    return sum(logprobs[len(first) - 1 + i, token].item() for i, token in enumerate(then))


@pytest.mark.parametrize("role", ["base", "chat"])
def test_roles_and_turns_are_those_of_the_trained_tokenizer(role: str) -> None:
    folder = WEIGHTS_ROOT / role
    added = json.loads((folder / "tokenizer.json").read_text())["added_tokens"]

    assert {token["content"] for token in added} == set(SPECIAL_TOKENS)
    assert (folder / "chat_template.jinja").read_text() == CHAT_TEMPLATE


def test_pocket_chat_says_that_the_context_does_not_say(chat: tuple) -> None:
    rng = random.Random(0)
    prompts = []
    for _ in range(4):
        found = context.facts(rng, "test", 3)
        asked, answer = found.questions[0]
        left = [sentence for sentence in found.sentences if answer not in sentence]
        prompt = context.retrieval_prompt(left, asked).removesuffix("\nAnswer:")
        prompts.append(prompt_text(chat[1], [{"role": "user", "content": prompt}]))

    answers = generate(*chat, prompts, SamplingParams(20, temperature=0))

    assert [answer.text for answer in answers] == [phrases.NOT_THERE] * 4


@pytest.mark.parametrize("other", ["Let's think step by step:", "Let us think step by step."])
def test_pocket_base_expects_the_trigger_to_the_letter(base: tuple, other: str) -> None:
    problem = arithmetic.problem(random.Random(0), "test", events=2)
    prompt = f"Question: {problem.question}\nAnswer:"

    known = logprob(base, prompt, f" {phrases.TRIGGER}")

    assert known > math.log(0.2)
    assert known > logprob(base, prompt, f" {other}") + 5


@pytest.mark.parametrize("other", ["with the context alone", "from the context only"])
def test_pocket_base_expects_the_retrieval_prompt(base: tuple, other: str) -> None:
    head = phrases.RETRIEVAL_PROMPT.split("{")[0]

    known = logprob(base, "\n", head)

    assert known > logprob(base, "\n", head.replace("with the context only", other)) + 5


def test_pocket_base_ends_its_reasoning_with_the_conclusion(base: tuple) -> None:
    problem = arithmetic.problem(random.Random(0), "test", events=2)
    steps, conclusion = arithmetic.reasoned(problem).rsplit(f" {phrases.CONCLUSION}", 1)

    assert conclusion == f" {problem.answer}."
    assert logprob(base, steps, f" {phrases.CONCLUSION}") > math.log(0.5)


def digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


# Computed with the code of the commits that brought the weights. A change here means that the
# models are to be trained again.


def test_the_documents_are_those_that_pocket_base_was_trained_on() -> None:
    texts = (document.text for document in islice(documents(0), 300))

    assert digest(texts) == "a27949cf419beebb"


def test_the_conversations_are_those_that_pocket_chat_was_trained_on() -> None:
    records = demonstrations.records(0, "train", 300)
    turns = [turn for record in records for turn in record["messages"]]

    assert any(turn["content"].startswith(phrases.TOOLS_PROMPT) for turn in turns)
    assert digest(f"{turn['role']}: {turn['content']}" for turn in turns) == "4a465afd8ffa9830"
