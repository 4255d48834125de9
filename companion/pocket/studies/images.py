"""Drawn shapes into pocket-base: patch encoder, projector, and pairs that were never shown.

The model is a small LLaVA (Liu et al. 2023, https://arxiv.org/abs/2304.08485): a vision
transformer, trained against captions as in CLIP, a projector, and pocket-base, which stays frozen
or gets LoRA. Two of twelve pairs of color and shape are held out. Taught in
:doc:`/book/open-models/multimodal`. Leaves out: real pictures, more than one shape in a picture,
answers of more than one word.

Shape letters: ``B`` pictures, ``P`` patches, ``D`` width of the encoder, ``H`` of the model.
"""

from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor, nn
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModel,
    LlavaConfig,
    LlavaForConditionalGeneration,
)

from companion.models.loading import LoadedModel, load
from companion.prompts.evaluation import Accuracy

SIDE, PATCH = 32, 8
PLACES = (SIDE // PATCH) ** 2
COLORS = {
    "red": (220, 40, 40),
    "blue": (40, 70, 220),
    "green": (30, 160, 60),
    "yellow": (240, 200, 40),
}
SHAPES = ("button", "box", "kite")
PAIRS = [(color, shape) for color in COLORS for shape in SHAPES]
HELD_OUT = [("red", "kite"), ("blue", "button")]
SEEN = [pair for pair in PAIRS if pair not in HELD_OUT]
IMAGE = "<image>"
QUESTIONS = {"color": "What color is the {shape}?", "shape": "What is in the picture?"}

Pair = tuple[str, str]


def draw(pair: Pair, generator: torch.Generator) -> Image.Image:
    """Draw a shape of a color, size and place drawn at random, on white."""
    color, shape = pair
    size = int(torch.randint(14, 25, (1,), generator=generator))
    x, y = torch.randint(0, SIDE - size, (2,), generator=generator).tolist()
    picture = Image.new("RGB", (SIDE, SIDE), "white")
    pen, half = ImageDraw.Draw(picture), size / 2
    if shape == "button":
        pen.ellipse((x, y, x + size, y + size), fill=COLORS[color])
    elif shape == "box":
        pen.rectangle((x, y, x + size, y + size), fill=COLORS[color])
    else:
        corners = [(x + half, y), (x + size, y + half), (x + half, y + size), (x, y + half)]
        pen.polygon(corners, fill=COLORS[color])
    return picture


def pixels(picture: Image.Image) -> Tensor:
    """Return the numbers of a picture from -1 to 1, shape ``(3, 32, 32)``."""
    data = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    return data.view(SIDE, SIDE, 3).permute(2, 0, 1) / 127.5 - 1


def sample(pairs: list[Pair], count: int, seed: int) -> tuple[Tensor, list[Pair]]:
    """Draw pictures of some pairs, shape ``(count, 3, 32, 32)``, and tell what is on them."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randint(len(pairs), (count,), generator=generator).tolist()
    drawn = [pairs[i] for i in chosen]
    return torch.stack([pixels(draw(pair, generator)) for pair in drawn]), drawn


def captions(loaded: LoadedModel) -> Tensor:
    """Return a vector per pair: the embeddings of its two words, added, ``(12, H)``."""
    table = loaded.model.get_input_embeddings().weight.detach()
    words = [loaded.tokenizer(f" {a} {b}").input_ids for a, b in PAIRS]
    vectors = table[torch.tensor(words)].sum(1)
    return F.normalize(vectors - vectors.mean(0), dim=-1)


class Encoder(nn.Module):
    """A vision transformer and the layer that compares its mean with captions.

    Args:
        texts: Caption vectors, ``(12, H)``.
    """

    def __init__(self, texts: Tensor) -> None:
        super().__init__()
        shape = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
        self.config = CLIPVisionConfig(
            num_attention_heads=4, image_size=SIDE, patch_size=PATCH, hidden_act="gelu", **shape
        )
        self.vision = CLIPVisionModel(self.config)
        self.to_text = nn.Linear(64, texts.shape[1])
        self.register_buffer("texts", texts)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return how well each picture fits each caption, ``(B, 12)``."""
        hidden = self.vision(pictures).last_hidden_state[:, 1:].mean(1)  # (B, D)
        return 10 * F.normalize(self.to_text(hidden), dim=-1) @ self.texts.T


def train_encoder(
    texts: Tensor, pairs: list[Pair], *, steps: int = 400, seed: int = 0
) -> tuple[Encoder, list[float]]:
    """Train an encoder to find the caption of each picture among those of ``pairs``."""
    torch.manual_seed(seed)
    encoder = Encoder(texts)
    pictures, drawn = sample(pairs, 1500, seed + 1)
    right = torch.tensor([pairs.index(pair) for pair in drawn])
    columns = torch.tensor([PAIRS.index(pair) for pair in pairs])
    optimizer = torch.optim.AdamW(encoder.parameters())
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=steps)
    losses = []
    for _ in range(steps):
        rows = torch.randint(len(pictures), (64,))
        loss = F.cross_entropy(encoder(pictures[rows])[:, columns], right[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()
        losses.append(loss.item())
    return encoder.eval(), losses


def join(encoder: Encoder, loaded: LoadedModel, *, seed: int = 0) -> LlavaForConditionalGeneration:
    """Put encoder, a new projector and pocket-base together; only the projector is trainable.

    The tokenizer has to know ``<image>``, as its last token.
    """
    torch.manual_seed(seed)
    base = loaded.model
    text = base.config.to_dict() | {"vocab_size": base.get_input_embeddings().num_embeddings}
    model = LlavaForConditionalGeneration(
        LlavaConfig(
            vision_config=encoder.config.to_dict(),
            text_config=text,
            image_token_index=loaded.tokenizer.convert_tokens_to_ids(IMAGE),
            image_seq_length=PLACES,
            vision_feature_layer=-1,
            tie_word_embeddings=True,
        )
    )
    model.model.vision_tower.load_state_dict(encoder.vision.state_dict())
    model.model.language_model.load_state_dict(base.model.state_dict())
    model.tie_weights()
    model.requires_grad_(False)
    model.model.multi_modal_projector.requires_grad_(True)
    return model.eval()


def with_image_token() -> LoadedModel:
    """Load pocket-base and give it the placeholder ``<image>``."""
    loaded = load("base", source="pocket", device="cpu")
    loaded.tokenizer.add_tokens([IMAGE], special_tokens=True)
    loaded.model.resize_token_embeddings(len(loaded.tokenizer), mean_resizing=False)
    return loaded


def rows(tokenizer: Any, asked: list[tuple[str, str]]) -> dict[str, Tensor]:
    """Make a batch of questions and answers, with labels at the answers only.

    Args:
        tokenizer: One that knows ``<image>``.
        asked: Question and answer of each row.

    Returns:
        ``input_ids``, ``attention_mask`` and ``labels``, padded on the right.
    """
    parts = [
        (tokenizer(IMAGE * PLACES + question).input_ids, tokenizer(" " + answer).input_ids)
        for question, answer in asked
    ]
    longest = max(len(q) + len(a) for q, a in parts)
    ids, labels = [], []
    for question, answer in parts:
        padding = longest - len(question) - len(answer)
        ids.append([*question, *answer, *[tokenizer.pad_token_id] * padding])
        labels.append([-100] * len(question) + answer + [-100] * padding)
    batch = torch.tensor(ids)
    return {
        "input_ids": batch,
        "attention_mask": (batch != tokenizer.pad_token_id).long(),
        "labels": torch.tensor(labels),
    }


def asked_about(drawn: list[Pair], kind: str) -> list[tuple[str, str]]:
    """Return question and answer for what is on each picture."""
    return [
        (QUESTIONS[kind].format(shape=shape), color if kind == "color" else shape)
        for color, shape in drawn
    ]


def train(
    model: LlavaForConditionalGeneration,
    tokenizer: Any,
    pairs: list[Pair],
    *,
    steps: int = 70,
    rate: float = 1e-2,
    seed: int = 0,
) -> list[float]:
    """Train what is trainable on questions about new pictures; return the losses."""
    pictures, drawn = sample(pairs, 1500, seed + 2)
    order = torch.Generator().manual_seed(seed)
    trainable = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trainable, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    losses = []
    for _ in range(steps):
        chosen = torch.randint(len(drawn), (16,), generator=order)
        named = [drawn[i] for i in chosen]
        asked = asked_about(named[:8], "color") + asked_about(named[8:], "shape")
        loss = model(pixel_values=pictures[chosen], **rows(tokenizer, asked)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return losses


@torch.inference_mode()
def answers(
    model: LlavaForConditionalGeneration, tokenizer: Any, pictures: Tensor, questions: list[str]
) -> list[tuple[str, float]]:
    """Return the most likely next word for each picture and question, and its probability."""
    batch = rows(tokenizer, [(question, "red") for question in questions])
    last = (batch.pop("labels") != -100).long().argmax(-1) - 1  # the question's end
    logits = model(pixel_values=pictures, **batch).logits
    chances = logits[torch.arange(len(questions)), last].softmax(-1)
    best = chances.max(-1)
    words = [tokenizer.decode([token]).strip() for token in best.indices.tolist()]
    return list(zip(words, best.values.tolist(), strict=True))


def accuracy(
    model: LlavaForConditionalGeneration,
    tokenizer: Any,
    pictures: Tensor,
    drawn: list[Pair],
    kind: str,
) -> Accuracy:
    """Count right answers to one of the two questions."""
    asked = asked_about(drawn, kind)
    said = answers(model, tokenizer, pictures, [question for question, _ in asked])
    right = sum(word == wanted for (word, _), (_, wanted) in zip(said, asked, strict=True))
    return Accuracy(right, len(asked))
