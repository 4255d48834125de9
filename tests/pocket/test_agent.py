"""pocket-agent: an adapter on pocket-chat, and what it is trained on."""

import copy

import pytest
from safetensors.torch import load_file

from companion.models.loading import WEIGHTS_ROOT
from companion.pocket import agent
from companion.training.adapters import apply_lora
from companion.training.silence import silence


@pytest.fixture(scope="module")
def loaded():
    return agent.load_agent()


def test_the_adapter_is_merged_into_pocket_chat(loaded, chat):
    weight = "model.layers.0.self_attn.q_proj.weight"

    assert not loaded.model.training
    assert not [name for name, _ in loaded.model.named_parameters() if "lora" in name]
    mine, before = loaded.model.get_parameter(weight), chat.model.get_parameter(weight)
    assert mine.shape == before.shape
    assert not (mine == before).all()


def test_a_folder_can_be_named(loaded):
    again = agent.load_agent(WEIGHTS_ROOT / agent.ADAPTER)

    for mine, other in zip(loaded.model.parameters(), again.model.parameters(), strict=True):
        assert (mine == other).all()


def test_what_is_longer_than_the_context_is_left_out(chat):
    tokenizer = chat.tokenizer
    whole = agent.traces(tokenizer, 30)
    short = agent.traces(Short(tokenizer), 30)

    assert 0 < len(short) < len(whole) <= 30
    assert all(one in whole for one in short)


class Short:
    """A tokenizer with a shorter context."""

    model_max_length = 200

    def __init__(self, tokenizer):
        self.apply_chat_template, self.call = tokenizer.apply_chat_template, tokenizer

    def __call__(self, *given, **options):
        return self.call(*given, **options)


def test_a_saved_adapter_is_in_float16_and_names_its_model(llama, tmp_path):
    with silence():
        tuned = apply_lora(copy.deepcopy(llama), rank=2, token_ids=[5])
        agent.save_adapter(tuned, tmp_path / "agent")

    kept = load_file(tmp_path / "agent" / "adapter_model.safetensors")
    assert {str(tensor.dtype) for tensor in kept.values()} == {"torch.float16"}
    assert all("lora_" in name or "trainable_tokens" in name for name in kept)
    assert any("trainable_tokens" in name for name in kept)
    assert '"pocket-chat"' in (tmp_path / "agent" / "adapter_config.json").read_text()


def test_the_command_wants_a_folder(capsys):
    with pytest.raises(SystemExit) as end:
        agent.main([])

    assert end.value.code == 2
    assert "--out" in capsys.readouterr().err
