"""The experiment behind the page on PPO: the same held-out prompts, judged without a model too."""

import copy
import dataclasses

import pytest
import torch
import transformers
from _experiments import _policies, ppo_beta

import companion
from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.generation.scoring import token_logprobs
from companion.messages import prompt_text
from companion.pocket.corpus import preferences
from companion.rewards import RewardModel
from companion.training.reward_model import reward_model_from


@pytest.fixture(scope="module")
def chat():
    model, tokenizer = companion.load("chat")
    return model.float(), tokenizer


@pytest.fixture(scope="module")
def judge(chat):
    """An untrained reward model."""
    net = reward_model_from(chat[0], generator=torch.Generator().manual_seed(0))
    return RewardModel(net, chat[1])


@pytest.fixture
def other(chat):
    """A policy that is not pocket-chat, but near it."""
    model = copy.deepcopy(chat[0])
    noise = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.1 * weight.std(correction=0) * torch.randn(weight.shape, generator=noise)
    return model.eval()


def test_users_judge_a_response_by_the_answer_of_its_record():
    said = "Gladly. Rome. Have a nice day. I hope this helps."

    assert _policies.looks({"answer": "Rome"}, said) == {"gold": 3.0, "right": 1.0, "closings": 2.0}
    assert _policies.looks({"answer": "Oslo"}, said) == {"gold": 1.0, "right": 0.0, "closings": 2.0}


def test_watching_changes_no_reward_and_writes_down_one_mean_per_batch():
    watched = _policies.Watched(lambda records, responses: torch.arange(len(responses)) * 1.5)
    records = [{"answer": "Rome"}, {"answer": "Oslo"}]

    first = watched(records, ["Rome.", "Gladly. Oslo. Have a nice day."])
    watched(records, ["I do not know."] * 2)

    assert first.tolist() == [0.0, 1.5]
    assert watched.gold == [2.75, 0.0]
    assert watched.closings == [0.5, 0.0]


def test_the_divergence_is_the_difference_of_the_log_probabilities_of_whole_answers(
    monkeypatch, chat, other
):
    monkeypatch.setattr(_policies, "BATCH", 2)  # the third answer comes in a second batch
    model, tokenizer = chat
    records = preferences.prompts(1, "eval", 3)  # of different lengths
    texts = [prompt_text(tokenizer, record["prompt"]) for record in records]
    answers = generate(
        other,
        tokenizer,
        texts,
        SamplingParams(max_new_tokens=8),
        generator=torch.Generator().manual_seed(0),
    )

    found = _policies.divergence(model, tokenizer, records, answers)

    alone = []
    for text, answer in zip(texts, answers, strict=True):
        before = tokenizer(text, add_special_tokens=False)["input_ids"]
        ids = torch.tensor([before + list(answer.token_ids)])
        ours, theirs = (token_logprobs(net, ids)[0, len(before) - 1 :] for net in (other, model))
        alone.append((ours - theirs).sum().item())
    assert found == pytest.approx(alone, abs=2e-3)
    assert max(map(abs, found)) > 0.05


def test_a_model_does_not_diverge_from_itself(chat, judge):
    model, tokenizer = chat
    records = preferences.prompts(1, "eval", 6)

    found = _policies.judged(model, model, tokenizer, records, judge)

    assert found["kl"] == pytest.approx(0, abs=1e-3)
    assert found["finished"] > 0.5
    assert 1 < found["response_length"] <= _policies.CONFIG.max_new_tokens
    assert len(found["responses"]) == _policies.SHOWN
    first = found["responses"][0]
    assert first["gold"] == preferences.gold_score(first["text"], records[0]["answer"])
    assert first["reward"] == pytest.approx(judge(records[:1], [first["text"]]).item(), abs=0.01)


def test_a_policy_is_trained_at_its_price_and_for_its_share_of_the_steps(monkeypatch):
    asked = []

    def fake_ppo(policy, tokenizer, prompts, reward, config):
        asked.append((len(prompts), config))
        names = ("reward", "kl", "response_length", "entropy", "clip_fraction")
        yield dict.fromkeys((*names, "explained_variance"), 0.12345)

    monkeypatch.setattr(_policies, "ppo", fake_ppo)

    curves = _policies.trained(None, None, None, beta=0.7, scale=0.25)

    [(count, config)] = asked
    assert config == dataclasses.replace(_policies.CONFIG, beta=0.7, steps=10)
    assert count == _policies.TRAIN_PROMPTS
    assert curves["reward"] == curves["entropy"] == [0.1235]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, chat):
    """A chat model and a reward model with random weights."""
    transformers.set_seed(0)
    size = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
    kept = ("vocab_size", "bos_token_id", "eos_token_id", "pad_token_id", "tie_word_embeddings")
    config = {name: getattr(chat[0].config, name) for name in kept} | size | heads
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**config)).eval()
    net = reward_model_from(model, generator=torch.Generator().manual_seed(0))
    folder = tmp_path_factory.mktemp("tiny")
    for name, made in (("chat", model), ("reward", net)):
        made.save_pretrained(folder / name)
        chat[1].save_pretrained(folder / name)
    return folder


def test_each_beta_starts_from_the_same_model_and_is_measured_on_the_same_prompts(tiny):
    found = ppo_beta.measure(
        scale=0.03, chat=tiny / "chat", reward=tiny / "reward", betas=(0.0, 1.0)
    )

    assert [run["beta"] for run in found["runs"]] == [0.0, 1.0]
    assert found["steps"] == 2
    assert found["prompts"] == 6
    first, second = (run["curves"] for run in found["runs"])
    assert {len(curve) for curve in (*first.values(), *second.values())} == {2}
    assert first["reward"][0] == second["reward"][0]  # the prices differ, the first answers not
    assert first["kl"][0] == second["kl"][0] == pytest.approx(0, abs=1e-3)
    assert found["before"]["kl"] == pytest.approx(0, abs=1e-3)
    assert len(found["held_out_prompts"]) == len(found["before"]["responses"])
    assert all(abs(run["held_out"]["kl"]) > 1e-3 for run in found["runs"])
