"""GRPO: loss and gradient of TRL against ours, rewards, stopping, the reference, bad input."""

import copy
from dataclasses import replace

import pytest
import torch
from transformers import TrainerCallback

from companion.advantages import group_advantages
from companion.errors import DataError, RewardError
from companion.losses import grpo_loss
from companion.training.grpo import grpo_trainer
from companion.training.settings import TrainingSettings
from companion.training.trainer import history, resume
from tests.training.records import WORDS

RECORDS = [
    {"prompt": [{"role": "user", "content": f"Say {word}."}], "answer": word, "prompts": number}
    for number, word in enumerate(WORDS)
]


def length(records, responses) -> torch.Tensor:
    return torch.tensor([float(len(text)) for text in responses])


def vowels(records, responses) -> torch.Tensor:
    return torch.tensor([sum(map(text.count, "aeiou")) / (1 + len(text)) for text in responses])


class Snapshots(TrainerCallback):
    """Keep gradients before and weights after each step, and the batch that they came from."""

    def __init__(self, trainer) -> None:
        self.trainer, self.gradients, self.models, self.batches = trainer, [], [], []
        trainer.add_callback(self)

    def on_pre_optimizer_step(self, args, state, control, model, **kwargs: object) -> None:
        self.gradients.append({n: p.grad.clone() for n, p in model.named_parameters()})
        self.batches.append(self.trainer._buffered_inputs[0])

    def on_step_end(self, args, state, control, model, **kwargs: object) -> None:
        self.models.append({n: p.detach().clone() for n, p in model.named_parameters()})


def logprobs_of(model, batch: dict, temperature: float) -> torch.Tensor:
    """Score each response alone, without padding, shape (B, T)."""
    rows = []
    width = batch["completion_ids"].shape[1]
    for prompt, mask, completion, counts in zip(
        *(batch[f"{part}_{what}"] for part in ("prompt", "completion") for what in ("ids", "mask")),
        strict=True,
    ):
        before, after = prompt[mask.bool()], completion[counts.bool()]
        logits = model(torch.cat([before, after])[None]).logits[0, len(before) - 1 : -1]
        chosen = (logits / temperature).log_softmax(-1).gather(-1, after[:, None])[:, 0]
        rows.append(torch.nn.functional.pad(chosen, (0, width - len(after))))
    return torch.stack(rows)


def our_loss(model, reference, tokenizer, batch: dict, *, beta: float, temperature: float):
    """Compute the loss from the responses alone: rewards, advantages, log-probabilities."""
    prompts = tokenizer.batch_decode(batch["prompt_ids"])
    mask = batch["completion_mask"].bool()
    said = [
        tokenizer.decode(ids[counts], skip_special_tokens=True)
        for ids, counts in zip(batch["completion_ids"], mask, strict=True)
    ]
    order = sorted(range(len(said)), key=prompts.__getitem__)  # TRL has shuffled the responses
    rewards = vowels(None, [said[i] for i in order])
    advantages = torch.empty(len(said))
    advantages[order] = group_advantages(rewards, group_size=4)
    logprobs = logprobs_of(model, batch, temperature)
    with torch.no_grad():
        then = logprobs_of(reference, batch, temperature)
    return grpo_loss(logprobs, logprobs, advantages, mask, reference_logprobs=then, beta=beta)


@pytest.mark.parametrize(("beta", "temperature"), [(0.0, 1.0), (0.5, 0.7)])
def test_loss_and_gradient_are_those_of_the_formula(
    tiny, pocket_tokenizer, threads: int, beta: float, temperature: float
) -> None:
    model = tiny(initializer_range=0.2)
    reference = copy.deepcopy(model)
    trainer = grpo_trainer(
        model,
        pocket_tokenizer,
        RECORDS,
        vowels,
        TrainingSettings(steps=3, batch_size=8, learning_rate=1e-2),
        group_size=4,
        beta=beta,
        temperature=temperature,
        max_new_tokens=8,
    )
    seen = Snapshots(trainer)

    trainer.train()

    last = copy.deepcopy(reference)
    last.load_state_dict(seen.models[1], strict=False)  # the weights of the last step
    last.tie_weights()
    loss = our_loss(
        last, reference, pocket_tokenizer, seen.batches[2], beta=beta, temperature=temperature
    )
    loss.backward()
    ours = torch.cat([p.grad.flatten() for p in last.parameters()])
    theirs = torch.cat([g.flatten() for g in seen.gradients[2].values()])
    entry = history(trainer)[2]
    assert entry["frac_reward_zero_std"] < 1
    assert entry["loss"] == pytest.approx(loss.item(), abs=1e-4)
    assert (loss.item() > 1e-3) == (beta > 0)
    assert entry["grad_norm"] == pytest.approx(ours.norm().item(), rel=1e-3)
    clipped = ours / max(1.0, ours.norm().item())
    torch.testing.assert_close(theirs, clipped, rtol=1e-2, atol=1e-4)


def test_it_learns_what_is_rewarded(tiny, pocket_tokenizer) -> None:
    trainer = grpo_trainer(
        tiny(),
        pocket_tokenizer,
        RECORDS,
        vowels,
        TrainingSettings(steps=25, batch_size=32, learning_rate=3e-2),
        max_new_tokens=8,
    )

    trainer.train()

    rewards = [entry["reward"] for entry in history(trainer)]
    assert sum(rewards[-5:]) / 5 > sum(rewards[:5]) / 5 + 0.05
    assert not trainer.model.training


def test_the_reward_sees_the_records_as_they_were_given_in_groups(tiny, pocket_tokenizer) -> None:
    seen = []

    def reward(records, responses) -> torch.Tensor:
        seen.extend(zip(records, responses, strict=True))
        return length(records, responses)

    grpo_trainer(
        tiny(),
        pocket_tokenizer,
        RECORDS,
        reward,
        TrainingSettings(steps=3, batch_size=8),
        group_size=4,
    ).train()

    records = [record for record, _ in seen]
    assert len(seen) == 24
    assert all(any(record is given for given in RECORDS) for record in records)
    groups = [records[i : i + 4] for i in range(0, 24, 4)]
    assert all(group == [group[0]] * 4 for group in groups)
    assert sorted(group[0]["answer"] for group in groups) == sorted(WORDS)
    assert not any("<|end|>" in response for _, response in seen)


@pytest.mark.parametrize("end", [0, 2])  # <|endoftext|> and <|end|>
def test_a_response_ends_at_either_end(tiny, pocket_tokenizer, end: int) -> None:
    model = tiny()
    with torch.no_grad():
        model.model.embed_tokens.weight[end] = 100 * model.model.norm.weight  # always written
        model.model.embed_tokens.weight[3:].mul_(0)
    forced = torch.nn.Linear(32, 2048, bias=True)
    with torch.no_grad():
        forced.weight.zero_()
        forced.bias.zero_()
        forced.bias[end] = 20.0
    model.config.tie_word_embeddings = False
    model.lm_head = forced
    lengths = []

    def reward(records, responses) -> torch.Tensor:
        lengths.extend(map(len, responses))
        return torch.arange(float(len(responses)))

    trainer = grpo_trainer(
        model,
        pocket_tokenizer,
        RECORDS,
        reward,
        TrainingSettings(steps=1, batch_size=4),
        group_size=4,
    )
    trainer.train()

    assert lengths == [0] * 4
    assert history(trainer)[0]["completions/mean_length"] == 1
    assert history(trainer)[0]["completions/clipped_ratio"] == 0


def test_the_reference_is_the_model_as_it_was_given(tiny, pocket_tokenizer, tmp_path) -> None:
    model = tiny()
    model.save_pretrained(tmp_path)
    model = type(model).from_pretrained(tmp_path)  # knows where it came from
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)  # and has changed since
    changed = copy.deepcopy(model)

    trainer = grpo_trainer(
        model,
        pocket_tokenizer,
        RECORDS,
        length,
        TrainingSettings(steps=2, batch_size=8, learning_rate=1e-2),
        beta=0.1,
        max_new_tokens=8,
    )
    trainer.train()

    kept = dict(trainer.ref_model.named_parameters())
    assert all(torch.equal(value, kept[name]) for name, value in changed.named_parameters())
    kl = [entry["kl"] for entry in history(trainer)]
    assert kl[0] == pytest.approx(0, abs=1e-6)
    assert kl[1] > 1e-4
    assert model.config._name_or_path == str(tmp_path)


def test_an_adapter_trains_and_the_model_under_it_does_not(tiny, pocket_tokenizer) -> None:
    peft = pytest.importorskip("peft")
    model = tiny()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    config = peft.LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM")

    trainer = grpo_trainer(
        model,
        pocket_tokenizer,
        RECORDS,
        length,
        TrainingSettings(steps=2, batch_size=8, learning_rate=1e-2, peft_config=config),
        beta=0.1,
        max_new_tokens=8,
    )
    trainer.train()

    after = {n.replace(".base_layer", ""): v for n, v in model.state_dict().items()}
    assert all(torch.equal(after[name], value) for name, value in before.items())
    trained = {n: p for n, p in trainer.model.named_parameters() if p.requires_grad}
    assert any(value.abs().max() > 0 for name, value in trained.items() if "lora_B" in name)
    assert history(trainer)[1]["kl"] > 0


@pytest.mark.slow
def test_an_interrupted_run_goes_on_to_the_same_rewards(tiny, pocket_tokenizer, tmp_path) -> None:
    settings = TrainingSettings(steps=4, batch_size=8, learning_rate=5e-3)
    whole = grpo_trainer(tiny(), pocket_tokenizer, RECORDS, length, settings, max_new_tokens=8)
    whole.train()
    settings = replace(settings, output_dir=tmp_path, save_steps=2)

    def dies(records, responses) -> torch.Tensor:
        dies.calls += 1
        if dies.calls == 4:
            raise KeyboardInterrupt
        return length(records, responses)

    dies.calls = 0
    with pytest.raises(KeyboardInterrupt):
        grpo_trainer(tiny(), pocket_tokenizer, RECORDS, dies, settings, max_new_tokens=8).train()

    again = grpo_trainer(tiny(), pocket_tokenizer, RECORDS, length, settings, max_new_tokens=8)
    resume(again)

    expected, found = (
        [(entry["reward"], entry["grad_norm"]) for entry in history(trainer)]
        for trainer in (whole, again)
    )
    assert len(found) == 4
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, rel=1e-4)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (torch.tensor([1.0, float("nan"), 0.0, 1.0]), "the reward of response 1 is nan"),
        pytest.param(
            torch.tensor([1.0, 2.0, float("inf"), 1.0]),
            "the reward of response 2 is inf",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            torch.ones(3),
            r"returned the shape \(3,\) for 4 responses",
            marks=pytest.mark.slow,
        ),
        ([1.0] * 4, "returned list; it must return a tensor"),
    ],
    ids=str,
)
def test_a_broken_reward_stops_the_run(tiny, pocket_tokenizer, returned, message: str) -> None:
    model = tiny()
    before = copy.deepcopy(model.state_dict())
    trainer = grpo_trainer(
        model,
        pocket_tokenizer,
        RECORDS,
        lambda records, responses: returned,
        TrainingSettings(steps=2, batch_size=4),
        group_size=4,
        max_new_tokens=4,
    )

    with pytest.raises(RewardError, match=message):
        trainer.train()

    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "there are no records"),
        ([RECORDS[0], {"text": "Hi"}], "record 1 has no field 'prompt', only: text"),
        (
            [{"prompt": [{"role": "user", "content": "salt " * 99}]}],
            "record 0 has .* tokens, but at most 108 fit",
        ),
    ],
)
def test_bad_records_are_refused(tiny, pocket_tokenizer, records: list, message: str) -> None:
    with pytest.raises(DataError, match=message):
        grpo_trainer(
            tiny(), pocket_tokenizer, records, length, TrainingSettings(steps=1), max_new_tokens=20
        )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"group_size": 1}, "group_size must be a whole number from 2, got 1"),
        ({"group_size": 7}, "group_size must divide batch_size=64, got 7"),
        ({"beta": -0.1}, r"beta must be 0 \(no penalty\) or above, got -0.1"),
        ({"clip_range": 0.0}, "clip_range must be above 0, got 0.0"),
        ({"temperature": 0.0}, "temperature must be above 0, got 0.0"),
        ({"max_new_tokens": 0}, "max_new_tokens must be a whole number from 1, got 0"),
        (
            {"max_new_tokens": 128},
            "must be below the context of the model, 128, got 128",
        ),
    ],
)
def test_numbers_out_of_range_are_refused(
    tiny, pocket_tokenizer, settings: dict, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        grpo_trainer(
            tiny(), pocket_tokenizer, RECORDS, length, TrainingSettings(steps=1), **settings
        )


def test_nothing_is_printed(tiny, pocket_tokenizer, capfd) -> None:
    grpo_trainer(
        tiny(),
        pocket_tokenizer,
        RECORDS,
        length,
        TrainingSettings(steps=2, batch_size=4),
        group_size=2,
        beta=0.1,
        max_new_tokens=4,
    ).train()

    assert capfd.readouterr() == ("", "")
