"""The book as a PDF and as an EPUB, made of a small site of two pages."""

import dataclasses
import io
import shutil
import subprocess
import zipfile
from pathlib import Path

import epub_file
import paper_pages
import pdf_file
import pytest
from bs4 import BeautifulSoup
from project import BookError, Project

from tests.chromium import ABSENT

EPUBCHECK = Path("/usr/share/java/epubcheck.jar")
FORMULA = (
    '<span class="math"><span class="katex"><span class="katex-mathml"><math '
    'xmlns="http://www.w3.org/1998/Math/MathML"><semantics><mrow><mi>x</mi></mrow>'
    '<annotation encoding="application/x-tex">x &lt; 1</annotation></semantics></math></span>'
    '<span class="katex-html" aria-hidden="true">x</span></span></span>'
)
DROPDOWN = (
    '<details class="sd-dropdown site-only"><summary><span class="sd-summary-text">{}</span>'
    "</summary>{}</details>"
)
ONE = f"""
<section id="one"><h1>1. One<a class="headerlink" href="#one">#</a></h1>
<div class="run-line"><a href="https://colab.example.org">Open in Colab</a></div>
<p>A formula {FORMULA}, <a href="two.html#ex-sum">an exercise</a>, the <a href="../genindex.html">
index</a>.</p>
<div class="cell"><details class="hide"><summary><span class="admonition-title">Imports</span>
</summary><pre>import torch</pre></details></div>
<figure id="id1"><div class="wide" tabindex="0"><svg role="img" aria-label="a box" \
xmlns="http://www.w3.org/2000/svg" viewbox="0 0 9 9"><rect width="9" height="9"/></svg></div>
<figcaption><p>A box.</p></figcaption></figure>
<div class="live" data-live="lora"><div class="live-static"><p>Ranks.</p></div></div>
<fieldset class="quiz" data-quiz="one-which"><legend>Which?</legend>
<div class="quiz-option"><label><input type="radio"><span>This.</span></label>
<div class="quiz-why right"><strong>Right.</strong> <p>It is.</p></div></div>
<div class="quiz-option"><label><input type="radio"><span>That.</span></label>
<div class="quiz-why wrong"><strong>Wrong.</strong> <p>It is not.</p></div></div></fieldset>
</section>"""
TWO = f"""
<section id="two"><h1>2. Two</h1><section id="a-sum"><span id="ex-sum"></span><h2>A sum</h2>
<p>Add.</p><p>\x05 was written by a model.</p>
{DROPDOWN.format("Hints", "<p>Use plus.</p>")}{DROPDOWN.format("Solution", "<pre>a + b</pre>")}
</section></section>"""
TOC = """\
format: jb-book
root: index
parts:
  - caption: Part
    chapters:
      - file: book/one
        sections:
          - file: book/two
"""


@pytest.fixture
def small(tmp_path):
    """A project, and its built site with a title page and two pages."""
    project = Project(tmp_path, "ada/engine")
    (tmp_path / "_toc.yml").write_text(TOC, encoding="utf-8")
    site = tmp_path / "html"
    sheet = site / "_static/vendor/katex/katex.min.css"
    sheet.parent.mkdir(parents=True)
    sheet.write_text(".katex-mathml{display:none}", encoding="utf-8")
    (site / "book").mkdir()
    index = '<h1>Book</h1><div class="keep-offline docutils container">\n<p>Keep it.</p>\n</div>\n'
    for name, body in {"index": index, "book/one": ONE, "book/two": TWO}.items():
        text = f"<html><body><main><article>{body}</article></main></body></html>"
        (site / f"{name}.html").write_text(text, encoding="utf-8")
    return project


@pytest.fixture
def chapters(small):
    found = paper_pages.read_chapters(small.root / "html", small)
    return {chapter.slug: chapter for chapter in found}


def test_pages_come_in_order_and_what_was_asked_is_answered_at_the_end(chapters):
    assert list(chapters) == ["index", "one", "two", "solutions", "answers"]
    assert [chapter.part for chapter in chapters.values()][1:4] == [
        "Part",
        "Part",
        "Solutions and answers",
    ]


def test_a_solution_stands_at_the_end_and_both_places_lead_to_one_another(chapters):
    two, solutions = chapters["two"].markup(), chapters["solutions"].markup()

    assert "a + b" not in two
    assert "Use plus." in two
    assert '<a class="paper-see" href="#solutions--two-1">' in two
    assert 'id="solutions--two-1"' in solutions
    assert '<a href="#two--ex-sum">A sum</a>' in solutions
    assert "a + b" in solutions


def test_a_question_does_not_show_its_answer(chapters):
    one, answers = chapters["one"].markup(), chapters["answers"].markup()

    assert "It is." not in one
    assert '<ol class="paper-options"><li>This.</li><li>That.</li></ol>' in one
    text = BeautifulSoup(answers, "html.parser").get_text(" ", strip=True)
    assert "Question 1 a: Right. It is. b: Wrong. It is not." in text


def test_what_needs_a_script_is_gone_and_what_is_folded_is_open(chapters):
    one = chapters["one"].markup()

    assert "Colab" not in one
    assert "<details" not in one
    assert "<summary" not in one
    assert "import torch" in one
    assert "data-live" not in one
    assert "Ranks." in one
    assert "Keep it." not in chapters["index"].markup()


def test_links_stay_in_the_file_or_lead_to_the_site(chapters):
    one = chapters["one"].markup()

    assert 'href="#two--ex-sum"' in one
    assert 'href="https://ada.github.io/engine/genindex.html"' in one
    assert paper_pages.dangling_links(list(chapters.values())) == []


def test_without_an_address_of_the_site_what_leads_there_is_text(small):
    unowned = dataclasses.replace(small, repository="")

    found = paper_pages.read_chapters(small.root / "html", unowned)

    text = "".join(chapter.markup() for chapter in found)
    assert "genindex" not in text
    assert "github.io" not in text
    assert 'href="#two--ex-sum"' in text
    assert "Can be tried on the site." in text


def test_a_link_to_nowhere_is_named(chapters):
    chapters["one"].content.find("a")["href"] = "#two--gone"

    (fault,) = paper_pages.dangling_links(list(chapters.values()))

    assert fault == "one: link to #two--gone, which is not there"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<img src="a.svg">', "book/two: the picture a.svg has no alt text: write :alt:"),
        ('<figure id="id9"><p>x</p></figure>', "book/two: the figure id9 has no caption"),
    ],
)
def test_a_picture_without_words_stops_with_its_page(body, fault, small):
    page = small.root / "html/book/two.html"
    page.write_text(f"<article><h1>2</h1>{body}</article>", encoding="utf-8")

    with pytest.raises(BookError, match=fault):
        paper_pages.read_chapters(small.root / "html", small)


def test_a_site_that_is_not_built_is_named(small, capsys):
    (small.root / "html/book/two.html").unlink()

    assert epub_file.main(["--site", "html"], small) == 1
    assert "book/two.html is missing; build the site first: make book" in capsys.readouterr().err


def test_an_epub_has_formulas_as_mathml_and_every_file_in_its_list(small):
    path = epub_file.write_epub(small.root / "html", small.root, small)

    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        page = archive.read("book/one.xhtml").decode()
        package = archive.read("book/content.opf").decode()
    assert names[0] == "mimetype"
    assert 'alttext="x &lt; 1"><mrow><mi>x</mi></mrow></math>' in page
    assert "katex" not in page
    assert 'viewBox="0 0 9 9"' in page
    assert 'href="two.xhtml#two--ex-sum"' in page
    assert 'href="one.xhtml" media-type="application/xhtml+xml" properties="mathml svg"' in package


def test_the_same_site_makes_the_same_epub(small, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000")
    first = epub_file.write_epub(small.root / "html", small.root / "a", small).read_bytes()
    second = epub_file.write_epub(small.root / "html", small.root / "b", small).read_bytes()

    assert first == second


def test_a_page_that_is_no_xml_is_named_with_the_place():
    with pytest.raises(BookError, match=r"gpt-one is no XML.*: <p>a <b</p>"):
        epub_file._checked("gpt-one", "<p>a <b</p>")


@pytest.mark.slow
@pytest.mark.skipif(
    not (EPUBCHECK.is_file() and shutil.which("java")), reason="epubcheck is not installed"
)
def test_epubcheck_finds_nothing(small):
    path = epub_file.write_epub(small.root / "html", small.root, small)

    command = ["java", "-jar", str(EPUBCHECK), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(bool(ABSENT), reason=str(ABSENT))
def test_a_pdf_has_tags_an_outline_and_the_pages_of_its_links(small, monkeypatch):
    pypdf = pytest.importorskip("pypdf")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")

    path = pdf_file.write_pdf(small.root / "html", small.root, small)

    reader = pypdf.PdfReader(io.BytesIO(path.read_bytes()))
    root = reader.trailer["/Root"]
    texts = [page.extract_text() for page in reader.pages]
    outline = [entry.title for entry in reader.outline if not isinstance(entry, list)]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    assert outline == [
        "Book",
        "1. One",
        "2. Two",
        "Solutions of the exercises",
        "Answers to the questions",
    ]
    two = next(number for number, text in enumerate(texts, 1) if "Use plus." in text)
    solved = next(number for number, text in enumerate(texts, 1) if "a + b" in text)
    assert f"2. Two {two}" in texts[1].splitlines()
    assert f"page {solved}" in texts[two - 1]
    assert str(two) in texts[two - 1].split()
    assert reader.metadata["/CreationDate"].startswith("D:19700101")


@pytest.mark.skipif(bool(ABSENT), reason=str(ABSENT))
def test_what_does_not_fit_on_the_paper_is_named(small):
    page = small.root / "html/book/two.html"
    wide = "<table><tr><td style='min-width: 900px'>1</td></tr></table>"
    body = f'<section id="ex-sum"><h1>Two</h1>{wide}</section>'
    page.write_text(f"<article>{body}</article>", encoding="utf-8")

    with pytest.raises(
        BookError, match=r"two, 'Two': a table \(no class\) is \d+ pixels too wide: "
    ):
        pdf_file.write_pdf(small.root / "html", small.root, small)


def test_without_a_browser_the_command_says_what_to_install(small, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None)

    assert pdf_file.main(["--site", "html"], small) == 1
    assert "sudo apt-get install chromium chromium-driver" in capsys.readouterr().err


def test_a_file_that_is_too_large_is_not_written(small, monkeypatch, capsys):
    monkeypatch.setattr(epub_file, "LIMIT_MB", 0.001)

    assert epub_file.main(["--site", "html", "--out", "out"], small) == 1
    assert "the limit is 0.001 MB" in capsys.readouterr().err
    assert not (small.root / "out").exists()
