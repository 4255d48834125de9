"""Pictures of the pages on training: packing, the loss mask, rewards per token, LoRA."""

from __future__ import annotations

import torch
from tensor_drawing import Drawing

from companion.advantages import generalized_advantages, penalized_rewards
from companion.messages import tokenize_chat
from pictures.pocket import shown, sizes, tokenizer

_CONVERSATION = [
    {"role": "user", "content": "Capital of Italy?"},
    {"role": "assistant", "content": "Rome."},
]
_TINTS = ("blue", "orange", "green")


def packing() -> Drawing:
    """Records one by one and packed, their positions, and who sees whom."""
    lengths, width, cell = (5, 3, 4), 12, 24
    drawing = Drawing(424)
    left = 60
    drawing.text(180, 14, "one record a row", kind="strong")
    for row, (length, tint) in enumerate(zip(lengths, _TINTS, strict=True)):
        colors = [tint] * length + ["plain"] * (width - length)
        drawing.row(left, 26 + 22 * row, [""] * width, width=cell, height=20, colors=colors)
        drawing.text(52, 36 + 22 * row, f"{length}", anchor="end")
    drawing.text(180, 106, f"{sum(lengths)} of {len(lengths) * width} places used")
    drawing.text(180, 132, "packed", kind="strong")
    owner = [number for number, length in enumerate(lengths) for _ in range(length)]
    positions = [str(place) for length in lengths for place in range(length)]
    tints = [_TINTS[number] for number in owner]
    drawing.row(left, 144, positions, width=cell, height=22, colors=tints)
    drawing.text(52, 155, "place", anchor="end")
    drawing.text(180, 190, "attention: ✓ may be looked at", kind="strong")
    side = 17
    for i, mine in enumerate(owner):
        for j, other in enumerate(owner):
            seen = mine == other and j <= i
            color = _TINTS[mine] if seen else "gray"
            label = "✓" if seen else ""
            drawing.cell(84 + side * j, 204 + side * i, side, side, label, color=color)
    drawing.side_bracket(80, 204, side * width, "T")
    return drawing


def completion_loss() -> Drawing:
    """The tokens of a conversation, which of them count, and the labels."""
    ids, mask = tokenize_chat(tokenizer("chat"), _CONVERSATION)
    drawing = Drawing(34 + 24 * len(ids))
    for x, title in ((76, "token"), (174, "id"), (236, "counts"), (308, "label")):
        drawing.text(x, 14, title, kind="strong")
    for row, (token, counts) in enumerate(zip(ids, mask, strict=True)):
        y, color = 28 + 24 * row, "orange" if counts else "gray"
        word = shown(tokenizer("chat").decode([token]))
        drawing.cell(14, y, 124, 24, word, color=color, kind="code")
        drawing.cell(138, y, 72, 24, str(token), color=color, kind="code")
        drawing.cell(210, y, 52, 24, str(counts), color=color, kind="code")
        drawing.cell(262, y, 92, 24, str(token if counts else -100), color=color, kind="code")
    return drawing


def rewards_per_token() -> Drawing:
    """Penalties, the score at the last token, values and advantages of two answers."""
    beta, scores = 0.3, torch.tensor([2.0, -1.0])
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]]).bool()
    ratio = torch.tensor([[0.5, 1.0, 0.0, -0.5], [1.0, 2.0, 0.0, 0.0]])
    rewards = penalized_rewards(scores, ratio, torch.zeros(2, 4), mask, beta=beta)
    values = torch.tensor([[1.0, 1.2, 1.4, 1.6], [0.0, -0.4, 0.0, 0.0]])
    advantages, _ = generalized_advantages(rewards, values, mask, gamma=1.0, lam=1.0)
    tables = [
        ("log-ratio of policy and reference", ratio),
        (f"reward: \N{MINUS SIGN}{beta} · log-ratio, score at the end", rewards),
        ("value, what was expected from here", values),
        ("advantage, λ = 1: reward to come \N{MINUS SIGN} value", advantages),
    ]
    drawing = Drawing(100 * len(tables) + 36)
    drawing.text(180, 12, f"B = 2 answers, T = 4, scores {_signed(scores[0])} and "
                 f"{_signed(scores[1])}", kind="strong")  # fmt: skip
    for number, (title, table) in enumerate(tables):
        y = 34 + 100 * number
        drawing.text(180, y + 6, title)
        for i in range(2):
            last = int(mask[i].sum()) - 1
            for j in range(4):
                kept = bool(mask[i, j])
                scored = number == 1 and j == last
                color = ("orange" if scored else "blue") if kept else "gray"
                label = _signed(table[i, j]) if kept else "pad"
                drawing.cell(44 + 72 * j, y + 20 + 28 * i, 72, 28, label, color=color)
        drawing.side_bracket(40, y + 20, 56, "B")
    drawing.bracket(44, 100 * len(tables) + 14, 288, "T", below=True)
    return drawing


def _signed(value: torch.Tensor) -> str:
    return f"{float(value):+z.2f}".replace("-", "\N{MINUS SIGN}")


def reward_reading() -> Drawing:
    """Where a reward model reads: at the token that ends each answer, not at the padding."""
    answers = ("Rome.", "It is the city of Rome.")
    end = tokenizer("chat").convert_tokens_to_ids("<|end|>")
    rows = [[*tokenizer("chat")(text, add_special_tokens=False).input_ids, end] for text in answers]
    time = max(map(len, rows))
    cell = 320 / time
    drawing = Drawing(296)
    drawing.text(180, 14, f"ids (B, T) = ({len(rows)}, {time})", kind="strong")
    for number, row in enumerate(rows):
        y = 28 + 120 * number
        colors = ["blue"] * (len(row) - 1) + ["orange"] + ["gray"] * (time - len(row))
        words = [tokenizer("chat").decode([token]) for token in row[:-1]]
        labels = [*map(shown, words), "end", *["pad"] * (time - len(row))]
        drawing.row(20, y, labels, width=cell, height=24, colors=colors)
        drawing.grid(20, y + 34, [[""] * time] * 4, width=cell, height=9, colors=[colors] * 4)
        middle = 20 + cell * (len(row) - 0.5)
        drawing.arrow((middle, y + 72), (middle, y + 84))
        drawing.cell(middle - 20, y + 86, 40, 22, "r", color="green")
    drawing.text(180, 268, f"below each token its hidden state, {sizes()['hidden_size']} numbers")
    drawing.text(180, 286, "r (B,): one product per row, at the end of the answer")
    return drawing


def lora_beside() -> Drawing:
    """W0 and its update as a product of two thin matrices, sizes of pocket-base's MLP."""
    out, into, rank = sizes()["intermediate_size"], sizes()["hidden_size"], 8
    drawing = Drawing(336)
    tall, wide, thin = out / 4, into / 3, 16
    top = 66
    drawing.cell(68, top, wide, tall, "W₀", color="gray", kind="strong")
    drawing.bracket(68, top, wide, f"k = {into}")
    drawing.side_bracket(64, top, tall, f"d = {out}")
    drawing.text(165, top + tall / 2, "+")
    drawing.text(190, top + tall / 2, "\N{GREEK SMALL LETTER ALPHA}/r ·")
    drawing.cell(212, top, thin, tall, "B", color="blue", kind="strong")
    drawing.text(220, top - 13, f"r = {rank}")
    drawing.text(240, top + tall / 2, "·")
    drawing.cell(256, top, wide, thin, "A", color="blue", kind="strong")
    drawing.bracket(256, top, wide, f"k = {into}")
    whole, update = out * into, rank * (out + into)
    drawing.text(110, 258, f"{whole:,}", kind="strong")
    drawing.text(110, 276, "frozen")
    drawing.text(270, 258, f"{update:,}", kind="strong")
    drawing.text(270, 276, "trained")
    drawing.text(180, 306, f"one matrix of pocket-base: the update has {update / whole:.1%}")
    drawing.text(180, 322, "of its entries")
    drawing.text(180, 18, "A starts random, B at zero")
    return drawing
