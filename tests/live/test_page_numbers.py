"""What a widget without a model says at first is what the cells of its page print."""

import re

import pytest

from tests.chromium import ABSENT

pytest.importorskip("selenium")

from tests.live.tab import numbers, printed

pytestmark = pytest.mark.skipif(bool(ABSENT), reason=str(ABSENT))


def test_a_text_has_the_tokens_that_the_page_prints(tab):
    tab.open("gpt/tokenization", "merges")
    tab.wait(lambda driver: " tokens," in tab.status())

    line, characters, count = re.search(
        r"^(On\|ce.*)\n(\d+) characters, (\d+) tokens", printed("gpt/tokenization"), re.MULTILINE
    ).groups()
    shown = tab.driver.execute_script(
        "return [...document.querySelectorAll('.live-buttons button')].map(b => b.textContent)"
    )
    assert "·".join(shown).replace("␣", " ").split("·") == line.split("|")
    assert tab.status().startswith(f"{characters} characters,")
    assert f" {count} tokens," in tab.status()


def test_a_given_distribution_is_that_of_the_page(tab):
    tab.open("gpt/sampling", "temperature")

    (wanted,) = re.findall(r"T = 1\.0: (0.*)", printed("gpt/sampling"))
    assert [share for _, share, _ in tab.rows()] == wanted.split()


def test_the_cache_saves_what_the_page_counts(tab):
    tab.open("gpt/kv-cache", "kv_cache")

    (without, cached), (each,) = (
        re.findall(r": (\d+) positions without cache, (\d+) with", printed("gpt/kv-cache"))[0],
        re.findall(r"Llama-2-7B: ([\d,]+) bytes per token", printed("gpt/kv-cache")),
    )
    assert [row[1].replace(",", "") for row in tab.rows()] == [without, cached]
    assert f"{each} bytes per token" in tab.text()


def test_eight_numbers_have_the_codes_that_the_page_prints(tab):
    tab.open("open-models/quantization", "quantize")

    (codes,) = re.findall(r"codes +\[(.*)\]", printed("open-models/quantization"))
    assert [row[1] for row in tab.rows()] == codes.split(", ")


def test_a_row_of_the_model_has_the_errors_that_the_page_prints(tab):
    tab.open("open-models/quantization", "quantize")
    tab.press(".live-buttons button:nth-child(2)")
    tab.wait(lambda driver: len(tab.rows()) == 64)

    wanted = dict(
        re.findall(
            r"64 weights, (int\d): relative error (\S+%)", printed("open-models/quantization")
        )
    )
    for bits in (8, 4):
        tab.choose("select", str(bits))
        assert tab.status().replace(" %", "%").startswith(f"Relative error {wanted[f'int{bits}']}")


def test_eight_long_texts_take_what_the_page_computes(tab):
    tab.open("open-models/quantization", "memory")

    (wanted,) = re.findall(
        r"4096 tokens x 8: (\S+ GB \(\S+ GiB\))", printed("open-models/quantization")
    )
    assert tab.status().startswith(wanted)


def test_lora_trains_what_the_page_counts(tab):
    tab.open("training/lora", "lora")

    (wanted,) = re.findall(r"all linear layers +rank 16: +(\S+ of \S+),", printed("training/lora"))
    assert tab.status().startswith(f"{wanted} parameters are trained")


def test_the_policy_stands_for_the_rewards_that_the_page_prints(tab):
    tab.open("training/dpo-grpo", "dpo")

    text = printed("training/dpo-grpo")
    (implicit,), (difference,) = (
        re.findall(rf"{name} +\[(.*)\]", text) for name in ("implicit reward", "their difference")
    )
    assert [float(row[2]) for row in tab.rows()] == numbers(implicit)
    assert [float(row[3]) for row in tab.rows()] == numbers(difference)


def test_the_best_policy_is_that_of_the_page(tab):
    tab.open("training/ppo", "ppo")

    (shares, reward, divergence) = re.findall(
        r"beta +1\.0: \[(.*?)\] reward (\S+), KL (\S+)", printed("training/ppo")
    )[0]
    assert [float(row[1]) for row in tab.rows()] == numbers(shares)
    assert tab.status() == f"Mean reward {reward}, KL {divergence} nats."


def test_a_search_by_words_has_the_scores_of_the_page(tab):
    tab.open("applications/retrieval", "retrieval")
    tab.wait(lambda driver: tab.status().startswith("3 of"))

    text = printed("applications/retrieval").split("0.162]")[1]
    wanted = re.findall(r"(\d\.\d\d) +(\S+\.md) +(.+)", text)[:3]
    assert [(row[1], row[0], row[2]) for row in tab.rows()] == wanted


def test_gpt2_has_the_parameters_that_the_page_counts(tab):
    tab.open("gpt/architecture", "parameters")

    text = printed("gpt/architecture")
    (count,) = re.findall(r"^GPT-2 124M +(\S+)$", text, re.M)
    (share,) = re.findall(r"^GPT-2 124M: (\d+)% token embeddings$", text, re.M)
    assert tab.status() == f"{count} parameters."
    assert round(numbers(tab.rows()[0][1].split(", ")[1])[0]) == int(share)


def test_a_japanese_sentence_has_as_many_tokens_as_the_page_prints(tab):
    tab.open("open-models/japanese", "merges")
    tab.wait(lambda driver: " tokens," in tab.status())

    (count,) = re.findall(r"^pocket tokenizer: (\d+) tokens", printed("open-models/japanese"), re.M)
    assert f" {count} tokens," in tab.status()
