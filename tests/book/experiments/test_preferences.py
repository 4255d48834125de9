"""The experiments on DPO, GRPO and PPO: what each one is given, counted and measured on."""

import json
from types import SimpleNamespace

import pytest
import torch
import transformers
from _experiments import preference_methods, verifiable_reward
from _experiments.preference_methods import METHODS

import companion
from companion.pocket.corpus import preferences
from companion.rewards import RewardModel
from companion.training.reward_model import reward_model_from


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A folder with a chat model and a reward model, both with random weights."""
    model, tokenizer = companion.load("chat")
    transformers.set_seed(0)
    size = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
    kept = ("vocab_size", "bos_token_id", "eos_token_id", "pad_token_id", "tie_word_embeddings")
    config = {name: getattr(model.config, name) for name in kept} | size | heads
    policy = transformers.LlamaForCausalLM(transformers.LlamaConfig(**config)).eval()
    judge = reward_model_from(policy, generator=torch.Generator().manual_seed(0))
    folder = tmp_path_factory.mktemp("tiny")
    for name, made in (("chat", policy), ("reward", judge)):
        made.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    return folder


def said(*texts):
    return [SimpleNamespace(text=text) for text in texts]


def test_the_likeliest_answers_and_drawn_ones_are_counted_apart(monkeypatch):
    records = [{"answer": "1"}, {"answer": "2"}]

    def answers(model, tokenizer, records, *, temperature=0.0):
        return said("1", " 3") if temperature == 0 else said("1\n", "2")

    monkeypatch.setattr(verifiable_reward, "answers", answers)

    found = verifiable_reward.measured(None, None, records)

    assert (found["share"], found["drawn"]) == (0.5, 1.0)
    assert found["interval"][0] < 0.5 < found["interval"][1]


def test_groups_are_alike_if_all_are_right_or_all_are_wrong(monkeypatch):
    monkeypatch.setattr(verifiable_reward, "TRIES", 2)
    monkeypatch.setattr(verifiable_reward, "TEMPERATURES", (1.5,))
    asked = []

    def answers(model, tokenizer, records, *, temperature, max_new_tokens):
        asked.append((temperature, max_new_tokens))
        right = [record["answer"] for record in records]
        return said(right[0], right[1], right[2], "no", "no", "idea", "no", right[7])

    monkeypatch.setattr(verifiable_reward, "answers", answers)

    found = verifiable_reward.certainty(None, None, 4)

    assert found == [{"temperature": 1.5, "right": 0.5, "alike": 0.5}]
    assert asked == [(1.5, verifiable_reward.LONGEST)]


@pytest.mark.slow
def test_a_small_run_measures_all_models_on_sums(monkeypatch, tiny):
    monkeypatch.setattr(verifiable_reward, "LONGEST", 4)
    monkeypatch.setattr(verifiable_reward, "TEMPERATURES", (1.0,))

    found = verifiable_reward.measure(scale=0.025, chat=tiny / "chat")

    assert list(found["models"]) == ["pocket-chat", "shown the form", "GRPO", "SFT"]
    assert (found["steps"], found["problems"], found["items"]) == (2, 16, 10)
    assert {len(curve) for curve in found["curves"].values()} == {2}
    assert json.loads(json.dumps(found)) == found


def test_the_judge_chooses_among_two_answers_and_equal_ones_are_left_out(monkeypatch):
    records = [{"prompt": [{"role": "user", "content": text}]} for text in "abc"]
    drawn = iter((said("long", "same", "x"), said("longer", "same ", "xyz")))
    monkeypatch.setattr(preference_methods, "prompt_text", lambda tokenizer, prompt: "")
    monkeypatch.setattr(preference_methods, "generate", lambda *a, **b: next(drawn))

    def judge(records, texts):
        return torch.tensor([-1.0 * len(text) for text in texts])

    found = preference_methods.own_pairs(None, None, records, judge)

    assert [pair["prompt"] for pair in found] == [records[0]["prompt"], records[2]["prompt"]]
    assert [pair["chosen"][0]["content"] for pair in found] == ["long", "x"]
    assert [pair["rejected"][0]["content"] for pair in found] == ["longer", "xyz"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "records"),
    [
        ("DPO", 32),
        pytest.param("GRPO", 64, marks=pytest.mark.slow),
        pytest.param("PPO", 64, marks=pytest.mark.slow),
    ],
)
def test_a_method_trains_its_share_and_is_compared_with_where_it_began(tiny, name, records):
    places = {"chat": str(tiny / "chat"), "reward": str(tiny / "reward")}

    found = preference_methods.run(name, beta=0.3, scale=0.01, **places)

    assert (found["method"], found["beta"], found["records"]) == (name, 0.3, records)
    assert abs(found["kl"]) > 1e-4
    assert 0 <= found["wins"] <= 1
    assert found["peak_bytes"] >= found["set_up_bytes"] > 50e6
    assert json.loads(json.dumps(found)) == found


def test_dpo_on_own_answers_learns_from_pairs_of_the_policy_itself(monkeypatch, tiny):
    trained = []
    monkeypatch.setattr(
        preference_methods, "_dpo", lambda policy, tokenizer, pairs, beta: trained.append(pairs)
    )
    policy, tokenizer = companion.load(tiny / "chat")
    judge = RewardModel(companion.load(tiny / "reward").model, tokenizer)

    preference_methods.by_dpo_on_own_answers(policy, tokenizer, judge, beta=0.1, scale=0.01)

    [pairs] = trained
    asked = preferences.prompts(0, "train", 32)
    assert [pair["prompt"] for pair in pairs] == [record["prompt"] for record in asked]
    chosen, rejected = (
        judge(pairs, [pair[side][0]["content"] for pair in pairs])
        for side in ("chosen", "rejected")
    )
    assert (chosen >= rejected - 1e-4).all()
    assert (chosen > rejected).any()


def test_every_method_gets_every_price_and_the_same_models(monkeypatch, tiny):
    calls = []

    def in_its_own_process(run, name, **numbers):
        assert run is preference_methods.run
        calls.append((name, numbers["beta"]))
        return {key: numbers[key] for key in ("scale", "chat", "reward")}

    monkeypatch.setattr(preference_methods, "in_its_own_process", in_its_own_process)

    found = preference_methods.measure(scale=0.05, chat=tiny / "chat", reward=tiny / "reward")

    assert calls == [(name, beta) for name, method in METHODS.items() for beta in method.betas]
    assert found["held_out"] == 10
    assert found["before"]["kl"] == pytest.approx(0, abs=1e-3)
    assert all(row == found["runs"][0] for row in found["runs"])
    assert set(found["methods"]) == set(METHODS)


def test_grpo_answers_an_eighth_of_the_questions_eight_times(monkeypatch):
    seen = {}

    def grpo_trainer(policy, tokenizer, asked, judge, settings, **others):
        seen.update(asked=asked, **vars(settings), **others)
        return SimpleNamespace(train=lambda: None)

    monkeypatch.setattr(preference_methods, "grpo_trainer", grpo_trainer)

    count = preference_methods.by_grpo(None, None, None, beta=0.2, scale=0.1)

    assert count == seen["steps"] * seen["batch_size"] == len(seen["asked"]) * seen["group_size"]
    assert (count, seen["beta"]) == (128, 0.2)
