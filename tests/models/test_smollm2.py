"""The open model itself, where it was fetched."""

import pytest

import companion
from companion.messages import prompt_text
from companion.models import open_model
from companion.models.checkpoint import sha256

FETCHED = open_model.place()  # in the user's own cache; tests have another one
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not open_model.installed(), reason="run `companion fetch smollm2` first"),
]


@pytest.fixture(autouse=True)
def _fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_model, "place", lambda: FETCHED)


def test_the_real_model_answers() -> None:
    model, tokenizer = companion.load("smollm2")
    messages = [{"role": "user", "content": "What is the capital of France?"}]
    prompt = prompt_text(tokenizer, messages)
    params = companion.SamplingParams(temperature=0, max_new_tokens=20)

    (answer,) = companion.generate(model, tokenizer, prompt, params)

    assert answer.text == "The capital of France is Paris."
    assert answer.finish_reason == "eos"


def test_it_is_converted_as_it_was_when_the_book_was_measured() -> None:
    _, tokenizer = companion.load("smollm2")

    weights = sha256(open_model.place() / "model.safetensors")
    assert weights == "d8d8571b3af99053c8ad455ce009d8479eec5da515f80a417c075d0a7f317904"
    assert tokenizer("12345 apples").input_ids == [33, 34, 35, 36, 37, 13855]
