from companion._words import some


def test_what_is_not_named_is_counted() -> None:
    assert some(["a", "b", "c"], 2) == "a, b and 1 more"


def test_a_short_list_is_named_whole() -> None:
    assert some(("a", "b"), 2) == "a, b"
    assert some([]) == ""
