"""The forward pass in the page against transformers: logits, attentions, hidden states."""

from textwrap import indent

import pytest
import torch

from tests.live.conftest import CODE, ROOT

PROMPTS = [
    "The capital of France is",
    "Mia has 3 apples. She buys 4 more.",
    "<|user|>\nHello!<|end|>\n<|assistant|>\n",
    "x" * 60 + " é 日本",
]


KERNELS = ["simd", "plain"]


def outputs(pocket, role: str, text: str) -> tuple:
    model, tokenizer = pocket(role)
    ids = tokenizer(text)["input_ids"]
    with torch.no_grad():
        found = model(torch.tensor([ids]), output_attentions=True, output_hidden_states=True)
    return ids, found


@pytest.mark.parametrize(
    ("text", "role", "kernel"),
    [*((text, "base", "simd") for text in PROMPTS), *((PROMPTS[2], "chat", k) for k in KERNELS)],
)
def test_logits_attentions_and_hidden_states_are_those_of_torch(page, pocket, role, text, kernel):
    ids, wanted = outputs(pocket, role, text)

    rows = page("read", ids=ids, model=role, precision="float16", kernel=kernel)

    logits = torch.tensor([row["logits"] for row in rows])
    assert (logits - wanted.logits[0]).abs().max() < 1e-3
    for layer, attention in enumerate(wanted.attentions):  # (1, H, T, T)
        for t, row in enumerate(rows):
            weights = torch.tensor(row["attentions"][layer])  # (H, t + 1)
            assert (weights - attention[0, :, t, : t + 1]).abs().max() < 1e-3
    hidden = [torch.tensor([row["hidden"][layer] for row in rows]) for layer in range(6)]
    hidden.append(torch.tensor([row["normed"] for row in rows]))  # transformers norms the last
    for ours, theirs in zip(hidden, wanted.hidden_states, strict=True):
        assert (ours - theirs[0]).abs().max() < 1e-3


def test_a_head_that_is_off_adds_nothing(page, pocket):
    ids, _ = outputs(pocket, "base", PROMPTS[0])
    model, _ = pocket("base")
    output = model.model.layers[2].self_attn.o_proj.weight
    kept = output.detach().clone()
    with torch.no_grad():
        output[:, :64] = 0  # what head 0 writes into
        wanted = model(torch.tensor([ids])).logits[0, -1]
        output.copy_(kept)

    rows = page("read", ids=ids, off=["2.0"], precision="float16")
    whole = page("read", ids=ids, precision="float16")

    assert (torch.tensor(rows[-1]["logits"]) - wanted).abs().max() < 1e-3
    assert (torch.tensor(whole[-1]["logits"]) - wanted).abs().max() > 0.01


def test_the_lens_at_the_last_layer_is_the_prediction(page):
    found = page("inside", text=PROMPTS[0], precision="float16")

    assert len(found["lens"]) == 7
    assert found["lens"][-1] == found["candidates"]


def test_both_kernels_multiply_alike(page):
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(24, 256, generator=generator)
    x = torch.randn(256, generator=generator)

    for product in page("multiply", rows=matrix.tolist(), x=x.tolist()):
        assert (torch.tensor(product) - matrix @ x).abs().max() < 1e-4


def test_a_full_context_is_refused_in_words(page):
    with pytest.raises(ValueError, match="has 600 tokens, and there is room for 512"):
        page("next", text="1" * 600)


@pytest.mark.slow
def test_the_last_token_of_the_context_is_still_read(page):
    assert len(page("next", text="1" * 512)["tokens"]) == 512


def test_the_page_shows_the_code_that_runs():
    text = (ROOT / "book" / "open-models" / "inside-llama.md").read_text(encoding="utf-8")
    shown = text.split("```{code-block} javascript\n")[1].split("```")[0]

    code = (CODE / "llama.js").read_text(encoding="utf-8")
    assert indent(shown.strip("\n"), "  ") in code
