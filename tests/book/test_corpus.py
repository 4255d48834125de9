"""The snapshot of the book that the pages on retrieval search."""

import corpus

PAGE = """\
---
kernelspec: {name: python3}
---

# Sampling

Words about sampling.

## Top-p

More words.

## Check yourself

A question.

## Try it

1. A task.
"""


def test_the_snapshot_holds_prose_with_its_place_and_no_questions(tmp_path, monkeypatch):
    monkeypatch.setattr(corpus, "SECTIONS", ("gpt",))
    folder = tmp_path / "book" / "gpt"
    folder.mkdir(parents=True)
    (folder / "sampling.md").write_text(PAGE, encoding="utf-8")
    (folder / "exercises.md").write_text("# Exercises\n\nWrite code.\n", encoding="utf-8")

    sections = corpus.snapshot(tmp_path)["sections"]

    assert [(one["metadata"]["source"], one["text"]) for one in sections] == [
        ("gpt/sampling.md", "Sampling\n\nWords about sampling."),
        ("gpt/sampling.md", "Top-p\n\nMore words."),
    ]
    assert sections[1]["metadata"]["heading"] == "Top-p"
