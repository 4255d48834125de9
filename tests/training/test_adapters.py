"""LoRA, adapters and prompt tuning as set-ups: equal to the book's own, trainable, clear errors."""

import copy
import shutil

import peft
import pytest
import torch
import transformers
from torch import nn

from companion.adapters import AdaptedLinear, inject_adapters, merge_tokens, train_tokens
from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.generation.scoring import token_logprobs
from companion.linear_layers import linear_names
from companion.lora import (
    LoRALinear,
    count_parameters,
    inject_lora,
    lora_parameters,
    merge_lora,
)
from companion.training.adapters import (
    SoftPromptModel,
    apply_adapter,
    apply_lora,
    apply_prompt_tuning,
)
from companion.training.settings import TrainingSettings
from companion.training.sft import sft_trainer
from companion.training.silence import silence
from companion.training.trainer import history, resume

# peft before 0.21 looks for the files of a model that has no name; nothing else comes of it.
pytestmark = pytest.mark.filterwarnings("ignore:Could not find a config file in  - :UserWarning")
RECORDS = [
    {
        "messages": [
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ]
    }
    for question, answer in {
        "Hi": "Hello there",
        "What is 3 + 4?": "7",
        "Name a color.": "Blue, as the sea and as the sky.",
        "Which day follows Monday? Tell me the day.": "Tuesday",
    }.items()
]
IDS = torch.tensor([[5, 9, 7, 200, 8], [3, 3, 4, 90, 6]])
METHODS = {
    "lora": (apply_lora, {"rank": 4}, 2e-2),
    "adapter": (apply_adapter, {"size": 8}, 2e-2),
    "prompt": (apply_prompt_tuning, {"tokens": 8}, 1e-1),
}


def losses(trainer) -> list[float]:
    return [entry["loss"] for entry in history(trainer)]


def trained(model: nn.Module, tokenizer, **changes: object):
    options = {"steps": 30, "batch_size": 4, "learning_rate": 2e-2} | changes
    trainer = sft_trainer(model, tokenizer, RECORDS, TrainingSettings(**options))
    trainer.train()
    return trainer


# All three


@pytest.mark.parametrize("method", METHODS)
def test_training_lowers_the_loss_and_leaves_the_model_alone(
    tiny, pocket_tokenizer, capfd, method: str
) -> None:
    apply, options, rate = METHODS[method]
    model = tiny(initializer_range=0.2)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    weights = {id(p): name for name, p in model.named_parameters()}
    tuned = apply(model, **options)
    start = {n: p.clone() for n, p in tuned.named_parameters() if p.requires_grad}

    trainer = trained(tuned, pocket_tokenizer, learning_rate=rate)

    assert sum(losses(trainer)[-3:]) < 0.8 * sum(losses(trainer)[:3])
    assert trainer.model is tuned
    for parameter in tuned.parameters():
        if id(parameter) in weights:
            assert torch.equal(parameter, before[weights[id(parameter)]])
    moved = [n for n, p in tuned.named_parameters() if p.requires_grad and not p.equal(start[n])]
    assert moved == list(start)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("method", METHODS)
def test_the_seed_fixes_the_start_and_the_global_generator_stays(tiny, method: str) -> None:
    apply, options, _ = METHODS[method]
    model = tiny()
    state = torch.get_rng_state()

    starts = [
        list(apply(copy.deepcopy(model), **options, seed=seed).parameters()) for seed in (0, 0, 1)
    ]

    same, other = (
        all(a.equal(b) for a, b in zip(starts[0], starts[i], strict=True)) for i in (1, 2)
    )
    assert same
    assert not other
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("method", METHODS)
def test_the_trainable_parameters_are_counted(tiny, method: str) -> None:
    apply, options, _ = METHODS[method]
    model = tiny()
    total = count_parameters(model).total
    expected = {
        # rank (in + out) for q 64, k 48, v 48, o 64, gate 80, up 80, down 80, in two blocks
        "lora": 2 * 4 * (64 + 48 + 48 + 64 + 3 * 80),
        "adapter": 4 * (2 * 32 * 8 + 32 + 8),
        "prompt": 8 * 32,
    }[method]

    tuned = apply(model, **options)

    assert count_parameters(tuned) == (expected, total + expected)


# LoRA


@pytest.mark.parametrize("kind", ["llama", pytest.param("gpt2", marks=pytest.mark.slow)])
def test_peft_trains_to_the_same_updates_as_the_layer_from_scratch(
    tiny, pocket_tokenizer, kind: str
) -> None:
    model = tiny() if kind == "llama" else tiny_gpt2()
    ours, theirs = copy.deepcopy(model), apply_lora(copy.deepcopy(model), rank=4, seed=3)
    names = inject_lora(ours, linear_names(ours), rank=4, alpha=8)
    for name in names:
        a = theirs.base_model.model.get_submodule(name).lora_A["default"].weight
        ours.get_submodule(name).lora_A.data.copy_(a)

    found = losses(trained(ours, pocket_tokenizer, steps=8))
    expected = losses(trained(theirs, pocket_tokenizer, steps=8))

    assert found == pytest.approx(expected, rel=1e-4)
    assert found[-1] < found[0]
    assert all(p.any() for p in lora_parameters(ours))
    merged = theirs.merge_and_unload()
    layer = ours.get_submodule(names[0])
    layer.merge()
    torch.testing.assert_close(
        layer.base.weight, merged.get_submodule(names[0]).weight, rtol=1e-3, atol=1e-4
    )


def tiny_gpt2() -> transformers.GPT2LMHeadModel:
    transformers.set_seed(0)
    config = transformers.GPT2Config(
        vocab_size=2048,
        n_positions=128,
        n_embd=32,
        n_layer=2,
        n_head=4,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=1,
    )
    return transformers.GPT2LMHeadModel(config).eval()


def test_lora_takes_targets_and_alpha(tiny) -> None:
    tuned = apply_lora(tiny(), rank=2, alpha=3, dropout=0.25, targets=["v_proj"])

    layers = {
        name.rpartition(".")[2]: module
        for name, module in tuned.named_modules()
        if hasattr(module, "lora_A")
    }
    assert list(layers) == ["v_proj"]
    assert layers["v_proj"].scaling == {"default": 1.5}
    assert layers["v_proj"].lora_dropout["default"].p == 0.25


ROWS = [2, 4, 5]


def by_hand(model: nn.Module, token_ids: list[int]) -> nn.Module:
    """Give a model LoRA and rows from scratch."""
    inject_lora(model, linear_names(model), rank=4, alpha=8)
    train_tokens(model, token_ids)
    return model


def bottlenecks(model: nn.Module, token_ids: list[int]) -> nn.Module:
    """Give a model adapters and rows, whatever its layers are called."""
    names = [n for n in linear_names(model) if n in ("o_proj", "down_proj", "c_proj")]
    return apply_adapter(model, targets=names, token_ids=token_ids)


WITH_ROWS = {"peft": apply_lora, "from scratch": by_hand, "adapters": bottlenecks}
MODELS = {
    "tied": lambda tiny: tiny(initializer_range=0.2),
    "untied": lambda tiny: tiny(initializer_range=0.2, tie_word_embeddings=False),
    "gpt2": lambda tiny: tiny_gpt2(),
}


def tables(model: nn.Module) -> list[torch.Tensor]:
    """Return the weights of embeddings and output layer as they act."""
    return [model.get_input_embeddings().weight, model.get_output_embeddings().weight]


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("method", WITH_ROWS)
def test_the_rows_of_some_tokens_are_trained_and_no_others(
    tiny, pocket_tokenizer, method: str, kind: str
) -> None:
    model = MODELS[kind](tiny)
    start = [table.detach().clone() for table in tables(model)]
    tuned = WITH_ROWS[method](model, token_ids=ROWS)

    trained(tuned, pocket_tokenizer, steps=5)

    found = tables(model)
    for before, after in zip(start, found, strict=True):
        moved = (before - after).abs().amax(dim=1).nonzero()[:, 0].tolist()
        assert set(moved) <= set(ROWS)
        assert 2 in moved  # the token that ends a turn, which is in each record
    assert torch.equal(*found) == (kind != "untied")


@pytest.mark.parametrize(
    "kind",
    [
        "tied",
        pytest.param("untied", marks=pytest.mark.slow),
        pytest.param("gpt2", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("method", WITH_ROWS)
def test_an_interrupted_run_with_rows_goes_on_to_the_same_losses(
    tiny, pocket_tokenizer, tmp_path, method: str, kind: str
) -> None:
    def trainer():
        tuned = WITH_ROWS[method](MODELS[kind](tiny), token_ids=ROWS)
        settings = TrainingSettings(
            steps=4, batch_size=4, learning_rate=2e-2, output_dir=tmp_path, save_steps=2
        )
        return sft_trainer(tuned, pocket_tokenizer, RECORDS, settings)

    transformers.set_seed(0)
    whole = trainer()
    whole.train()
    shutil.rmtree(tmp_path / "checkpoint-4")
    transformers.set_seed(0)
    again = trainer()
    resume(again)

    assert losses(again) == pytest.approx(losses(whole), rel=1e-5)
    for one, two in zip(again.model.parameters(), whole.model.parameters(), strict=True):
        torch.testing.assert_close(one, two)


@pytest.mark.parametrize("kind", MODELS)
def test_peft_saves_and_loads_updates_and_rows(tiny, pocket_tokenizer, tmp_path, kind: str) -> None:
    tuned = apply_lora(MODELS[kind](tiny), rank=4, token_ids=ROWS)
    trained(tuned, pocket_tokenizer, steps=3)
    ids = torch.tensor([[5, 2, 4, 9]])
    with torch.no_grad():
        expected = tuned(ids).logits
        with tuned.disable_adapter():
            torch.testing.assert_close(tuned(ids).logits, MODELS[kind](tiny)(ids).logits)

        tuned.save_pretrained(tmp_path)
        with silence():
            found = peft.PeftModel.from_pretrained(MODELS[kind](tiny), tmp_path)(ids).logits

    torch.testing.assert_close(found, expected)
    assert (tmp_path / "adapter_model.safetensors").stat().st_size < 100_000


def test_what_peft_loaded_can_be_trained_on(tiny, pocket_tokenizer, tmp_path) -> None:
    tuned = apply_lora(tiny(initializer_range=0.2), rank=4, token_ids=ROWS)
    assert not hasattr(tuned.get_output_embeddings(), "bias")  # why the trainer has `_give_bias`
    tuned.save_pretrained(tmp_path)

    base = tiny(initializer_range=0.2)
    with silence():
        again = peft.PeftModel.from_pretrained(base, tmp_path, is_trainable=True)

    first, *_, last = losses(trained(again, pocket_tokenizer, steps=5))
    assert last < first


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("method", ["peft", "from scratch"])
def test_updates_and_rows_merge_into_a_plain_model_that_can_be_saved(
    tiny, pocket_tokenizer, tmp_path, method: str, kind: str
) -> None:
    model = MODELS[kind](tiny)
    names = model.state_dict().keys()
    tuned = WITH_ROWS[method](model, token_ids=ROWS)
    trained(tuned, pocket_tokenizer, steps=5)
    with torch.no_grad():
        expected = tuned(IDS).logits

    if method == "peft":
        merged = tuned.merge_and_unload()
    else:
        merged = model
        merge_lora(merged)
        merge_tokens(merged)
    with silence():
        merged.save_pretrained(tmp_path)
        loaded = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)

    for one in (merged, loaded):
        torch.testing.assert_close(one(IDS).logits, expected, rtol=1e-4, atol=1e-4)
        assert one.state_dict().keys() == names
        assert one.config.tie_word_embeddings == (kind != "untied")
        assert (tables(one)[0] is tables(one)[1]) == (kind != "untied")


def test_an_output_layer_with_a_bias_takes_no_rows(tiny) -> None:
    model = tiny(tie_word_embeddings=False)
    model.lm_head = nn.Linear(32, 2048)

    with pytest.raises(ValueError, match="lm_head has a bias, which peft leaves out"):
        apply_lora(model, rank=4, token_ids=ROWS)

    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("apply", [apply_lora, apply_adapter])
@pytest.mark.parametrize("ids", [[3, 3], [2048], [-1]])
def test_bad_token_ids_are_refused_and_the_model_is_unchanged(tiny, apply, ids: list[int]) -> None:
    model = tiny()

    with pytest.raises(ValueError, match="token_ids must be different numbers from 0 to 2047"):
        apply(model, token_ids=ids)

    assert all(parameter.requires_grad for parameter in model.parameters())
    assert not any(isinstance(module, AdaptedLinear) for module in model.modules())


# Adapters


def test_the_adapters_are_those_of_the_book(tiny) -> None:
    ours = tiny()
    names = inject_adapters(
        ours, ["o_proj", "down_proj"], size=8, generator=torch.Generator().manual_seed(2)
    )

    found = apply_adapter(tiny(), size=8, seed=2)

    assert [n for n, m in found.named_modules() if isinstance(m, AdaptedLinear)] == names
    assert all(a.equal(b) for a, b in zip(found.parameters(), ours.parameters(), strict=True))


# Prompt tuning


@pytest.fixture
def tuned(tiny):
    """A random model with a soft prompt that matters."""
    tuned = apply_prompt_tuning(tiny(initializer_range=0.5), tokens=6)
    vectors = tuned.prompt_encoder["default"].embedding.weight
    with torch.no_grad():
        vectors.mul_(3)
    return tuned


def test_the_soft_prompt_starts_as_embeddings_of_tokens(tiny) -> None:
    model = tiny()

    tuned = apply_prompt_tuning(model, tokens=6)

    table = model.get_input_embeddings().weight
    distances = torch.cdist(SoftPromptModel(tuned).prompt, table)
    assert distances.shape == (6, 2048)
    assert distances.min(dim=1).values.max() < 1e-3


def test_a_text_without_padding_gets_the_logits_of_peft(tuned) -> None:
    mask = torch.ones_like(IDS)
    with torch.no_grad():
        expected = tuned(input_ids=IDS, attention_mask=mask).logits[:, 6:]
        plain = tuned.get_base_model()(IDS).logits
        positions = torch.arange(5).expand(2, -1)
        found = SoftPromptModel(tuned)(IDS, mask, positions).logits

    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert (found - plain).abs().max() > 0.1


def test_padding_does_not_change_what_follows_the_soft_prompt(tuned, pocket_tokenizer) -> None:
    model = SoftPromptModel(tuned)
    prompts = ["Hi", "Which day follows Monday? Tell me the day."]
    params = SamplingParams(max_new_tokens=12, temperature=0)

    together = generate(model, pocket_tokenizer, prompts, params)

    alone = [generate(model, pocket_tokenizer, prompt, params)[0] for prompt in prompts]
    again = generate(model, pocket_tokenizer, prompts, params, use_cache=False)
    assert [one.token_ids for one in together] == [one.token_ids for one in alone]
    assert [one.token_ids for one in together] == [one.token_ids for one in again]


def test_peft_moves_a_padded_text_away_from_the_soft_prompt(tuned) -> None:
    """The reason for `SoftPromptModel`: should this fail one day, it can go."""
    padded = torch.cat([torch.ones(2, 7, dtype=torch.long), IDS], dim=1)
    mask = (torch.arange(12) >= 7).long().expand(2, -1)
    with torch.no_grad():
        alone = tuned(input_ids=IDS, attention_mask=torch.ones_like(IDS)).logits[:, -1]
        theirs = tuned(input_ids=padded, attention_mask=mask).logits[:, -1]
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        found = SoftPromptModel(tuned)(padded, mask, positions).logits[:, -1]

    torch.testing.assert_close(found, alone, rtol=1e-4, atol=1e-4)
    assert (theirs - alone).abs().max() > 0.1


def test_a_single_text_is_continued_as_peft_does_it(tuned, pocket_tokenizer) -> None:
    """By peft's forward: its `generate` (0.21) puts the prompt in at each step from 5.24 on."""
    ids = pocket_tokenizer("Hi there", return_tensors="pt")["input_ids"]
    params = SamplingParams(max_new_tokens=10, temperature=0)
    tuned.generation_config.eos_token_id = None

    found = generate(SoftPromptModel(tuned), pocket_tokenizer, "Hi there", params)[0].token_ids

    with torch.no_grad():
        for _ in found:
            logits = tuned(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
            ids = torch.cat([ids, logits[:, -1:].argmax(dim=-1)], dim=1)
    assert len(found) == 10
    assert found == ids[0, -10:].tolist()


def test_scores_are_those_of_a_model_with_the_soft_prompt_as_words(tuned, pocket_tokenizer) -> None:
    """A soft prompt made of real tokens is the same as those tokens in the text."""
    base = tuned.get_base_model()
    words = torch.tensor([[40, 41, 42, 43, 44, 45]])
    with torch.no_grad():
        vectors = tuned.prompt_encoder["default"].embedding.weight
        vectors.copy_(base.get_input_embeddings()(words)[0])

    found = token_logprobs(SoftPromptModel(tuned), IDS)

    expected = token_logprobs(base, torch.cat([words.expand(2, -1), IDS], dim=1))[:, 6:]
    torch.testing.assert_close(found, expected)


def test_the_soft_prompt_takes_its_place_in_the_context(tuned, pocket_tokenizer) -> None:
    model = SoftPromptModel(tuned)

    assert model.config.max_position_embeddings == 128 - 6
    assert tuned.config.max_position_embeddings == 128
    with pytest.raises(ValueError, match="122"):
        generate(model, pocket_tokenizer, "Hi", SamplingParams(max_new_tokens=122))


# Bad input


@pytest.mark.parametrize("first", [apply_prompt_tuning, apply_lora])
def test_a_model_of_peft_takes_no_soft_prompt(tiny, first) -> None:
    model = first(tiny())
    names = [name for name, _ in model.named_parameters()]

    with pytest.raises(ValueError, match="the model is one of peft already"):
        apply_prompt_tuning(model)

    assert [name for name, _ in model.named_parameters()] == names
    plain = model.merge_and_unload() if first is apply_lora else model.get_base_model()
    assert isinstance(apply_prompt_tuning(plain), peft.PeftModel)


@pytest.mark.parametrize(
    ("apply", "options", "message"),
    [
        (apply_lora, {"rank": 0}, "rank must be a whole number from 1, got 0"),
        (apply_lora, {"targets": ["q_prj"]}, "no layer is called 'q_prj'. Linear layers of"),
        (apply_lora, {"alpha": -1}, "alpha must be above 0, got -1"),
        (apply_lora, {"dropout": 1}, "dropout must be at least 0 and below 1, got 1"),
        (apply_adapter, {"size": 0}, "size must be a whole number from 1, got 0"),
        (apply_adapter, {"targets": ["c_proj"]}, "no layer is called 'c_proj'. Linear layers of"),
        (apply_lora, {"rank": "2"}, "rank must be a whole number from 1, got '2'"),
        (apply_lora, {"rank": None}, "rank must be a whole number from 1, got None"),
        (apply_lora, {"rank": 2.0}, r"rank must be a whole number from 1, got 2\.0"),
        (apply_lora, {"alpha": "2"}, "alpha must be above 0, got '2'"),
        (apply_adapter, {"size": 4.0}, r"size must be a whole number from 1, got 4\.0"),
        (apply_prompt_tuning, {"tokens": 0}, "tokens must be a whole number from 1, got 0"),
        (apply_prompt_tuning, {"tokens": True}, "tokens must be a whole number from 1, got True"),
        (apply_prompt_tuning, {"tokens": 2.5}, r"tokens must be a whole number from 1, got 2\.5"),
        (apply_prompt_tuning, {"tokens": 128}, "less than the context of 128, got 128"),
    ],
)
def test_bad_settings_are_refused_and_the_model_is_unchanged(tiny, apply, options, message) -> None:
    model = tiny()

    with pytest.raises(ValueError, match=message):
        apply(model, **options)

    assert all(parameter.requires_grad for parameter in model.parameters())
    assert not any(isinstance(m, LoRALinear | AdaptedLinear) for m in model.modules())
