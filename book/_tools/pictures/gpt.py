"""Pictures of the pages on the GPT family: tokens, embedding, attention, the residual stream."""

from __future__ import annotations

import json
from itertools import pairwise

from tensor_drawing import Drawing

from pictures.pocket import shown, sizes, tokens

_TINTS = ("blue", "orange", "green", "rose")


def bpe_merges() -> Drawing:
    """The letters of a word, then its tokens after each merge of pocket-base."""
    from pictures.pocket import tokenizer

    rules = json.loads(tokenizer().backend_tokenizer.to_str())["model"]["merges"]
    rank = {tuple(pair): place for place, pair in enumerate(rules)}
    parts = list("Ġevening")
    rows: list[tuple[list[str], int, int]] = []  # tokens, which is new, rank of the merge
    new = at_rank = -1
    while True:
        rows.append((parts, new, at_rank))
        pairs = [rank.get(pair, len(rank)) for pair in pairwise(parts)]
        if not pairs or min(pairs) == len(rank):
            break
        at_rank = min(pairs)
        new = pairs.index(at_rank)
        parts = [*parts[:new], parts[new] + parts[new + 1], *parts[new + 2 :]]
    drawing = Drawing(24 + 34 * len(rows))
    drawing.text(86, 12, "tokens", anchor="start", kind="soft")
    drawing.text(8, 12, "merge", anchor="start", kind="soft")
    for number, (parts, new, at_rank) in enumerate(rows):
        y = 24 + 34 * number
        words = "bytes" if number == 0 else f"no. {at_rank + 1:,}"
        drawing.text(8, y + 12, words, anchor="start")
        x = 86.0
        for place, part in enumerate(parts):
            width = 32 * len(part)
            color = "orange" if place == new else "blue"
            drawing.cell(x, y, width, 24, shown(part.replace("Ġ", " ")), color=color, kind="code")
            x += width
    return drawing


def embedding_lookup() -> Drawing:
    """Ids choose rows of the table; equal ids choose the same row."""
    words, ids = tokens(" saw the sea and the")
    repeated = ids[1]
    drawing = Drawing(236)
    rows = sorted(set(ids))
    colors = dict(zip(rows, ("blue", "orange", "green", "rose", "gray"), strict=False))
    step, top = 28, 64
    table = {token: top + 28 * place for place, token in enumerate(rows)}
    drawing.text(58, 14, "ids (T,)", kind="strong")
    drawing.text(184, 14, "table (V, C)", kind="strong")
    drawing.text(312, 14, "x (T, C)", kind="strong")
    drawing.text(184, 32, f"({sizes()['vocab_size']:,}, {sizes()['hidden_size']})")
    drawing.text(312, 32, f"({len(ids)}, {sizes()['hidden_size']})")
    for place, (word, token) in enumerate(zip(words, ids, strict=True)):
        y = top + step * place
        drawing.cell(6, y, 56, 22, word, kind="code")
        drawing.cell(62, y, 44, 22, str(token), color=colors[token], kind="code")
        drawing.line((106, y + 11), (146, table[token] + 11))
        drawing.line((222, table[token] + 11), (272, y + 11))
        drawing.row(272, y, [""] * 4, width=20, colors=colors[token])
    for token, y in table.items():
        drawing.row(146, y, [""] * 4, width=19, colors=colors[token])
    last = max(table.values())
    drawing.text(184, last + 36, "and all other rows")
    drawing.text(184, top - 12, "one row per token", kind="soft")
    drawing.text(
        180, 222, f"{words[1]} stands there {ids.count(repeated)} times: the same row each time"
    )
    return drawing


def head_split() -> Drawing:
    """Queries, keys and values from x, cut into heads, and joined again."""
    width, heads, time = 12, 3, 4
    size = width // heads
    drawing = Drawing(480)
    tints = [tint for tint in _TINTS[:heads] for _ in range(size)]
    cell = 9

    def matrix(x: float, y: float, columns: list[str], rows: int = time) -> None:
        labels = [[""] * len(columns)] * rows
        drawing.grid(x, y, labels, width=cell, height=12, colors=[columns] * rows)

    matrix(126, 34, ["gray"] * width)
    drawing.text(180, 20, f"x (T, C) = ({time}, {width})", kind="strong")
    for x, name in ((6, "q"), (126, "k"), (246, "v")):
        drawing.arrow((180, 84), (x + 54, 84), (x + 54, 108))
        drawing.text(x + 62, 96, f"W{name}", anchor="start")
        matrix(x, 110, tints)
        drawing.text(x + 54, 168, f"{name} (T, C)")
    drawing.line((180, 82), (180, 84))
    drawing.arrow((180, 180), (180, 206))
    drawing.text(190, 192, "view and transpose", anchor="start")
    names = [("q", time, size), ("k", time, size)]
    for head in range(heads):
        x = 6 + 120 * head
        for place, (name, _, columns) in enumerate(names):
            matrix(x + 60 * place, 212, [_TINTS[head]] * columns)
            drawing.text(x + 60 * place + 18, 270, name)
        drawing.text(x + 48, 236, "·")
        drawing.arrow((x + 48, 282), (x + 48, 300))
        matrix(x + 30, 304, [_TINTS[head]] * time)
        drawing.text(x + 48, 364, f"head {head}")
    drawing.text(180, 386, f"q, k (H, T, D) = ({heads}, {time}, {size}), scores (H, T, T)")
    drawing.arrow((180, 396), (180, 414))
    drawing.text(190, 404, "times v, joined", anchor="start")
    drawing.grid(126, 418, [[""] * width] * time, width=cell, height=10, colors=[tints] * time)
    drawing.text(180, 470, f"output (T, C) = ({time}, {width}), then Wo")
    return drawing


def causal_mask() -> Drawing:
    """One row per task: what a position sees, and what it is to predict."""
    words = ["Mia", "said", "she", "left", "."]
    inputs, targets = words[:-1], words[1:]
    drawing = Drawing(196)
    drawing.text(160, 14, "keys: may be looked at", kind="soft")
    drawing.text(316, 14, "target", kind="soft")
    drawing.text(38, 38, "queries", kind="soft")
    for i, word in enumerate(inputs):
        drawing.text(100 + 44 * i, 38, word)
        y = 52 + 28 * i
        drawing.text(38, y + 14, word)
        for j in range(len(inputs)):
            hidden = j > i
            label = "\N{MINUS SIGN}∞" if hidden else "✓"
            color = "gray" if hidden else "blue"
            drawing.cell(78 + 44 * j, y, 44, 28, label, color=color)
        drawing.arrow((258, y + 14), (284, y + 14))
        drawing.cell(288, y + 2, 56, 24, targets[i], color="orange")
    drawing.text(180, 182, f"one pass, {len(inputs)} rows: {len(inputs)} predictions")
    return drawing


def residual_stream() -> Drawing:
    """The shape never changes; each part adds to it."""
    layers, width = sizes()["num_hidden_layers"], sizes()["hidden_size"]
    drawing = Drawing(386)
    x = 116
    drawing.cell(x - 66, 342, 132, 26, f"embedding  (T, {width})", color="gray")
    ys = (262, 158)
    drawing.arrow((x, 342), (x, ys[0] + 10))
    drawing.arrow((x, ys[0] - 10), (x, ys[1] + 10))
    drawing.arrow((x, ys[1] - 10), (x, 94))
    parts = (("attention", "reads all earlier places"), ("MLP", "reads its own place"))
    for y, (name, role), color in zip(ys, parts, ("blue", "orange"), strict=True):
        drawing.cell(x - 10, y - 10, 20, 20, "+")
        drawing.line((x, y + 46), (250, y + 46), (250, y + 46))
        drawing.arrow((250, y + 46), (250, y + 14))
        drawing.cell(184, y - 16, 132, 28, f"norm, {name}", color=color)
        drawing.arrow((184, y), (x + 10, y))
        drawing.text(250, y - 28, role)
    drawing.line((16, 118), (10, 118), (10, 322), (16, 322))
    drawing.text(18, 220, f"\N{MULTIPLICATION SIGN} {layers}", anchor="start", kind="strong")
    drawing.text(18, 236, "layers", anchor="start")
    drawing.cell(x - 66, 68, 132, 26, f"the sum  (T, {width})", color="gray")
    drawing.arrow((x, 68), (x, 42))
    vocabulary = sizes()["vocab_size"]
    drawing.cell(x - 100, 14, 200, 28, f"norm, scores  (T, {vocabulary:,})", color="green")
    return drawing


def growing_cache() -> Drawing:
    """Prefill writes the prompt's rows; each decode step adds one and reads all."""
    words, _ = tokens(" saw the sea and the boy")
    prompt, steps = 4, 3
    drawing = Drawing(70 + 84 * steps)
    drawing.text(8, 14, "one layer, one head: keys and values kept", anchor="start", kind="strong")
    for step in range(steps):
        y = 34 + 84 * step
        known = prompt + step
        name = "prefill" if step == 0 else f"decode {step}"
        through = prompt if step == 0 else 1
        drawing.text(8, y + 10, name, anchor="start")
        drawing.text(8, y + 27, f"{through} new", anchor="start", kind="soft")
        for place in range(known):
            new = step == 0 or place == known - 1
            x = 72 + 47 * place
            color = "orange" if new else "blue"
            drawing.cell(x, y, 45, 20, "K", color=color)
            drawing.cell(x, y + 20, 45, 20, "V", color=color)
            drawing.text(x + 22, y + 52, words[place], kind="code")
    end = 34 + 84 * steps
    without = sum(prompt + step for step in range(steps))
    drawing.text(8, end, f"places computed: {prompt + steps - 1}", anchor="start")
    drawing.text(8, end + 20, f"without a cache: {without}", anchor="start")
    return drawing


def grouped_queries() -> Drawing:
    """GQA: few heads of keys and values, repeated to as many as the queries have."""
    heads, pairs, size = 8, 2, 16
    group = heads // pairs
    drawing = Drawing(236)
    tints = [_TINTS[head // group] for head in range(heads)]
    width = 42
    names = [f"q{head}" for head in range(heads)]
    drawing.text(180, 14, f"q (B, H, T, D), H = {heads}, D = {size}", kind="strong")
    drawing.row(12, 28, names, width=width, height=26, colors=tints)
    for head in range(heads):
        drawing.arrow((33 + width * head, 80), (33 + width * head, 56))
    repeated = [f"kv{head // group}" for head in range(heads)]
    drawing.row(12, 82, repeated, width=width, height=26, colors=tints)
    drawing.text(180, 126, f"repeat_interleave({group}): only while computing")
    for pair in range(pairs):
        middle = 12 + width * group * (pair + 0.5)
        drawing.arrow((middle, 162), (middle, 138))
        drawing.cell(middle - 42, 164, 84, 26, f"kv{pair}", color=_TINTS[pair])
    drawing.text(180, 208, f"in the cache: k, v (B, {pairs}, T, D)", kind="strong")
    drawing.text(180, 225, f"{pairs} pairs of heads where MHA has {heads}")
    return drawing
