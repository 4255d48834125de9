import re
from pathlib import Path

import pytest
import yaml
from jinja2 import Environment, FileSystemLoader
from parts import duration, place, reading_minutes
from project import find_project

from companion.pocket.records import record

ROOT = Path(__file__).parents[2]
TITLE_PAGE = (ROOT / "index.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (0.1, "1 min"),
        (9.4, "9 min"),
        (14, "10 min"),
        (58, "1 h"),
        (61, "1 h"),
        (95, "1 h 40 min"),
        (150, "2 h 30 min"),
    ],
)
def test_an_estimate_is_rounded(minutes, words):
    assert duration(minutes) == words


def test_what_is_no_prose_takes_no_time_to_read():
    page = (
        "---\nmyst: {}\n---\n\n# Title\n\n```python\nx = 1\n```\n\n:::{note}\nwords\n:::\n\nEnd.\n"
    )

    assert reading_minutes(page) == reading_minutes("# Title\n\nEnd.") == 2 / 200


def test_every_part_with_pages_to_read_is_on_the_title_page():
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    table = TITLE_PAGE.split("```{parts}\n")[1].split("```")[0]

    captions = [line.split(": ", 1)[0] for line in table.splitlines()]

    assert captions == [part["caption"] for part in contents["parts"]][:-1]  # not the back matter


def test_the_result_on_the_title_page_is_the_recorded_one():
    own = record("evaluation")["accuracy"]
    real = record("open_reasoning")["columns"]["open"]["problems"]["ordinary"]
    pocket = record("open_reasoning")["columns"]["pocket"]["problems"]["ordinary"]
    asked = ("examples, answer only", "examples with reasoning")
    shares = [
        own[f"word problems, {way}"]["share"] for way in ("answered directly", "step by step")
    ]

    assert f"solves {shares[0]:.0%} of the word".replace("%", " %") in TITLE_PAGE
    assert f"it solves {shares[1]:.1%}".replace("%", " %") in " ".join(TITLE_PAGE.split())
    assert [pocket[way]["right"] for way in asked] == [0, 0]
    assert [real[way]["right"] for way in asked] == [1, 0]
    assert {real[way]["total"] for way in asked} == {40}
    assert "parameters solves 1 without steps and none with them" in TITLE_PAGE


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("index", r""),
        ("book/gpt/sampling", r"The GPT family · \d+ min"),
        ("book/gpt/exercises", r"The GPT family · \d+ exercises"),
        ("book/package/models", r"Back matter"),
    ],
)
def test_a_link_to_a_page_names_its_part_and_what_it_takes(page, words):
    assert re.fullmatch(words, place(page, find_project()))


def test_the_links_at_the_foot_show_the_place_of_each_neighbor():
    templates = Environment(loader=FileSystemLoader(ROOT / "book" / "_templates"))
    neighbors = {"prev": {"link": "a", "title": "A"}, "next": {"link": "b", "title": "B"}}

    foot = templates.get_template("components/prev-next.html").render(
        **neighbors, neighbors=["index", "page"], place={"index": "", "page": "Part · 5 min"}.get
    )

    assert foot.count("prev-next-place") == 1
    assert foot.index("Part · 5 min") > foot.index(">B<")
