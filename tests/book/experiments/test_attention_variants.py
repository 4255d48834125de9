"""The decoders of the study differ in what they say, and in nothing else."""

import dataclasses
import math

import pytest
import torch
from _experiments import _decoder as decoder
from _experiments import attention_variants as study
from torch.nn.functional import scaled_dot_product_attention

from companion.pocket.records import record

DESIGNS = [
    pytest.param(design, id=f"{group}-{name}")
    for group, members in study.GROUPS.items()
    for name, design in members.items()
]


def new_decoder(design: decoder.Design) -> decoder.Decoder:
    torch.manual_seed(0)
    return decoder.Decoder(design, vocab_size=50, context=16).eval()


@pytest.mark.parametrize("design", DESIGNS)
@torch.no_grad()
def test_no_design_sees_the_future(design):
    model = new_decoder(design)
    ids = torch.randint(50, (2, 12))
    changed = ids.clone()
    changed[:, -1] = (ids[:, -1] + 1) % 50

    before, after = model(ids), model(changed)

    torch.testing.assert_close(before[:, :-1], after[:, :-1])
    assert not torch.allclose(before[:, -1], after[:, -1])


def attention_input(design: decoder.Design) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(2, 12, design.width, generator=torch.Generator().manual_seed(0))
    return x, decoder.attention_bias(12, design)


@torch.no_grad()
def test_groups_with_equal_keys_are_multi_head_attention():
    grouped = decoder.Attention(decoder.Design(kv_heads=2))
    full = decoder.Attention(decoder.Design())
    full.query, full.out = grouped.query, grouped.out
    keys, values = grouped.key_value.weight.view(2, 2, 16, 64)
    both = [part.repeat_interleave(2, dim=0) for part in (keys, values)]
    full.key_value.weight.copy_(torch.cat(both).flatten(0, 1))
    x, bias = attention_input(full.design)

    torch.testing.assert_close(grouped(x, bias), full(x, bias))


@torch.no_grad()
def test_rotations_depend_on_the_distance():
    q, k = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))

    turned_q, turned_k = (decoder.rotate(x.expand(9, 8)) for x in (q, k))

    scores = turned_q @ turned_k.T
    torch.testing.assert_close(scores[5, 2], scores[8, 5])
    assert not torch.isclose(scores[5, 2], scores[5, 3])


def test_a_window_hides_what_is_older_and_a_penalty_grows_with_the_distance():
    window = decoder.attention_bias(4, decoder.Design(window=2))
    alibi = decoder.attention_bias(4, decoder.Design(heads=4, positions="alibi"))

    inf = math.inf
    assert window[0].tolist()[2] == [-inf, 0, 0, -inf]
    assert alibi[0, 3].tolist() == [-3 / 4, -2 / 4, -1 / 4, 0]  # 2 ** -2
    assert alibi[3, 3].tolist() == [-3 / 256, -2 / 256, -1 / 256, 0]  # 2 ** -8


@torch.no_grad()
def test_order_counts_where_positions_enter():
    x = torch.randn(1, 6, 64, generator=torch.Generator().manual_seed(0))
    swapped = x[:, [1, 0, 2, 3, 4, 5]]
    moved = {}
    for positions in ("none", "rope", "alibi"):
        design = decoder.Design(positions=positions)
        part, bias = decoder.Attention(design), decoder.attention_bias(6, design)
        moved[positions] = (part(x, bias)[0, -1] - part(swapped, bias)[0, -1]).abs().max().item()

    assert moved["none"] < 1e-5
    assert min(moved["rope"], moved["alibi"]) > 1e-4


@torch.no_grad()
def test_latent_attention_with_all_numbers_kept_is_attention_with_one_more_key():
    design = decoder.Design(latent=64)
    part = decoder.Attention(design)
    x, bias = attention_input(design)
    q, turned = part.query(x).view(2, 12, 4, 24).transpose(1, 2).split([16, 8], dim=-1)
    kv = (x @ part.down.weight.T @ part.key_value.weight.T).view(2, 12, 8, 16).transpose(1, 2)
    place = decoder.rotate(part.place(x))[:, None].expand(2, 4, 12, 8)
    q, k = torch.cat([q, decoder.rotate(turned)], -1), torch.cat([kv[:, :4], place], -1)

    expected = scaled_dot_product_attention(q, k, kv[:, 4:], is_causal=True)

    expected = expected.transpose(1, 2).reshape(2, 12, 64) @ part.out.weight.T
    torch.testing.assert_close(part(x, bias), expected)


@torch.no_grad()
def test_experts_give_the_weighted_sum_of_the_best_two():
    torch.manual_seed(0)
    part = decoder.Experts(decoder.Design(experts=4), hidden=32).eval()
    x = torch.randn(1, 5, 64)

    out = part(x)

    chances = part.router(x[0]).softmax(dim=-1)
    for token in range(5):
        order = sorted(range(4), key=lambda e: -chances[token, e].item())[:2]
        best = chances[token, order] / chances[token, order].sum()
        expected = sum(w * part.experts[e](x[0, token]) for w, e in zip(best, order, strict=True))
        torch.testing.assert_close(out[0, token], expected)
    assert part.share.sum().item() == pytest.approx(1)


def test_the_bias_rises_for_experts_with_too_little_to_do():
    torch.manual_seed(0)
    part = decoder.Experts(decoder.Design(experts=4, balance="bias"), hidden=32).train()

    part(torch.randn(1, 64, 64))

    assert ((part.bias > 0) == (part.share < 1 / 4)).all()
    assert part.bias.abs().max().item() == pytest.approx(part.STEP)


def test_numbers_in_the_cache_are_counted():
    kept = {name: design.cached_numbers for name, design in study.ATTENTION.items()}

    assert kept["MHA"] == 3 * 2 * 4 * 16
    assert kept["GQA, 2 groups"] == kept["MHA"] / 2
    assert kept["MQA"] == kept["MHA"] / 4 == kept["MLA"] == 3 * (24 + 8)


def test_a_decoder_learns(base_rows):
    design = dataclasses.replace(study.ATTENTION["MHA"], layers=1)

    short, long = (
        study.judged(study.trained(design, base_rows * n, seed=0, vocab_size=50), base_rows[0])
        for n in (1, 40)
    )

    assert long["loss"] < short["loss"] - 1 < math.log(50)
    assert len(long["longer"]) == study.LONGER


@pytest.fixture
def base_rows():
    return [torch.arange(4 * study.LENGTH).view(4, study.LENGTH) % 7]


def test_the_record_is_of_this_study():
    runs = record("attention_variants")["runs"]

    names = {(run["group"], run["name"]) for run in runs}
    assert names == {(group, name) for group in study.GROUPS for name in study.GROUPS[group]}
    for run in runs:
        design = study.GROUPS[run["group"]][run["name"]]
        model = decoder.Decoder(design, vocab_size=2048, context=study.LENGTH)
        assert run["parameters"] == sum(p.numel() for p in model.parameters())
        assert run["cached_numbers"] == design.cached_numbers
