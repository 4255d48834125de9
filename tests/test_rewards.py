"""Rewards: a reward model whatever the padding, a rule, and what a broken reward must not do."""

import math

import pytest
import torch
import transformers
from torch import Tensor

import companion
from companion.errors import CompanionError, ContextLengthError, DataError, RewardError
from companion.messages import tokenize_chat
from companion.rewards import RewardModel, check_rewards, exact_answer

NAN, INF = float("nan"), float("inf")
PAD = 1
PROMPTS = ["Hi", "What is the capital of Italy?", "Copy the sentence.\nIt was late.", "4 + 4"]
RESPONSES = ["Hello.", "Gladly. The capital of Italy is Rome. Have a nice day.", "", "8"]


def record(prompt: str) -> dict:
    return {"prompt": [{"role": "user", "content": prompt}], "answer": "8"}


RECORDS = [record(prompt) for prompt in PROMPTS]


@pytest.fixture(scope="module")
def pocket_tokenizer() -> transformers.PreTrainedTokenizerFast:
    return companion.load("base").tokenizer


@pytest.fixture(scope="module")
def classifier() -> transformers.LlamaForSequenceClassification:
    """A random reward model for the pocket tokenizer whose rewards differ much."""
    return make_classifier()


def make_classifier(**changes: object) -> transformers.LlamaForSequenceClassification:
    config = {
        "vocab_size": 2048,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 128,
        "initializer_range": 0.5,
        "pad_token_id": PAD,
        "num_labels": 1,
    }
    transformers.set_seed(0)
    return transformers.LlamaForSequenceClassification(transformers.LlamaConfig(**config | changes))


def by_hand(model, tokenizer, prompt: str, response: str) -> float:
    """Write the template out, read one conversation without padding, apply the head at its end."""
    text = f"<|user|>\n{prompt}<|end|>\n<|assistant|>\n{response}<|end|>"
    ids = torch.tensor([tokenizer(text, add_special_tokens=False).input_ids])
    with torch.no_grad():
        states = model.model(ids).last_hidden_state
    return (states[0, -1] @ model.score.weight[0]).item()


@pytest.mark.parametrize("batch_size", [1, 2, 3, 64])
def test_a_ragged_batch_gets_the_rewards_of_its_rows_alone(
    classifier, pocket_tokenizer, batch_size: int, threads: int
) -> None:
    reward = RewardModel(classifier, pocket_tokenizer, batch_size=batch_size)

    rewards = reward(RECORDS, RESPONSES)

    pairs = zip(PROMPTS, RESPONSES, strict=True)
    expected = [by_hand(classifier, pocket_tokenizer, *pair) for pair in pairs]
    assert rewards.tolist() == pytest.approx(expected, abs=1e-4)
    assert len({round(value, 3) for value in expected}) == len(expected)


def test_the_reward_is_read_where_training_reads_it(classifier, pocket_tokenizer) -> None:
    rewards = RewardModel(classifier, pocket_tokenizer)(RECORDS, RESPONSES)

    for row, (one, said) in enumerate(zip(RECORDS, RESPONSES, strict=True)):
        turns = [*one["prompt"], {"role": "assistant", "content": said}]
        ids = tokenize_chat(pocket_tokenizer, turns).through_answer()
        assert ids[-1] == pocket_tokenizer.convert_tokens_to_ids("<|end|>")
        with torch.no_grad():
            expected = classifier(torch.tensor([ids])).logits[0, 0]
        assert rewards[row].item() == pytest.approx(expected.item(), abs=1e-4)


def test_a_padding_token_inside_a_response_is_read_as_text(classifier, pocket_tokenizer) -> None:
    said = "a<|pad|>b"

    (reward,) = RewardModel(classifier, pocket_tokenizer)(RECORDS[:1], [said]).tolist()

    expected = by_hand(classifier, pocket_tokenizer, PROMPTS[0], said)
    assert reward == pytest.approx(expected, abs=1e-4)


def test_rewards_follow_their_responses(classifier, pocket_tokenizer) -> None:
    reward = RewardModel(classifier, pocket_tokenizer, batch_size=2)

    backwards = reward(RECORDS[::-1], RESPONSES[::-1]).flip(0)

    torch.testing.assert_close(backwards, reward(RECORDS, RESPONSES), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("said", ["  Hello.", "\n\nHello.\n", "   Hello.  "])
def test_blanks_around_a_response_are_ignored(classifier, pocket_tokenizer, said: str) -> None:
    reward = RewardModel(classifier, pocket_tokenizer)

    assert reward(RECORDS[:1], [said]).item() == reward(RECORDS[:1], ["Hello."]).item()


def test_dropout_is_off_and_no_gradient_kept(pocket_tokenizer) -> None:
    model = make_classifier(attention_dropout=0.9).train()
    reward = RewardModel(model, pocket_tokenizer)

    first, second = reward(RECORDS, RESPONSES), reward(RECORDS, RESPONSES)

    assert torch.equal(first, second)
    assert not first.requires_grad


def test_no_response_gets_no_reward(classifier, pocket_tokenizer) -> None:
    assert RewardModel(classifier, pocket_tokenizer)([], []).shape == (0,)


def test_a_broken_model_is_reported(pocket_tokenizer) -> None:
    model = make_classifier()
    torch.nn.init.constant_(model.score.weight, NAN)
    with pytest.raises(RewardError, match="the reward of response 0 is nan"):
        RewardModel(model, pocket_tokenizer)(RECORDS, RESPONSES)


def test_a_model_with_two_outputs_is_refused(pocket_tokenizer) -> None:
    with pytest.raises(ValueError, match="this model has 2; load it with num_labels=1"):
        RewardModel(make_classifier(num_labels=2), pocket_tokenizer)


def test_a_model_without_padding_token_is_refused(pocket_tokenizer) -> None:
    with pytest.raises(ValueError, match="pad_token_id is None, missing"):
        RewardModel(make_classifier(pad_token_id=None), pocket_tokenizer)


def test_a_model_that_pads_with_the_end_of_a_turn_is_refused(pocket_tokenizer) -> None:
    end = pocket_tokenizer.convert_tokens_to_ids("<|end|>")
    with pytest.raises(ValueError, match=f"pad_token_id is {end}, the end of a turn.*own_padding"):
        RewardModel(make_classifier(pad_token_id=end), pocket_tokenizer)


def test_an_empty_batch_size_is_refused(classifier, pocket_tokenizer) -> None:
    with pytest.raises(ValueError, match="batch_size must be a whole number from 1, got 0"):
        RewardModel(classifier, pocket_tokenizer, batch_size=0)


def test_a_conversation_beyond_the_context_is_refused(classifier, pocket_tokenizer) -> None:
    reward = RewardModel(classifier, pocket_tokenizer)
    with pytest.raises(ContextLengthError, match=r"response 1 have \d+ tokens .* model is 128"):
        reward(RECORDS[:2], ["Hello.", "8 " * 200])


def test_a_conversation_that_fills_the_context_is_read(classifier, pocket_tokenizer) -> None:
    turns = [*RECORDS[0]["prompt"], {"role": "assistant", "content": ""}]
    room = 128 - len(tokenize_chat(pocket_tokenizer, turns).through_answer())
    reward = RewardModel(classifier, pocket_tokenizer)

    assert reward(RECORDS[:1], ["8" * room]).isfinite().all()
    with pytest.raises(ContextLengthError, match="have 129 tokens"):
        reward(RECORDS[:1], ["8" * (room + 1)])


@pytest.mark.parametrize("reward", [exact_answer, None], ids=["rule", "model"])
def test_records_and_responses_come_in_pairs(reward, classifier, pocket_tokenizer) -> None:
    reward = reward or RewardModel(classifier, pocket_tokenizer)
    with pytest.raises(ValueError, match="there are 4 records and 1 responses"):
        reward(RECORDS, ["Hello."])


def test_a_record_without_a_prompt_is_named(classifier, pocket_tokenizer) -> None:
    with pytest.raises(DataError, match="record 1 has no field 'prompt', only: text"):
        RewardModel(classifier, pocket_tokenizer)([RECORDS[0], {"text": "Hi"}], ["a", "b"])


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("8", 1),
        (" 8.\n", 1),
        ("4 + 4 = 8. The answer is 8.", 1),
        ("The answer is 8", 1),
        ("The answer is 7. No. The answer is 8.", 1),
        ("The answer is 8. No. The answer is 7.", 0),
        ("The answer is 7.", 0),
        ("The answer is 18.", 0),
        ("The answer is 81.", 0),
        ("The answer is 8.5.", 0),
        ("The answer is -8.", 0),
        ("The answer is eight.", 0),
        ("18", 0),
        ("8 8", 0),
        ("", 0),
    ],
)
def test_only_the_right_answer_is_rewarded(said: str, right: float) -> None:
    assert exact_answer([{"answer": "8"}], [said]).tolist() == [right]


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("The answer is\n42", 1),
        ("The answer is\r\n42.", 1),
        ("4 + 4 = 8. The answer is:\n\n42", 1),
        ("**The answer is:**\n**42**", 1),
        ("The answer is\n\n\\[ \\boxed{42} \\]\n\nGood luck!", 1),
        ("The answer is\n\\[\n\\boxed{42}\n\\].", 1),
        ("The answer is: \\[\n42\n\\]\nGood luck!", 1),
        ("The answer is $$\n42\n$$", 1),
        ("The answer is \\[ 42 \\]", 1),
        ("The answer is\n\\[\n42", 0),
        ("The answer is 41. No. The answer is\n42", 1),
        ("The answer is 42. No. The answer is\n41", 0),
        ("The answer is\n41\n42", 0),
        ("The answer is\n42 + 1 = 43", 0),
        ("The answer is\n1. Take 42.", 0),
        ("The answer is\n- 42", 0),
        ("The answer is", 0),
        ("The answer is .\n42", 0),
        ("The answer is unclear.\n42", 0),
        ("The answer is **42**.", 1),
        ("**The answer is 42.**", 1),
        ("The answer is \\boxed{42}.", 1),
        ("The answer is $\\boxed{42}$.", 1),
        ("The answer is: \\(42\\)", 1),
        ("**42**", 1),
        ("**42.**", 1),
        ("*42*.", 1),
        ("`42`", 1),
        ("$42$", 1),
        ("\\boxed{42}", 1),
        ("**$\\boxed{42}$**", 1),
        ("\\boxed{\\frac{84}{2}}", 1),
        ("**42", 0),
        ("42**2", 0),
        ("**4**2", 0),
        ("**4** and **42**", 0),
        ("\\boxed{41} \\boxed{42}", 0),
        ("****", 0),
        ("**", 0),
        ("$", 0),
    ],
)
def test_an_answer_may_stand_below_and_between_marks(said: str, right: float) -> None:
    assert exact_answer([{"answer": "42"}], [said]).tolist() == [right]


def test_an_answer_in_words_may_stand_below() -> None:
    said = ["The answer is\nRome.", "The answer is:\n\nRome\n", "The answer is\nIn Rome"]

    assert exact_answer([{"answer": "Rome"}] * 3, said).tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    ("answer", "said"),
    [("-3", "The answer is -3."), (1000, "The answer is 1,000."), ("2.5", "The answer is 2.5.")],
)
def test_answers_may_be_negative_large_or_fractions(answer: object, said: str) -> None:
    assert exact_answer([{"answer": answer}], [said]).tolist() == [1]


def test_words_can_be_answers() -> None:
    records = [{"answer": "Rome"}] * 3

    assert exact_answer(records, ["Rome.", "Rome", "In Rome"]).tolist() == [1, 1, 0]


def test_a_record_without_an_answer_is_named() -> None:
    with pytest.raises(DataError, match="record 1 has no field 'answer', only: prompt"):
        exact_answer([{"answer": "8"}, {"prompt": []}], ["8", "8"])


@pytest.mark.parametrize(
    "values",
    [
        torch.tensor([1, 0]),
        torch.tensor([True, False]),
        torch.tensor([1.0, 0.0], requires_grad=True),
        torch.tensor([1.0, 0.0], dtype=torch.float64),
        torch.tensor([1.0, 0.0], dtype=torch.bfloat16),
    ],
    ids=str,
)
def test_any_real_numbers_become_float32(values: Tensor) -> None:
    rewards = check_rewards(values, 2)

    assert rewards.dtype == torch.float32
    assert rewards.tolist() == [1, 0]
    assert not rewards.requires_grad


@pytest.mark.parametrize("value", [NAN, INF, -INF, 1e300])
def test_a_reward_that_is_not_finite_is_named(value: float) -> None:
    values = torch.tensor([0.0, value, value], dtype=torch.float64)
    shown = value if not math.isfinite(value) else INF  # float32 ends at about 3e38
    with pytest.raises(RewardError, match=f"the reward of response 1 is {shown}; .* finite"):
        check_rewards(values, 3)


@pytest.mark.parametrize("shape", [(), (2,), (4,), (3, 1), (1, 3)])
def test_another_number_of_rewards_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(RewardError, match=r"for 3 responses; it must be \(3,\)"):
        check_rewards(torch.zeros(shape), 3)


@pytest.mark.parametrize("values", [[1.0, 0.0, 1.0], None, 1.0, "high"])
def test_what_is_no_tensor_is_refused(values: object) -> None:
    with pytest.raises(RewardError, match=f"returned {type(values).__name__}; it must return a te"):
        check_rewards(values, 3)


def test_complex_numbers_are_refused() -> None:
    with pytest.raises(RewardError, match=r"returned complex torch\.complex64"):
        check_rewards(torch.zeros(3, dtype=torch.complex64), 3)


def test_reward_errors_can_be_caught_as_errors_of_the_package() -> None:
    with pytest.raises(CompanionError):
        check_rewards(torch.tensor([NAN]), 1)
