"""Drawn shapes reach the language model through their placeholders, and only answers count."""

import pytest
import torch

from companion.pocket.studies import images


@pytest.fixture(scope="module")
def joined():
    base = images.with_image_token()
    encoder = images.Encoder(images.captions(base)).eval()
    return images.join(encoder, base), base.tokenizer


def test_no_held_out_pair_is_drawn_for_training():
    pictures, drawn = images.sample(images.SEEN, 200, seed=0)

    assert pictures.shape == (200, 3, images.SIDE, images.SIDE)
    assert set(drawn) == set(images.SEEN)
    assert not set(images.SEEN) & set(images.HELD_OUT)
    assert set(images.SEEN) | set(images.HELD_OUT) == set(images.PAIRS)


@pytest.mark.parametrize("pair", images.PAIRS)
def test_a_drawing_has_its_color_on_white_only(pair):
    picture = images.draw(pair, torch.Generator().manual_seed(0))

    found = {color for _, color in picture.getcolors()}

    assert found == {(255, 255, 255), images.COLORS[pair[0]]}


def test_every_word_of_a_caption_is_one_token(joined):
    _, tokenizer = joined

    assert all(len(tokenizer(f" {a} {b}").input_ids) == 2 for a, b in images.PAIRS)


def test_only_answers_have_labels_also_with_padding(joined):
    _, tokenizer = joined
    asked = [("What is in the picture?", "box"), ("What color is it?", "red")]

    batch = images.rows(tokenizer, asked)

    places = tokenizer.convert_tokens_to_ids(images.IMAGE)
    assert ((batch["input_ids"] == places).sum(1) == images.PLACES).all()
    for labels, (_, answer) in zip(batch["labels"], asked, strict=True):
        assert labels[labels != -100].tolist() == tokenizer(f" {answer}").input_ids
    assert (batch["attention_mask"] == 0).any()


@torch.inference_mode()
def test_answers_do_not_depend_on_padding(joined):
    model, tokenizer = joined
    pictures, _ = images.sample(images.PAIRS, 2, seed=0)
    questions = ["What is in the picture?", "What color is it?"]

    together = images.answers(model, tokenizer, pictures, questions)
    alone = images.answers(model, tokenizer, pictures[1:], questions[1:])

    assert together[1][0] == alone[0][0]
    assert together[1][1] == pytest.approx(alone[0][1], rel=1e-3)


def test_joining_keeps_the_language_model_and_trains_the_projector_only(joined):
    model, tokenizer = joined
    before = {name: value.clone() for name, value in model.named_parameters()}

    images.train(model, tokenizer, images.SEEN, steps=4)

    changed = {
        name for name, value in model.named_parameters() if not torch.equal(value, before[name])
    }
    assert changed
    assert all("multi_modal_projector" in name for name in changed)
