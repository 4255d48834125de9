"""Pictures of the pages on quantization, documents, prompts and tools."""

from __future__ import annotations

import json
import textwrap

import torch
from tensor_drawing import Drawing

from companion.quantization.codebooks import dequantize_blocks, nf4_codebook, quantize_blocks
from companion.rag.grounding import grounded_prompt
from companion.tools.calculator import calculator

_WEIGHTS = (0.12, -0.03, 0.31, -0.4, 0.05, 0.0, -0.18, 0.22)


def nf4_block() -> Drawing:
    """Eight weights that share a scale: divided by it, replaced by the nearest value, restored."""
    weights = torch.tensor(_WEIGHTS)
    quantized = quantize_blocks(weights, nf4_codebook(), block_size=len(weights))
    restored = dequantize_blocks(quantized)
    scale = float(quantized.scales[0])
    drawing = Drawing(60 + 26 * len(weights) + 104)
    columns = [("weight", weights), ("÷ scale", weights / scale), ("code", None),
               ("restored", restored)]  # fmt: skip
    drawing.text(180, 14, f"one block, one scale: the largest magnitude, {scale:.2f}")
    for place, (title, values) in enumerate(columns):
        x = 12 + 86 * place
        drawing.text(x + 39, 40, title, kind="strong")
        for row, weight in enumerate(weights):
            largest = abs(float(weight)) == scale
            color = "orange" if largest else ("blue" if values is None else "plain")
            label = f"{int(quantized.codes[0, row])}" if values is None else _signed(values[row])
            drawing.cell(x, 54 + 26 * row, 78, 26, label, color=color, kind="code")
    y = 54 + 26 * len(weights) + 22
    drawing.text(180, y, "the 16 values of NF4 between \N{MINUS SIGN}1 and 1, code 0 to 15")
    used = set(quantized.codes[0].tolist())
    drawing.line((20, y + 44), (340, y + 44))
    for code, value in enumerate(nf4_codebook().tolist()):
        x = 180 + 160 * value
        reach = 20 if code in used else 10
        drawing.line((x, y + 44 - reach), (x, y + 44))
    drawing.text(20, y + 58, "\N{MINUS SIGN}1")
    drawing.text(180, y + 58, "0")
    drawing.text(340, y + 58, "1")
    drawing.text(180, y + 76, "longer marks: used by this block", kind="soft")
    return drawing


def _signed(value: torch.Tensor) -> str:
    return f"{float(value):+z.2f}".replace("-", "\N{MINUS SIGN}")


def chunk_overlap() -> Drawing:
    """Windows over a text: each begins some tokens before the end of the one before."""
    length, size, overlap = 20, 8, 2
    starts = range(0, length - overlap, size - overlap)
    cell = 16
    drawing = Drawing(78 + 52 * len(starts) + 24)
    drawing.text(180, 14, f"a document of {length} tokens", kind="strong")
    shared = {start + k for start in starts[1:] for k in range(overlap)}
    colors = ["orange" if place in shared else "blue" for place in range(length)]
    drawing.row(20, 28, [""] * length, width=cell, colors=colors)
    for number, start in enumerate(starts):
        y, stop = 82 + 52 * number, min(start + size, length)
        labels = [""] * (stop - start)
        drawing.text(20 + cell * start, y - 10, f"chunk {number}: start {start}", anchor="start")
        drawing.row(20 + cell * start, y, labels, width=cell, colors=colors[start:stop])
    stored = sum(min(start + size, length) - start for start in starts)
    end = 78 + 52 * len(starts)
    drawing.text(180, end, f"size {size}, overlap {overlap}: {stored} tokens stored for {length}")
    return drawing


def rag_prompt() -> Drawing:
    """The parts of a prompt with passages, as the package writes it."""
    passages = ["Zorin lives in Milvo.", "Zorin works as a baker.", "Tarpa lives in Ondel."]
    question = "Where does Zorin live?"
    lines = grounded_prompt(question, passages).split("\n")
    roles = [
        "instruction" if number == 0 else
        "question" if line.startswith("Question") else
        "passages" for number, line in enumerate(lines)
    ]  # fmt: skip
    colors = {"instruction": "gray", "passages": "blue", "question": "orange"}
    drawing = Drawing(1)
    y = 10
    for role in colors:
        drawing.text(14, y + 6, role, anchor="start", kind="strong")
        block = [
            part
            for line, owner in zip(lines, roles, strict=True)
            if owner == role
            for part in textwrap.wrap(line, 42)
        ]
        drawing.cell(12, y + 18, 336, 14 + 20 * len(block), color=colors[role])
        for number, line in enumerate(block):
            drawing.text(22, y + 35 + 20 * number, line, anchor="start", kind="code")
        y += 44 + 20 * len(block)
    drawing.arrow((180, y - 8), (180, y + 12))
    drawing.text(190, y + 2, "the model writes", anchor="start")
    drawing.cell(12, y + 16, 336, 30, "answer and [number of a passage]", color="green")
    drawing.height = y + 56
    return drawing


def tool_loop() -> Drawing:
    """The conversation grows: request, call, result, answer; who writes each message."""
    expression = "417 * 23"
    call = {"name": "calculator", "arguments": {"expression": expression}}
    value = calculator(expression)["value"]
    rows = [
        ("user", "the user writes", "What is 417 times 23?", "plain"),
        ("assistant", "the model writes a call", json.dumps(call), "blue"),
        ("tool", "your program checks, runs, writes", json.dumps({"value": value}), "orange"),
        ("assistant", "the model writes again", f"The result is {value}.", "blue"),
    ]
    drawing = Drawing(1)
    y = 8
    for number, (role, author, content, color) in enumerate(rows):
        parts = textwrap.wrap(content, 42)
        drawing.text(12, y + 8, role, anchor="start", kind="strong")
        drawing.text(348, y + 8, author, anchor="end")
        height = 12 + 18 * len(parts)
        drawing.cell(12, y + 20, 336, height, color=color)
        for line, part in enumerate(parts):
            drawing.text(22, y + 35 + 18 * line, part, anchor="start", kind="code")
        y += 20 + height
        if number < len(rows) - 1:
            drawing.arrow((180, y), (180, y + 16))
            y += 20
    drawing.text(180, y + 18, "each arrow: everything above is read again")
    drawing.height = y + 30
    return drawing


def image_patches() -> Drawing:
    """A drawing cut into patches, their way into the sequence of pocket-base."""
    drawing = Drawing(330)
    drawing.text(
        180, 14, "image (3, 32, 32), patches of 8 \N{MULTIPLICATION SIGN} 8", kind="strong"
    )
    side = 22
    labels = [[str(4 * row + column) for column in range(4)] for row in range(4)]
    colors = [["orange" if row in (1, 2) and column in (1, 2) else "plain" for column in range(4)]
              for row in range(4)]  # fmt: skip
    drawing.grid(136, 28, labels, width=side, height=side, colors=colors)
    drawing.arrow((180, 120), (180, 138))
    steps = [
        ("patches (16, 192)", "plain"),
        ("encoder (16, 64)", "blue"),
        ("projector (16, 256)", "orange"),
    ]
    for number, (words, color) in enumerate(steps):
        y = 142 + 40 * number
        drawing.cell(100, y, 160, 24, words, color=color)
        if number < 2:
            drawing.arrow((180, y + 24), (180, y + 38))
    drawing.arrow((180, 246), (180, 262))
    tokens = ["0", "1", "…", "15", "What", "color", "…"]
    tints = ["orange"] * 4 + ["green"] * 3
    drawing.row(40, 266, tokens, width=40, height=26, colors=tints)
    drawing.bracket(40, 294, 160, "16 \N{MULTIPLICATION SIGN} <image>", below=True)
    drawing.bracket(202, 294, 118, "words", below=True)
    return drawing
