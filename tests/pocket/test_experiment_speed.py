"""The recorded run on speed: what is compared, and that a small run works."""

import pytest
import torch

from companion.pocket.experiments import speed


def test_texts_that_differ_are_not_compared() -> None:
    with pytest.raises(ValueError, match="different tokens"):
        speed.compare(lambda: [1], lambda: [2], pairs=1)


def test_a_tied_output_is_read_once_and_an_embedding_not_at_all(make_llama) -> None:
    untied, tied = make_llama(), make_llama(tie_word_embeddings=True)

    assert speed.weight_bytes(untied) == speed.weight_bytes(tied)
    assert speed.weight_bytes(tied) == 4 * sum(one.numel() for one in tied.parameters())


def test_threads_are_as_before_afterwards(threads: int) -> None:
    with speed.one_thread():
        assert torch.get_num_threads() == 1

    assert torch.get_num_threads() == threads


@pytest.mark.slow
def test_a_small_run_measures_every_dtype_and_batch() -> None:
    found = speed.measure(scale=0.02, models=["base"])

    assert [(one["dtype"], one["batch"]) for one in found["runs"]] == [
        (dtype, batch) for dtype in speed.DTYPES for batch in speed.BATCHES
    ]
    assert all(one["companion"] > 0 and one["transformers"] > 0 for one in found["runs"])
    assert len(found["prompts"]) == len(speed.DTYPES)
