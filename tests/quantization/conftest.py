"""A large model without weights."""

import pytest
import torch
import transformers


@pytest.fixture(scope="session")
def llama_2_7b() -> transformers.LlamaForCausalLM:
    config = transformers.LlamaConfig(
        vocab_size=32_000, hidden_size=4096, intermediate_size=11_008, num_hidden_layers=32
    )
    with torch.device("meta"):
        return transformers.LlamaForCausalLM(config)
