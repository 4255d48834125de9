"""Orders that are written together: each as `companion.generate` writes it alone."""

import pytest
import torch

import companion
from companion.backends.structured import SchemaConstraint
from companion.generation.params import SamplingParams
from companion.serving.batch import Part, Writing, write_together
from companion.serving.order import Order
from tests.conftest import EOS, VOCAB_SIZE, FunctionModel, make_byte_tokenizer

PROMPTS = ["<|user|>\nWhat is the capital of France?<|end|>\n<|assistant|>\n", "Once upon", "The"]


def order(tokenizer: object, prompt: str, params: SamplingParams, **more: object) -> Order:
    return Order([prompt], [tokenizer(prompt).input_ids], params, **({"seed": 5} | more))


def run(model: object, writings: list[Writing]) -> list[dict[int, list[Part]]]:
    """Write to the end, and return the parts of each text of each order."""
    found: list[dict[int, list[Part]]] = [{} for _ in writings]
    for brought in write_together(model, writings):
        for into, parts in zip(found, brought, strict=True):
            for part in parts:
                into.setdefault(part.row, []).append(part)
    return found


SETTINGS = {
    "greedy": SamplingParams(max_new_tokens=9, temperature=0),
    "sampled": SamplingParams(max_new_tokens=20, temperature=1.2, top_p=0.9, top_k=40, n=2),
    "penalty": SamplingParams(max_new_tokens=14, temperature=0, repetition_penalty=1.3),
    "stop": SamplingParams(max_new_tokens=30, temperature=0, stop=(".", "\n")),
}


def test_orders_with_settings_of_their_own_get_what_they_would_get_alone(chat: tuple) -> None:
    model, tokenizer = chat
    pairs = [(prompt, params) for prompt in PROMPTS for params in SETTINGS.values()]
    orders = [order(tokenizer, *pair, seed=number) for number, pair in enumerate(pairs)]

    found = run(model, [Writing(one, model, tokenizer) for one in orders])

    for one, (prompt, params), rows in zip(orders, pairs, found, strict=True):
        generator = torch.Generator().manual_seed(one.seed)
        alone = companion.generate(model, tokenizer, prompt, params, generator=generator)
        assert ["".join(part.text for part in rows[row]) for row in sorted(rows)] == [
            text.text for text in alone
        ]
        for row, text in enumerate(alone):
            tokens = [part.token for part in rows[row]]
            assert [token.token for token in tokens] == text.token_ids
            assert [token.logprob for token in tokens] == pytest.approx(text.logprobs, abs=1e-4)
            assert [part.finish for part in rows[row]][-1] == text.finish_reason
            assert not any(part.finish for part in rows[row][:-1])


def test_an_order_goes_on_in_another_batch_as_if_nothing_had_been(chat: tuple) -> None:
    model, tokenizer = chat
    orders = [order(tokenizer, PROMPTS[0], SETTINGS[name]) for name in ("greedy", "sampled")]
    (whole,) = run(model, [Writing(orders[1], model, tokenizer)])

    left = [Writing(one, model, tokenizer) for one in orders]
    steps, parts = write_together(model, left), []
    for _ in range(5):
        parts += next(steps)[1]
    steps.close()
    third = Writing(order(tokenizer, PROMPTS[1], SETTINGS["stop"]), model, tokenizer)
    for rows in run(model, [third, left[1]])[1].values():
        parts += rows

    for row in (0, 1):
        texts = "".join(part.text for part in parts if part.row == row)
        assert texts == "".join(part.text for part in whole[row])


def test_a_text_that_has_ended_is_left_alone_in_the_next_batch(chat: tuple) -> None:
    model, tokenizer = chat
    params = SamplingParams(max_new_tokens=30, temperature=1.5, n=4)
    writing = Writing(order(tokenizer, PROMPTS[0], params), model, tokenizer)
    parts = []
    for _ in range(40):  # a batch anew for every token
        if writing.live:
            parts += next(write_together(model, [writing]))[0]

    whole = companion.generate(
        model, tokenizer, PROMPTS[0], params, generator=torch.Generator().manual_seed(5)
    )
    for row, alone in enumerate(whole):
        mine = [part for part in parts if part.row == row]
        assert [part.token.token for part in mine] == alone.token_ids
        assert "".join(part.text for part in mine) == alone.text


def test_alternatives_are_the_most_probable_tokens_with_their_logprobs(chat: tuple) -> None:
    model, tokenizer = chat
    wanted = order(tokenizer, PROMPTS[0], SETTINGS["greedy"], top=3)
    plain = order(tokenizer, PROMPTS[1], SETTINGS["greedy"])

    told, silent = run(model, [Writing(one, model, tokenizer) for one in (wanted, plain)])

    with torch.no_grad():
        logits = model(torch.tensor(wanted.prompts)).logits[0, -1]
    values, tokens = logits.log_softmax(-1).topk(3)
    first = told[0][0].token
    assert [token for token, _ in first.top] == tokens.tolist()
    assert [value for _, value in first.top] == pytest.approx(values.tolist(), abs=1e-3)
    assert first.top[0] == (first.token, pytest.approx(first.logprob))
    assert silent[0][0].token.top == []


def test_a_constraint_holds_its_own_order_only(chat: tuple) -> None:
    model, tokenizer = chat
    constraint = SchemaConstraint(model, tokenizer, {"enum": ["blue", "red"]})
    params = SamplingParams(max_new_tokens=9, temperature=0, n=2)
    held = order(tokenizer, PROMPTS[0], params, constraint=constraint)
    free = order(tokenizer, PROMPTS[0], SETTINGS["greedy"])

    bound, loose = run(model, [Writing(one, model, tokenizer) for one in (held, free)])

    for row in (0, 1):
        assert "".join(part.text for part in bound[row]) in ('"blue"', '"red"')
    assert "".join(part.text for part in loose[0]) == "The capital of France is Paris."


def test_an_order_that_is_left_says_no_more_and_the_others_go_on() -> None:
    tokenizer = make_byte_tokenizer()

    def probs(ids: list[int]) -> torch.Tensor:
        found = torch.full((VOCAB_SIZE,), 1e-6)
        found[3 + ord("a")] = 1.0
        return found

    model = FunctionModel(probs, eos_id=EOS)
    params = SamplingParams(max_new_tokens=6, temperature=0)
    one, other = (Writing(order(tokenizer, "x", params), model, tokenizer) for _ in range(2))
    counts = [0, 0]
    for number, brought in enumerate(write_together(model, [one, other])):
        counts = [count + len(parts) for count, parts in zip(counts, brought, strict=True)]
        if number == 1:
            one.leave()

    assert counts == [2, 6]


def test_an_order_without_a_token_to_choose_ends_alone() -> None:
    tokenizer = make_byte_tokenizer()
    model = FunctionModel(lambda ids: torch.full((VOCAB_SIZE,), 1 / VOCAB_SIZE), eos_id=EOS)
    params = SamplingParams(max_new_tokens=3, temperature=0)

    def nothing(logits: torch.Tensor, _: list) -> torch.Tensor:
        return torch.full_like(logits, float("-inf"))

    bad = Writing(order(tokenizer, "x", params, constraint=nothing), model, tokenizer)
    good = Writing(order(tokenizer, "x", params), model, tokenizer)
    found = run(model, [bad, good])

    assert found[0] == {}
    assert "no token can be chosen" in bad.error
    assert len(found[1][0]) == 3
    assert good.error == ""
