"""Pages and addresses."""

import subprocess

import pytest
from project import BookError, Project, find_repository, site_url


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in ("BOOK_REPOSITORY", "GITHUB_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)


def test_the_environment_names_the_repository_first(tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_REPOSITORY", "fork/book")
    in_workflow = find_repository(tmp_path)
    monkeypatch.setenv("BOOK_REPOSITORY", "mine/book")

    assert (in_workflow, find_repository(tmp_path)) == ("fork/book", "mine/book")


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://github.com/ada/engine.git", "ada/engine"),
        ("git@github.com:ada/engine", "ada/engine"),
        ("https://example.org/ada/engine", ""),
        (None, ""),
    ],
)
def test_else_the_origin_on_github_names_it(origin, expected, tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    if origin:
        add = ["git", "-C", str(tmp_path), "remote", "add", "origin", origin]
        subprocess.run(add, check=True)

    assert find_repository(tmp_path) == expected


@pytest.mark.parametrize(
    "name", ["https://github.com/ada/engine", "ada/..", "ada/.", "-ada/engine", "a-/..", "ada"]
)
def test_a_strange_repository_name_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.setenv("BOOK_REPOSITORY", name)

    with pytest.raises(BookError, match="written OWNER/NAME"):
        find_repository(tmp_path)


def test_the_site_has_the_address_of_github_pages():
    addresses = site_url("Ada/engine"), site_url("ada/ada.github.io")

    assert addresses == ("https://ada.github.io/engine/", "https://ada.github.io/")


def test_without_a_repository_the_site_has_no_address(tmp_path):
    known, unknown = Project(tmp_path, "ada/engine"), Project(tmp_path)

    assert (known.site_path, unknown.site_url, unknown.site_path) == ("/engine/", "", "/")


@pytest.mark.parametrize(
    "name", ["one", "gpt/one", "gpt/one.md", "book/gpt/one.md", "book/notebooks/gpt/one.ipynb"]
)
def test_a_page_is_found_by_name_or_path(name, book):
    book.add("gpt/one", "# One")

    assert [page.name for page in book.project.find_pages([name])] == ["gpt/one"]


def test_an_unknown_page_is_reported_with_the_known_ones(book):
    with pytest.raises(BookError, match=r"no page is called 'two'; pages: back/glossary"):
        book.project.find_pages(["two"])


def test_a_listed_page_without_a_file_is_reported(book):
    book.add("gpt/one", "# One").unlink()

    with pytest.raises(BookError, match=r"_toc\.yml lists pages that do not exist: book/gpt/one"):
        book.project.pages()
