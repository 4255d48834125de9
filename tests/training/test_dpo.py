"""DPO: what TRL is fed with, its loss against ours, the reference, that it learns, bad input."""

import copy
from dataclasses import replace

import pytest
import torch

from companion.errors import DataError
from companion.losses import dpo_loss
from companion.training.data import preference_dataset
from companion.training.dpo import dpo_trainer
from companion.training.settings import TrainingSettings
from companion.training.trainer import history, resume
from tests.training.records import PAIRS, losses, pair


def response_logprobs(model, tokenizer, records: list[dict], side: str) -> torch.Tensor:
    """Sum the log-probabilities of each response alone, without padding."""
    sums = []
    for row in preference_dataset(tokenizer, records, max_length=128):
        ids = torch.tensor([row["prompt_ids"] + row[f"{side}_ids"]])
        with torch.no_grad():
            logprobs = model(ids).logits[0, :-1].log_softmax(-1)
        chosen = logprobs.gather(-1, ids[0, 1:, None])[:, 0]
        sums.append(chosen[-len(row[f"{side}_ids"]) :].sum())
    return torch.stack(sums)


def our_loss(policy, reference, tokenizer, *, beta: float) -> float:
    given = [
        response_logprobs(model, tokenizer, PAIRS, side)
        for model in (policy, reference)
        for side in ("chosen", "rejected")
    ]
    return dpo_loss(*given, beta=beta).mean().item()


def test_the_batch_holds_prompt_and_answer_up_to_the_end_of_the_turn(
    tiny, pocket_tokenizer
) -> None:
    trainer = dpo_trainer(
        tiny(), pocket_tokenizer, PAIRS[:1], TrainingSettings(steps=1, batch_size=1)
    )

    (batch,) = trainer.get_train_dataloader()

    rows = [
        (pocket_tokenizer.decode(ids[mask == 1]), pocket_tokenizer.decode(ids[counts == 1]))
        for ids, mask, counts in zip(
            batch["input_ids"], batch["attention_mask"], batch["completion_mask"], strict=True
        )
    ]
    prompt = "<|user|>\nSay salt.<|end|>\n<|assistant|>\n"
    assert rows == [
        (prompt + "salt, please<|end|>", "salt, please<|end|>"),
        (prompt + "salt! No way<|end|>", "salt! No way<|end|>"),
    ]


@pytest.mark.parametrize("beta", [0.1, pytest.param(0.5, marks=pytest.mark.slow)])
def test_the_losses_are_those_of_the_formula(
    tiny, pocket_tokenizer, threads: int, beta: float
) -> None:
    model = tiny()
    reference = copy.deepcopy(model)
    trainer = dpo_trainer(
        model,
        pocket_tokenizer,
        PAIRS,
        TrainingSettings(steps=3, batch_size=6, learning_rate=5e-3),
        beta=beta,
    )

    trainer.train()

    # the last loss was computed before the last update: train a copy for one step less
    before = tiny()
    shorter = dpo_trainer(
        before,
        pocket_tokenizer,
        PAIRS,
        TrainingSettings(steps=3, batch_size=6, learning_rate=5e-3),
        beta=beta,
    )
    shorter.args.max_steps = 3
    stop_after(shorter, 2)
    shorter.train()
    first = our_loss(reference, reference, pocket_tokenizer, beta=beta)
    last = our_loss(before, reference, pocket_tokenizer, beta=beta)
    assert first == pytest.approx(0.6931, abs=1e-4)
    assert last < first - 0.02
    assert losses(trainer)[0] == pytest.approx(first, rel=1e-5)
    assert losses(trainer)[2] == pytest.approx(last, rel=1e-4)


def stop_after(trainer, step: int) -> None:
    """End the training early, with the schedule of the whole run."""
    from transformers import TrainerCallback

    class Stop(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs: object) -> None:
            control.should_training_stop = state.global_step >= step

    trainer.add_callback(Stop())


def test_the_reference_is_the_model_as_it_was_given(tiny, pocket_tokenizer, tmp_path) -> None:
    model = tiny()
    model.save_pretrained(tmp_path)
    model = type(model).from_pretrained(tmp_path)  # knows where it came from
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)  # and has changed since
    changed = copy.deepcopy(model)

    trainer = dpo_trainer(
        model, pocket_tokenizer, PAIRS, TrainingSettings(steps=3, batch_size=6, learning_rate=1e-2)
    )
    trainer.train()

    kept = dict(trainer.ref_model.named_parameters())
    assert all(torch.equal(value, kept[name]) for name, value in changed.named_parameters())
    assert losses(trainer)[0] == pytest.approx(0.6931, abs=1e-4)


def test_it_learns_the_preference_and_carries_it_over(tiny, pocket_tokenizer) -> None:
    model = tiny()
    reference = copy.deepcopy(model)
    unseen = [pair("bread"), pair("7 boats")]

    trainer = dpo_trainer(
        model, pocket_tokenizer, PAIRS, TrainingSettings(steps=30, batch_size=6, learning_rate=5e-3)
    )
    trainer.train()

    chosen, rejected = (
        response_logprobs(model, pocket_tokenizer, unseen, side)
        - response_logprobs(reference, pocket_tokenizer, unseen, side)
        for side in ("chosen", "rejected")
    )
    assert losses(trainer)[-1] < 0.1
    assert history(trainer)[-1]["rewards/accuracies"] == 1
    assert (chosen > rejected).all()
    assert not model.training


def test_the_model_is_trained_to_stop_at_the_end_of_the_turn(tiny, pocket_tokenizer) -> None:
    model = tiny()

    dpo_trainer(model, pocket_tokenizer, PAIRS, TrainingSettings(steps=1))

    assert model.generation_config.eos_token_id == [0, 2]


def test_an_adapter_trains_against_the_model_under_it(tiny, pocket_tokenizer) -> None:
    peft = pytest.importorskip("peft")
    model = tiny()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    config = peft.LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM")

    trainer = dpo_trainer(
        model,
        pocket_tokenizer,
        PAIRS,
        TrainingSettings(steps=4, batch_size=6, learning_rate=5e-2, peft_config=config),
    )
    trainer.train()

    after = {n.replace(".base_layer", ""): v for n, v in model.state_dict().items()}
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert trainer.ref_model is None
    assert losses(trainer)[0] == pytest.approx(0.6931, abs=1e-4)
    assert losses(trainer)[-1] < losses(trainer)[0]


@pytest.mark.slow
def test_an_interrupted_run_goes_on_to_the_same_losses(tiny, pocket_tokenizer, tmp_path) -> None:
    settings = TrainingSettings(steps=6, batch_size=2, learning_rate=5e-3)
    whole = dpo_trainer(tiny(), pocket_tokenizer, PAIRS, settings)
    whole.train()
    settings = replace(settings, output_dir=tmp_path, save_steps=3)
    stopped = dpo_trainer(tiny(), pocket_tokenizer, PAIRS, settings)
    stop_after(stopped, 3)
    stopped.train()

    again = dpo_trainer(tiny(), pocket_tokenizer, PAIRS, settings)
    resume(again)

    assert len(losses(stopped)) == 3
    assert losses(again) == pytest.approx(losses(whole), rel=1e-5)


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "there are no records"),
        ([PAIRS[0], {"prompt": PAIRS[0]["prompt"]}], "record 1 has no field 'chosen', only: pro"),
        ([pair("salt " * 99)], "record 0 has .* tokens, but at most 128 fit"),
        ([PAIRS[0] | {"rejected": PAIRS[0]["chosen"]}], "'rejected' are the same"),
    ],
)
def test_bad_records_are_refused(tiny, pocket_tokenizer, records: list, message: str) -> None:
    with pytest.raises(DataError, match=message):
        dpo_trainer(tiny(), pocket_tokenizer, records, TrainingSettings(steps=1))


@pytest.mark.parametrize("beta", [0.0, -0.1, float("nan"), float("inf")])
def test_a_beta_that_is_no_price_is_refused(tiny, pocket_tokenizer, beta: float) -> None:
    with pytest.raises(ValueError, match="beta must be above 0"):
        dpo_trainer(tiny(), pocket_tokenizer, PAIRS, TrainingSettings(steps=1), beta=beta)


def test_nothing_is_printed(tiny, pocket_tokenizer, capfd) -> None:
    dpo_trainer(tiny(), pocket_tokenizer, PAIRS, TrainingSettings(steps=2, batch_size=2)).train()

    assert capfd.readouterr() == ("", "")
