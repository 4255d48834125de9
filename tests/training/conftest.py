"""Fakes for the tests of training: the pocket tokenizer, a small random model, records."""

from collections.abc import Callable, Iterator

import pytest
import torch
import transformers

import companion


@pytest.fixture(params=[1, pytest.param(2, marks=pytest.mark.slow)], ids=["1-thread", "2-threads"])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """Run the test with one thread and, among the slow tests, with two.

    Threads wait for one another where other tests run beside them: a training of a second takes
    half a minute.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def pocket_tokenizer() -> transformers.PreTrainedTokenizerFast:
    """The tokenizer of the pocket models. Read only."""
    return companion.load("base").tokenizer


@pytest.fixture
def tiny() -> Callable[..., transformers.LlamaForCausalLM]:
    """Build a random model for the pocket tokenizer: 128 tokens of context, always the same."""

    def build(**changes: object) -> transformers.LlamaForCausalLM:
        config = {
            "vocab_size": 2048,
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 128,
            "tie_word_embeddings": True,
            "bos_token_id": 0,
            "eos_token_id": 0,
            "pad_token_id": 1,
        }
        transformers.set_seed(0)
        return transformers.LlamaForCausalLM(transformers.LlamaConfig(**config | changes)).eval()

    return build
