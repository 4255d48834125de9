"""Supervised fine-tuning: what TRL is fed with, the loss, the effect, packing, bad records."""

import copy

import pytest
import torch

from companion.errors import DataError
from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.losses import masked_cross_entropy
from companion.messages import prompt_text
from companion.training.settings import TrainingSettings
from companion.training.sft import sft_trainer
from tests.training.records import ANSWERS, RECORDS, losses, record


def batches(trainer) -> list[dict]:
    return list(trainer.get_train_dataloader())


def segments(position_ids: torch.Tensor) -> list[slice]:
    """Return where each record stands in a packed row."""
    starts = (position_ids[0] == 0).nonzero().flatten().tolist()
    return [slice(a, b) for a, b in zip(starts, [*starts[1:], position_ids.shape[1]], strict=True)]


# What is learned


def test_the_batch_trains_the_answer_and_its_end_and_nothing_else(tiny, pocket_tokenizer) -> None:
    trainer = sft_trainer(
        tiny(), pocket_tokenizer, RECORDS, TrainingSettings(steps=1, batch_size=4)
    )

    (batch,) = batches(trainer)

    learned = [pocket_tokenizer.decode(row[row != -100]) for row in batch["labels"]]
    assert sorted(learned) == sorted(f"{answer}<|end|>" for answer in ANSWERS)
    padding = batch["attention_mask"] == 0
    assert padding.any()
    assert (batch["labels"][padding] == -100).all()


def test_without_masking_every_token_but_the_padding_is_trained(tiny, pocket_tokenizer) -> None:
    trainer = sft_trainer(
        tiny(),
        pocket_tokenizer,
        RECORDS,
        TrainingSettings(steps=1, batch_size=4),
        mask_prompt=False,
    )

    (batch,) = batches(trainer)

    real = batch["attention_mask"] == 1
    assert torch.equal(batch["labels"] != -100, real)
    assert torch.equal(batch["labels"][real], batch["input_ids"][real])


def test_without_eos_no_end_of_turn_is_trained(tiny, pocket_tokenizer) -> None:
    trainer = sft_trainer(
        tiny(), pocket_tokenizer, RECORDS, TrainingSettings(steps=1, batch_size=4), learn_eos=False
    )

    (batch,) = batches(trainer)

    assert (batch["input_ids"] == 2).sum() == 8
    assert (batch["labels"] == 2).sum() == 0


@pytest.mark.parametrize("mask_prompt", [True, False])
def test_the_loss_of_a_step_is_the_masked_cross_entropy(
    tiny, pocket_tokenizer, threads: int, mask_prompt: bool
) -> None:
    model = tiny()
    before = copy.deepcopy(model)
    trainer = sft_trainer(
        model,
        pocket_tokenizer,
        RECORDS,
        TrainingSettings(steps=1, batch_size=4),
        mask_prompt=mask_prompt,
    )
    (batch,) = batches(trainer)
    with torch.no_grad():
        logits = before(batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    kept = batch["labels"] != -100

    trainer.train()

    expected = masked_cross_entropy(logits, batch["input_ids"], kept)
    assert losses(trainer) == [pytest.approx(expected.item(), rel=1e-5)]


def test_a_trained_model_answers_and_stops(tiny, pocket_tokenizer) -> None:
    model = tiny()
    prompts = [prompt_text(pocket_tokenizer, r["messages"][:1]) for r in RECORDS]

    sft_trainer(
        model,
        pocket_tokenizer,
        RECORDS,
        TrainingSettings(steps=60, batch_size=4, learning_rate=2e-2),
    ).train()

    params = SamplingParams(max_new_tokens=30, temperature=0)
    found = generate(model, pocket_tokenizer, prompts, params)
    assert [one.text for one in found] == ANSWERS
    assert [one.finish_reason for one in found] == ["eos"] * 4


def test_a_model_that_never_saw_an_end_does_not_stop(tiny, pocket_tokenizer) -> None:
    model = tiny()
    prompts = [prompt_text(pocket_tokenizer, r["messages"][:1]) for r in RECORDS]

    sft_trainer(
        model,
        pocket_tokenizer,
        RECORDS,
        TrainingSettings(steps=60, batch_size=4, learning_rate=2e-2),
        learn_eos=False,
    ).train()

    params = SamplingParams(max_new_tokens=30, temperature=0)
    found = generate(model, pocket_tokenizer, prompts, params)
    assert all(one.text.startswith(a) for one, a in zip(found, ANSWERS, strict=True))
    assert {one.finish_reason for one in found} == {"length"}


# Packing


def test_records_in_a_packed_row_do_not_see_each_other(
    tiny, pocket_tokenizer, threads: int
) -> None:
    model = tiny(initializer_range=0.5)
    trainer = sft_trainer(
        model,
        pocket_tokenizer,
        RECORDS,
        TrainingSettings(steps=1, batch_size=1),
        packing=True,
        max_length=128,
    )
    (row,) = batches(trainer)
    ids, positions = row["input_ids"], row["position_ids"]
    with torch.no_grad():
        packed = model(ids, position_ids=positions, use_cache=False).logits[0]
        alone = [model(ids[:, part]).logits[0] for part in segments(positions)]
        joined = model(ids, use_cache=False).logits[0]

    assert len(alone) == 4
    torch.testing.assert_close(packed, torch.cat(alone), rtol=1e-4, atol=1e-4)
    assert (joined - torch.cat(alone)).abs().max() > 0.1  # the test would notice


def test_a_packed_row_holds_whole_records_with_their_labels(tiny, pocket_tokenizer) -> None:
    trainer = sft_trainer(
        tiny(),
        pocket_tokenizer,
        RECORDS,
        TrainingSettings(steps=1, batch_size=1),
        packing=True,
        max_length=128,
    )

    (row,) = batches(trainer)

    parts = segments(row["position_ids"])
    answers = [row["labels"][0, part] for part in parts]
    learned = [pocket_tokenizer.decode(labels[labels != -100]) for labels in answers]
    assert sorted(learned) == sorted(f"{answer}<|end|>" for answer in ANSWERS)
    for part in parts:
        assert row["position_ids"][0, part].tolist() == list(range(part.stop - part.start))


@pytest.mark.parametrize(("max_length", "rows"), [(128, 1), (40, 2)])
def test_packed_and_padded_batches_of_the_same_records_have_the_same_losses(
    tiny, pocket_tokenizer, max_length: int, rows: int
) -> None:
    padded = sft_trainer(tiny(), pocket_tokenizer, RECORDS, TrainingSettings(steps=3, batch_size=4))
    packed = sft_trainer(
        tiny(),
        pocket_tokenizer,
        RECORDS,
        TrainingSettings(steps=3, batch_size=rows),
        packing=True,
        max_length=max_length,
    )
    assert len(packed.train_dataset) == rows

    padded.train()
    packed.train()

    assert losses(packed) == pytest.approx(losses(padded), rel=1e-4)


# Adapters and bad input


def test_an_adapter_trains_and_the_model_under_it_does_not(tiny, pocket_tokenizer) -> None:
    peft = pytest.importorskip("peft")
    model = tiny()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    config = peft.LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM")

    trainer = sft_trainer(
        model,
        pocket_tokenizer,
        RECORDS,
        TrainingSettings(steps=3, batch_size=4, learning_rate=1e-2, peft_config=config),
    )
    trainer.train()

    trained = {n: p for n, p in trainer.model.named_parameters() if p.requires_grad}
    assert len(trained) == 4  # A and B in two layers
    assert all("lora_" in name for name in trained)
    assert any(value.abs().max() > 0 for name, value in trained.items() if "lora_B" in name)
    after = {n.replace(".base_layer", ""): v for n, v in model.state_dict().items()}
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert losses(trainer)[-1] < losses(trainer)[0]


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "there are no records"),
        ([RECORDS[0], {"text": "Hi"}], "record 1 has no field 'messages', only: text"),
        ([RECORDS[0], record("a " * 140, "b")], "record 1 has .* tokens, but at most 128 fit"),
    ],
)
def test_bad_records_are_refused(tiny, pocket_tokenizer, records: list, message: str) -> None:
    with pytest.raises(DataError, match=message):
        sft_trainer(tiny(), pocket_tokenizer, records, TrainingSettings(steps=1))


def test_a_row_longer_than_the_context_is_refused(tiny, pocket_tokenizer) -> None:
    with pytest.raises(ValueError, match="max_length must be at most the context, 128 tokens"):
        sft_trainer(tiny(), pocket_tokenizer, RECORDS, TrainingSettings(steps=1), max_length=129)
