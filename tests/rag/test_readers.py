"""Readers: bytes of one file to sections."""

from hypothesis import given, settings
from hypothesis import strategies as st

from companion.rag.readers import READERS, remedy
from companion.rag.sections import Section
from tests.rag.reading import read, read_or_error


def test_programs_are_read_on_request_and_other_kinds_get_advice() -> None:
    assert read("x = 1", ".py", code=True) == [Section("x = 1")]
    assert remedy(".py", code=True) is None
    assert remedy(".py", code=False) == "a program. It is read as text with code=True."
    assert remedy(".xlsx", code=True) == "not read. Save each sheet as .csv."
    assert "Save the texts in it as .txt" in remedy(".json", code=True)
    assert "text recognition" in remedy(".png", code=True)
    assert remedy(".what", code=True).startswith("not read. Convert it to one of .txt, .md")


@given(st.binary(max_size=300), st.sampled_from(sorted(READERS)), st.booleans())
@settings(max_examples=150)
def test_any_bytes_give_sections_or_a_document_error(data, kind, code) -> None:
    found = read_or_error(data, kind, code=code)

    assert f"file{kind}" in found or all(one.text.strip() or one.heading for one in found)
