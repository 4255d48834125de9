"""A reward model from a language model: where the reward is read, the loss, that it learns."""

import copy

import pytest
import torch

from companion.errors import DataError
from companion.losses import reward_model_loss
from companion.rewards import RewardModel
from companion.training.reward_model import own_padding, reward_model_from, reward_trainer
from companion.training.settings import TrainingSettings
from companion.training.trainer import history
from tests.training.records import PAIRS, pair


def rewards(model, rows: list[list[int]], pad: int = 1) -> torch.Tensor:
    """Read the reward of each row alone, without padding."""
    with torch.no_grad():
        return torch.cat([model(torch.tensor([row])).logits[:, 0] for row in rows])


def test_the_reward_is_the_head_at_the_last_real_token(tiny) -> None:
    model = reward_model_from(tiny(), generator=torch.Generator().manual_seed(0))
    ids = torch.tensor([[4, 9, 8, 2, 1, 1], [4, 9, 7, 7, 7, 2]])  # 1 is padding
    mask = (ids != 1).long()
    with torch.no_grad():
        states = model.model(ids, attention_mask=mask).last_hidden_state
        expected = torch.stack([states[0, 3], states[1, 5]]) @ model.score.weight[0]

        found = model(ids, attention_mask=mask).logits

    assert found.shape == (2, 1)
    torch.testing.assert_close(found[:, 0], expected)
    torch.testing.assert_close(found[:, 0], rewards(model, [[4, 9, 8, 2], ids[1].tolist()]))


def test_the_backbone_is_that_of_the_language_model(tiny) -> None:
    causal = tiny()

    model = reward_model_from(causal)

    ids = torch.tensor([[4, 9, 8, 2]])
    with torch.no_grad():
        states = causal.model(ids).last_hidden_state
        assert torch.equal(model.model(ids).last_hidden_state, states)
    assert model.config.num_labels == 1
    assert not model.training


def test_it_is_a_copy(tiny) -> None:
    causal = tiny()
    before = copy.deepcopy(causal.state_dict())

    model = reward_model_from(causal)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)

    assert all(torch.equal(value, before[name]) for name, value in causal.state_dict().items())
    assert causal.config.num_labels != 1


def test_the_head_is_reproducible_and_starts_small(tiny) -> None:
    heads = [
        reward_model_from(tiny(), generator=torch.Generator().manual_seed(seed)).score.weight
        for seed in (0, 0, 1)
    ]

    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])
    assert 0 < heads[0].norm() < 0.2


def test_gpt2_can_be_a_reward_model_too(gpt2) -> None:
    model = reward_model_from(gpt2)

    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        states = gpt2.transformer(ids).last_hidden_state[:, -1]
        torch.testing.assert_close(model(ids).logits, states @ model.score.weight.T)


def test_the_batch_holds_both_conversations_up_to_the_end_of_the_turn(
    tiny, pocket_tokenizer
) -> None:
    trainer = reward_trainer(
        reward_model_from(tiny()),
        pocket_tokenizer,
        PAIRS[:1],
        TrainingSettings(steps=1, batch_size=1),
    )

    (batch,) = trainer.get_train_dataloader()

    rows = [row[mask == 1] for row, mask in zip(*batch.values(), strict=True)]
    prompt = "<|user|>\nSay salt.<|end|>\n<|assistant|>\n"
    assert [pocket_tokenizer.decode(row) for row in rows] == [
        prompt + "salt, please<|end|>",
        prompt + "salt! No way<|end|>",
    ]


def test_the_loss_of_a_step_is_the_bradley_terry_loss(tiny, pocket_tokenizer, threads: int) -> None:
    model = reward_model_from(tiny(), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        model.score.weight.mul_(20)  # so that the two rewards differ
    before = copy.deepcopy(model)
    trainer = reward_trainer(
        model, pocket_tokenizer, PAIRS, TrainingSettings(steps=1, batch_size=6)
    )
    rows = trainer.train_dataset

    trainer.train()

    chosen, rejected = (rewards(before, rows[f"{side}_ids"]) for side in ("chosen", "rejected"))
    (entry,) = history(trainer)
    assert entry["loss"] == pytest.approx(
        reward_model_loss(chosen, rejected).mean().item(), rel=1e-5
    )
    assert entry["accuracy"] == pytest.approx((chosen > rejected).float().mean().item())


def test_it_learns_the_preference_and_carries_it_over(tiny, pocket_tokenizer) -> None:
    model = reward_model_from(tiny(), generator=torch.Generator().manual_seed(0))

    trainer = reward_trainer(
        model, pocket_tokenizer, PAIRS, TrainingSettings(steps=40, batch_size=6, learning_rate=1e-2)
    )
    trainer.train()

    held_out = reward_trainer(
        model, pocket_tokenizer, [pair("bread"), pair("7 boats")], TrainingSettings(steps=1)
    )
    rows = held_out.train_dataset
    assert history(trainer)[-1]["loss"] < 0.1
    assert (rewards(model, rows["chosen_ids"]) > rewards(model, rows["rejected_ids"])).all()
    assert not model.training


def test_an_adapter_with_the_head_can_be_trained(tiny, pocket_tokenizer) -> None:
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(
        r=2, target_modules=["q_proj"], modules_to_save=["score"], task_type="SEQ_CLS"
    )

    trainer = reward_trainer(
        reward_model_from(tiny()),
        pocket_tokenizer,
        PAIRS,
        TrainingSettings(steps=1, peft_config=config),
    )
    trainer.train()

    trained = {n for n, p in trainer.model.named_parameters() if p.requires_grad}
    assert len(trained) == 5  # A and B in two layers, and the head
    assert any("score" in name for name in trained)


def test_a_model_without_a_padding_token_is_refused(tiny) -> None:
    with pytest.raises(ValueError, match=r"no pad_token_id.* Set model\.config\.pad_token_id"):
        reward_model_from(tiny(pad_token_id=None))


def test_a_model_that_pads_with_another_token_is_refused(tiny, pocket_tokenizer) -> None:
    model = reward_model_from(tiny(pad_token_id=0))

    with pytest.raises(ValueError, match="pads with token 0, the tokenizer with 1"):
        reward_trainer(model, pocket_tokenizer, PAIRS, TrainingSettings(steps=1))


@pytest.fixture
def pads_with_its_end(pocket_tokenizer):
    """A tokenizer as SmolLM2 was published with: it pads with the token that ends a turn."""
    tokenizer = copy.deepcopy(pocket_tokenizer)
    tokenizer.pad_token = "<|end|>"
    return tokenizer


def test_a_model_that_pads_with_the_end_of_a_turn_is_not_trained(tiny, pads_with_its_end) -> None:
    model = reward_model_from(tiny(pad_token_id=2))

    with pytest.raises(ValueError, match=r"'<\|end\|>', the end of a turn.* Call own_padding\("):
        reward_trainer(model, pads_with_its_end, PAIRS, TrainingSettings(steps=1))


@pytest.mark.parametrize("pad", ["<|end|>", "<|user|>", None])
def test_own_padding_stands_in_no_turn(tiny, pads_with_its_end, pad) -> None:
    model, tokenizer = tiny(pad_token_id=None), pads_with_its_end
    tokenizer.pad_token = pad

    found = own_padding(model, tokenizer)

    assert found == tokenizer.pad_token_id == model.config.pad_token_id == 0
    assert len(tokenizer) == 2048


def test_own_padding_keeps_what_fits(tiny, pocket_tokenizer) -> None:
    model = tiny(pad_token_id=None)

    assert own_padding(model, pocket_tokenizer) == 1 == model.config.pad_token_id
    assert pocket_tokenizer.pad_token == "<|pad|>"


def test_own_padding_takes_no_token_of_the_vocabulary(tiny, tokenizer) -> None:
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.chat_template = "<pad>{% for m in messages %}<s>{{ m['content'] }}</s>{% endfor %}"

    with pytest.raises(ValueError, match=r"none is left to pad with.* tokenizer\.add_special_tok"):
        own_padding(tiny(), tokenizer)


def test_with_its_own_padding_a_model_is_trained_and_judges(tiny, pads_with_its_end) -> None:
    causal = tiny(pad_token_id=2)
    own_padding(causal, pads_with_its_end)
    model = reward_model_from(causal, generator=torch.Generator().manual_seed(0))
    settings = TrainingSettings(steps=40, batch_size=6, learning_rate=1e-2)

    reward_trainer(model, pads_with_its_end, PAIRS, settings).train()

    judge = RewardModel(model, pads_with_its_end)
    asked = [pair("bread"), pair("7 boats, then the long way home")]
    better = [one["chosen"][0]["content"] for one in asked]
    worse = [one["rejected"][0]["content"] for one in asked]
    assert (judge(asked, better) > judge(asked, worse)).all()
    torch.testing.assert_close(judge(asked, better)[0], judge(asked[:1], better[:1])[0])


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "there are no records"),
        ([PAIRS[0], {"prompt": PAIRS[0]["prompt"]}], "record 1 has no field 'chosen', only: pro"),
        ([pair("salt " * 99)], "record 0 has .* tokens, but at most 128 fit"),
    ],
)
def test_bad_records_are_refused(tiny, pocket_tokenizer, records: list, message: str) -> None:
    with pytest.raises(DataError, match=message):
        reward_trainer(
            reward_model_from(tiny()), pocket_tokenizer, records, TrainingSettings(steps=1)
        )
