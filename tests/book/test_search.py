"""What the search page finds: sections from pages by Sphinx, their ranking by node."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

ROOT = Path(__file__).parents[2]
CODE = ROOT / "book" / "_static"
CONFIG = f"""\
import sys

sys.path[:0] = [{str(ROOT / "book" / "_ext")!r}, {str(ROOT / "book" / "_tools")!r}]
extensions = ["myst_parser", "sphinx.ext.mathjax"]
source_suffix = {{".md": "markdown"}}
myst_enable_extensions = ["dollarmath"]
html_theme = "basic"


def setup(app):
    from search_index import setup_search

    setup_search(app)
"""
PAGES = {
    "index": "# Title\n\n```{toctree}\nbook/gpt/sampling\nbook/gpt/exercises\nbook/back/glossary\n"
    "book/package/generation\n```\n",
    "book/gpt/sampling": "# Sampling\n\nFirst words, see {doc}`/book/gpt/exercises`.\n\n"
    "## Temperature\n\n"
    "Logits are divided by $T$.\n\n$$\nz / T\n$$\n\n```python\nhidden_code = 1\n```\n\n"
    "## Top-p\n\nThe nucleus of a **token**.\n",
    "book/gpt/exercises": "# Exercises\n\n## Cut by top-p\n\nWrite the filter. A token stays.\n\n"
    + "word " * 60
    + "hint_at_the_end\n\n## Check yourself\n\nthe_right_answer\n",
    "book/back/glossary": "# Glossary\n\n```{glossary}\ntoken\n  A piece of text.\n\nKV cache\n"
    "  Keys and values that are kept.\n```\n",
    "book/package/generation": "# Generation\n\n"
    "```{py:function} companion.decoding.generate(model)\n\n"
    "Continue a prompt.\n```\n",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    for name, text in PAGES.items():
        path = folder / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "conf.py").write_text(CONFIG, encoding="utf-8")
    words = folder / "book" / "_data" / "search_words.json"
    words.parent.mkdir()
    words.write_text('{"温度": "temperature"}', encoding="utf-8")
    with docutils_namespace():
        arguments = (folder, folder, folder / "out", folder / "trees", "html")
        Sphinx(*map(str, arguments), status=None, warning=None).build()
    script = folder / "out" / "_static" / "search" / "sections.js"
    return json.loads(script.read_text(encoding="utf-8").partition("= ")[2].rstrip(";\n"))


def entries(data, kind):
    return {tuple(rest) for _, of, *rest in data["sections"] if of == kind}


def test_a_section_has_its_words_without_code_formulas_and_other_sections(data):
    assert ("temperature", "Temperature", "Logits are divided by T.") in entries(data, "page")
    assert ("sampling", "Sampling", "First words, see Exercises.") in entries(data, "page")
    assert "hidden_code" not in json.dumps(data)


def test_neither_hints_nor_answers_are_found(data):
    assert "Write the filter" in json.dumps(data)
    assert "hint_at_the_end" not in json.dumps(data)
    assert "the_right_answer" not in json.dumps(data)


def test_a_term_of_the_glossary_is_found_with_its_definition(data):
    assert ("term-token", "token", "A piece of text.") in entries(data, "glossary")
    assert ("glossary", "Glossary", "") in entries(data, "glossary")


def test_a_name_of_the_package_is_found_with_its_first_sentence(data):
    name = "companion.decoding.generate"

    assert entries(data, "package") == {(name, name, "Continue a prompt.")}


def run(script, data):
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    program = f"""
    globalThis.MiniSearch = require({str(CODE / "vendor/minisearch/minisearch.js")!r});
    const {{ BookSearch, areKin, excerpt, wordsOf }} = require({str(CODE / "search/search.js")!r});
    const search = new BookSearch({json.dumps(data)});
    console.log(JSON.stringify({script}));
    """
    done = subprocess.run(["node", "-e", program], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


QUERIES = {
    "token": "term-token",
    "What is a token?": "term-token",
    "kv cache": "term-KV-cache",
    "top-p": "top-p",
    "temprature": "temperature",
    "temper": "temperature",
    "温度": "temperature",
    "companion.generate": "companion.decoding.generate",
    "generate": "companion.decoding.generate",
    "top p": "top-p",
}


@pytest.fixture(scope="module")
def firsts(data):
    asked = json.dumps(list(QUERIES))
    return dict(
        zip(QUERIES, run(f"{asked}.map((query) => search.find(query)[0]?.url)", data), strict=True)
    )


@pytest.mark.parametrize(("query", "anchor"), QUERIES.items())
def test_what_a_reader_types_leads_first_to(query, anchor, firsts):
    assert firsts[query].endswith(f"#{anchor}")


def test_a_single_word_finds_its_term_then_its_page_then_sections_then_names():
    sections = [
        ["package", "companion.beam", "companion.beam", "Beam beam beam."],
        ["page", "ranked", "Ranked by beams", "beam beam beam"],
        ["page", "others", "Other things", "beam beam beam beam"],
        ["glossary", "glossary", "Glossary", ""],
        ["glossary", "term-beam", "beam search", "Keeps the best."],
        ["page", "decoding", "Beam search", "Step by step."],
    ]
    pages = [[f"p{number}", ""] for number in (0, 1, 2, 3, 4)]
    places = [0, 1, 1, 2, 2, 3]
    found = [[page, *section] for page, section in zip(places, sections, strict=True)]
    found.insert(1, [1, "page", "top", "First page", ""])
    data = {"pages": pages, "sections": found, "synonyms": {"ビーム": "beam"}}

    for word in ("beam", "ビーム"):
        urls = run(f'search.find("{word}").map(({{ url }}) => url.split("#")[1])', data)
        assert urls == ["term-beam", "decoding", "ranked", "others", "companion.beam"]


def test_words_of_one_stem_are_kin_and_others_are_not(data):
    pairs = [
        ["tokenizer", "tokenization"],
        ["beam", "beams"],
        ["token", "top"],
        ["attend", "attack"],
    ]

    script = f"{json.dumps(pairs)}.map((pair) => areKin(...pair))"

    assert run(script, data) == [True, True, False, False]


def test_nothing_is_found_for_nothing(data):
    nothing = json.dumps(["", " ", "?!", "zzzzzz", "(", "\\"])

    assert run(f"{nothing}.map((query) => search.find(query).length)", data) == [0] * 6


def test_japanese_is_cut_into_pairs(data):
    assert run('wordsOf("重みの")', data) == ["重み", "みの"]
    assert run('wordsOf("top-p")', data) == ["top-p", "top", "p", "topp"]


def test_an_excerpt_shows_where_the_words_stand(data):
    text = "nothing here " * 60 + "the cache of keys and values " + "nor here " * 60
    shown = run(f'excerpt({json.dumps(text)}, ["cache", "keys"])', data)

    assert "the cache of keys" in shown
    assert len(shown) < 240
    assert shown.startswith("… ")
    assert shown.endswith(" …")
