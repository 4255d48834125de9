"""The corpus is deterministic, and what it teaches is right."""

from itertools import islice

import pytest

from companion.pocket.corpus import (
    MIXTURE,
    documents,
)


def test_same_seed_gives_the_same_documents():
    assert list(islice(documents(3), 200)) == list(islice(documents(3), 200))


def test_another_seed_gives_other_documents():
    assert list(islice(documents(3), 20)) != list(islice(documents(4), 20))


def test_unknown_kind_is_refused():
    with pytest.raises(ValueError, match=r"kind must be one of .*'arithmetic'.* got 'poems'"):
        next(documents(0, kind="poems"))


@pytest.mark.parametrize("kind", MIXTURE)
def test_documents_have_text_and_no_open_slots(kind):
    texts = [document.text for document in islice(documents(0, kind=kind), 200)]

    assert all(text.strip() == text and text for text in texts)
    if kind not in ("tool_calls", "instructions"):  # braces are JSON there
        assert not [text for text in texts if "{" in text or "}" in text]


def test_documents_are_mixed_by_their_weights():
    kinds = [document.kind for document in islice(documents(0), 5000)]

    total = sum(weight for _, weight in MIXTURE.values())
    for kind, (_, weight) in MIXTURE.items():
        assert kinds.count(kind) / len(kinds) == pytest.approx(weight / total, abs=0.02)
