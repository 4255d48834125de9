from llms_text import llms_text
from project import find_project


def test_each_part_is_a_section_and_each_page_a_line(book):
    book.write("index.md", '---\nmyst: {html_meta: {description: "A book."}}\n---\n\n# *Words*\n')
    book.write("book/gpt/one.md", "# `One`\n")
    head = '---\nmyst:\n  html_meta: {description: "Two things."}\n---\n\n'
    book.write("book/gpt/two.md", head + "# Two\n\n# Not the title\n")
    book.write(
        "_toc.yml",
        "root: index\nparts:\n  - caption: Part\n    chapters:\n      - file: book/gpt/one\n"
        "        sections:\n          - file: book/gpt/two\n",
    )

    assert llms_text(book.project) == (
        "# Words\n\n> A book.\n\n## Part\n\n"
        "- [One](https://ada.github.io/engine/book/gpt/one.html)\n"
        "- [Two](https://ada.github.io/engine/book/gpt/two.html): Two things.\n"
    )


def test_every_page_of_the_book_says_what_it_is_about():
    lines = llms_text(find_project()).splitlines()

    alone = [line for line in lines if line.startswith("- ") and line.endswith(")")]
    assert alone == []
    assert len([line for line in lines if line.startswith("- ")]) > 70
