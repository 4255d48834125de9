"""What a measurement of speed needs: the bytes of a step, and one thread for a while."""

import torch

from companion.pocket.studies import speed


def test_a_tied_output_is_read_once_and_an_embedding_not_at_all(make_llama) -> None:
    untied, tied = make_llama(), make_llama(tie_word_embeddings=True)

    assert speed.weight_bytes(untied) == speed.weight_bytes(tied)
    assert speed.weight_bytes(tied) == 4 * sum(one.numel() for one in tied.parameters())


def test_threads_are_as_before_afterwards(threads: int) -> None:
    with speed.one_thread():
        assert torch.get_num_threads() == 1

    assert torch.get_num_threads() == threads
