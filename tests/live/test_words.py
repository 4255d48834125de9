"""Widgets that cut, compare and clean texts, against the package and the pages."""

import hashlib
import json
import random
import re

import jsonschema
import numpy as np
import pytest
import tokenizers
import transformers
from bm25s.stopwords import STOPWORDS_EN

from companion.chatbot.redaction import redact
from companion.pocket.studies import crawl
from companion.rag import Document, split_by_tokens, split_recursively
from companion.rag.grounding import grounded_prompt
from companion.tools import Toolbox, ToolCall
from companion.tools.calculator import calculator
from companion.tools.weather import get_weather
from tests.live import browser
from tests.live.page_code import cell, run

PIECES = [
    "One two. ",
    "three",
    " four?\n",
    "\n\n",
    "five! ",
    "  ",
    "six",
    "私は行く。",
    "😀",
    " a b c ",
    "x" * 30,
]


def texts() -> list[str]:
    source = random.Random(0)
    drawn = ["".join(source.choices(PIECES, k=source.randint(1, 25))) for _ in range(40)]
    return [*(text for text in drawn if text.strip()), "one"]


def counting(unit: str) -> transformers.PreTrainedTokenizerFast:
    """A tokenizer whose tokens are words, or characters."""
    model = tokenizers.Tokenizer(tokenizers.models.WordLevel({"<unk>": 0}, unk_token="<unk>"))
    split = tokenizers.pre_tokenizers.Split(tokenizers.Regex("[\\s\\S]"), "isolated")
    model.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit() if unit == "words" else split
    return transformers.PreTrainedTokenizerFast(tokenizer_object=model, unk_token="<unk>")


@pytest.mark.parametrize("unit", ["words", "characters"])
@pytest.mark.parametrize(("size", "overlap"), [(1, 0), (4, 0), (7, 3), (25, 24), (60, 12)])
def test_passages_are_those_of_the_package(page, unit, size, overlap):
    length = {"words": lambda text: len(text.split()), "characters": len}[unit]
    tokenizer = counting(unit)
    for text in texts():
        settings = {"chunk_size": size, "overlap": overlap}
        best = split_recursively([Document(text)], length, **settings)
        windows = split_by_tokens([Document(text)], tokenizer, **settings)

        for way, wanted in (("best", best), ("windows", windows)):
            found = page("chunks", text=text, way=way, unit=unit, size=size, overlap=overlap)
            assert [one["text"] for one in found] == [one.text for one in wanted], (way, text)


def test_near_copies_have_the_numbers_of_the_page(page):
    scope = {"np": np, "hashlib": hashlib}
    for part, end in (("def shingles", "\n\n\nfirst"), ("def signature", "\n\n\nmarks")):
        scope = run(cell("training/data", part).split(end)[0], **scope)
    draws = random.Random(1)
    words = ["Kate", "went", "to", "the", "old", "HARBOR", "and", "found", "a", "kéy", "鍵", "."]
    rows = [" ".join(draws.choices(words, k=count)) for count in (1, 4, 5, 12, 40)]

    for text in rows:
        assert set(page("shingles", text=text)) == scope["shingles"](text)
        assert page("minima", text=text) == scope["signature"](text).tolist()
        assert page("minima", text=text) == crawl.signature(text).tolist()
    one, two = rows[-1], rows[-1].replace("Kate", "Ann", 1)
    wanted = scope["jaccard"](scope["shingles"](one), scope["shingles"](two))
    assert page("similarity", one=one, two=two) == wanted


def test_a_band_agrees_as_a_whole(page):
    one = list(range(112))
    two = [x + (x % 8 == 7 and x != 15) for x in one]

    assert page("compared", one=one, two=two) == {"equal": 99, "bands": 1}


@pytest.mark.parametrize("length", [0, 1, 127, 128, 129, 300])
def test_a_text_of_any_length_has_the_hash_of_python(page, length):
    text = ("ab" * 200)[:length]

    wanted = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest())

    assert page("hash", text=text) == wanted


def test_what_is_taken_out_is_what_the_package_takes_out(page):
    parts = [
        "ann@example.org", "a.b+c@mail.example.co.uk", "@x", "4111 1111 1111 1111", "4111-1111",
        "+49 30 1234567", "(030) 123 456 78", "0170-1234567", "555-010-0199", "1 555 010 0199",
        "12/31/2026", "01-02-2026 1234", " ", ", ", ".", "x", "é", "_", "\uff11\uff12", "-", "0",
        "4111111111111112", "ann@例え.jp", "²", "٤١١١", "😀", "(+49) 30 12 34 56", "+1",
    ]  # fmt: skip
    source = random.Random(2)
    rows = ["".join(source.choices(parts, k=source.randint(1, 6))) for _ in range(400)]

    taken = 0
    for text in [*parts, *rows]:
        found = page("redact", text=text)
        assert found == redact(text), text
        taken += found != text
    assert taken > 150


@pytest.mark.parametrize(
    "passages", [[], ["Ann lives in Oslo.", "Bo\n sings [1] or [2, 3; 4]. [x] [12345678901]"]]
)
def test_the_prompt_is_that_of_the_package(page, passages):
    assert page("grounded", question="Who?", passages=passages) == grounded_prompt("Who?", passages)


def test_notes_skip_the_words_that_the_package_skips(page):
    assert sorted(page("english")) == sorted(STOPWORDS_EN)


def server() -> dict:
    """What the page on MCP defines, with its two tools."""
    scope = {"json": json, "jsonschema": jsonschema, "ToolCall": ToolCall}
    for part in ("def request(", "REQUEST = {", "def tools_list"):
        scope = run(cell("applications/mcp", part), **scope)
    cases = cell("applications/mcp", "cases = {").split("\nfor label")[0]
    return run(cases, **scope, toolbox=Toolbox([calculator, get_weather]))


def test_a_server_answers_as_that_of_the_page(page):
    scope = server()
    asked = {
        label: json.loads(text) if text[0] == "{" else text
        for label, text in scope["cases"].items()
    }
    shown = page("requests")
    assert {k: json.loads(shown[k]) if shown[k][0] == "{" else shown[k] for k in asked} == asked
    others = [
        scope["request"](0, "server/discover"),
        scope["request"]("a", "tools/call", name="get_weather", arguments={"city": "Nairobi"}),
        scope["request"](1, "tools/call", name=3),
        scope["request"](1, "tools/call"),
        scope["request"](1, "tools/list").replace("clientCapabilities", "abilities"),
        *(
            scope["request"](2, "tools/call", name="calculator", arguments={"expression": one})
            for one in ("6 / 2", "7 // 2", "2 +", "2 ** 3", "9007199254740992 + 1")
        ),
        '{"jsonrpc": "1.0", "id": 1, "method": "x", "params": {}}',
        '{"jsonrpc": "2.0", "id": 1.5, "method": "tools/list"}',
        "[]",
        "null",
        "3",
    ]

    for text in [*scope["cases"].values(), *others]:
        wanted = json.loads(scope["respond"](text, scope["toolbox"]))
        found = json.loads(page("respond", text=text))
        if "bad arguments" in str(wanted):  # the words about arguments are others
            assert found["result"].pop("content")[0]["text"]
            del wanted["result"]["content"]
        assert found == wanted, text


def test_a_number_with_a_point_keeps_it_on_its_way(page):
    scope = server()
    given = {"expression": "6 / 2"}
    text = scope["request"](1, "tools/call", name="calculator", arguments=given)

    assert '"value": 3.0' in page("respond", text=text)
    assert '"text": "{\\"value\\": 3.0}"' in page("respond", text=text)


def test_a_server_lists_its_tools_with_the_same_arguments(page):
    scope = server()
    text = scope["request"](1, "tools/list")

    wanted = json.loads(scope["respond"](text, scope["toolbox"]))["result"]["tools"]
    found = json.loads(page("respond", text=text))["result"]["tools"]
    for ours, theirs in zip(found, wanted, strict=True):
        schema = theirs["inputSchema"]
        types = {name: {"type": one["type"]} for name, one in schema["properties"].items()}
        assert ours["name"] == theirs["name"]
        assert ours["inputSchema"] == {**schema, "properties": types}


def test_hidden_numbers_of_the_page_on_data_are_numpys(page):
    text = (browser.STATIC / "live" / "minhash_numbers.js").read_text(encoding="ascii")
    listed = [int(number) for number in re.findall(r"\d+", text.split("FACTORS")[1])]

    assert listed == np.concatenate([crawl.FACTORS, crawl.OFFSETS]).ravel().tolist()


@pytest.mark.parametrize(
    ("size", "step", "words"),
    [(1, 1024, "1 byte"), (511, 1024, "511 bytes"), (512, 1024, "0.5 KiB"),
     (73_728, 1024, "72.0 KiB"), (2**29 - 1, 1024, "512.0 MiB"), (2**29, 1024, "0.5 GiB"),
     (30_720_000, 1000, "30.7 MB"), (1_536_000_000, 1000, "1.5 GB"), (80_000, 1000, "80.0 kB"),
     (4 * 10**14, 1000, "400,000.0 GB")],
)  # fmt: skip
def test_bytes_are_written_in_a_unit_that_leaves_digits(page, size, step, words):
    assert page("sized", bytes=size, step=step) == words


def test_one_is_not_many_and_thousands_are_grouped(page):
    said = [page("counted", count=count, noun="step") for count in (0, 1, 2, 44_361_419)]

    assert said == ["0 steps", "1 step", "2 steps", "44,361,419 steps"]


def test_a_small_range_keeps_its_first_digit(page):
    assert page("between", ends=[31.2, 44], unit=1000, digits=1) == "0.03-0.04"
    assert page("between", ends=[1500, 0], unit=1000, digits=1) == "1.5-0.0"
    assert page("between", ends=[5, 6], unit=60, digits=0) == "0-0"  # as the page has it
