"""Held-out rows are text that training never sees, and the loss is a mean over all of them."""

import pytest
import torch

from companion.models import load
from companion.pocket import pretrain
from companion.pocket.recipe import Recipe
from companion.pocket.studies.held_out import CONTEXT, held_out_loss, held_out_rows


@pytest.fixture(scope="module")
def base():
    return load("base")


def test_held_out_rows_are_whole_and_differ_from_what_is_read_in_training(base):
    rows = held_out_rows(base.tokenizer, count=8)
    read = next(pretrain.batches(base.tokenizer, Recipe()))

    assert rows.shape == (8, CONTEXT)
    assert (rows == base.tokenizer.eos_token_id).any()
    assert not {tuple(row[:32]) for row in rows.tolist()} & {
        tuple(row[:32]) for row in read.tolist()
    }


def test_held_out_loss_is_the_mean_over_all_rows(base):
    rows = held_out_rows(base.tokenizer, count=20)  # 16 rows and 4 rows

    with torch.no_grad():
        expected = base.model(input_ids=rows, labels=rows).loss.item()

    assert held_out_loss(base.model, rows) == pytest.approx(expected, abs=1e-4)
