"""The pages of a built site as they are read without scripts: the content of PDF and EPUB.

A page loses its buttons and links to itself; folded cells stand open; a widget is what its page
says without scripts. Solutions of exercises and answers to questions go to two chapters at the
end. Every id begins with the name of its page, so that all pages can stand in one file.
Leaves out: how a page looks (``paper/*.css``), and the files themselves (`pdf_file`, `epub_file`).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml
from bs4 import BeautifulSoup, Tag
from project import BookError, Project

from companion.exercises.options import LETTERS

SOLUTIONS, ANSWERS = "solutions", "answers"
_UPRIGHT = re.compile(r'<svg [^>]*\bclass="upright".*?</svg>', re.DOTALL)  # paper is wide
_KEPT = re.compile(r"<(svg|math)\b.*?</\1>", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")  # a model may write them; XML has no such
_PLAIN_CODE = re.compile(
    r'<span(?: class="(?:n|nn|p|w|pre)")?>([^<]*)</span>'
)  # in no color of its own
_NO_USE = (
    ".run-line, .page-exercises, script, button, .start-buttons, .toctree-wrapper, "
    "style, .quiz-several, .site-files, .keep-offline"
)
_FOR_SCRIPTS = ("data-live", "data-button", "data-options", "data-quiz", "tabindex", "loading")
_FOR_SCRIPTS += ("valign", "role", "aria-labelledby", "aria-describedby", "border", "target", "rel")


@dataclass
class Chapter:
    """One page, or one of the chapters at the end.

    Attributes:
        slug: Its name in links, such as ``gpt-sampling``.
        title: Its title, with its number.
        part: Caption of its part of the book; empty outside of the parts.
        content: What it shows.
        kept: Drawings and formulas, whose places the content marks.
        at: Address of the page on the site; empty for chapters that the site does not have.
    """

    slug: str
    title: str
    part: str
    content: Tag
    kept: list[str] = field(default_factory=list)
    at: str = ""

    def markup(self) -> str:
        """The content as well-formed XML that is HTML as well."""
        text = _PLAIN_CODE.sub(r"\1", self.content.decode(formatter="minimal"))
        return re.sub(r'<x-kept n="(\d+)"></x-kept>', lambda match: self.kept[int(match[1])], text)


@dataclass
class _Back:
    """What goes to the end, of all pages so far."""

    soup: BeautifulSoup
    solutions: list[Tag] = field(default_factory=list)
    answers: list[Tag] = field(default_factory=list)


def slug_of(page: str) -> str:
    """The name of a page in links: ``gpt-sampling`` for ``book/gpt/sampling``."""
    return page.removeprefix("book/").replace("/", "-")


def read_chapters(site: Path, project: Project) -> list[Chapter]:
    """Return the chapters of a built site in the order of ``_toc.yml``, and the two at the end.

    Raises:
        BookError: If a page is missing, or one has a fault that a reader of a file would see.
    """
    pages = list(_contents(project))
    back = _Back(BeautifulSoup("", "html.parser"))
    known = {f"{name}.html" for name, _ in pages}
    kept: list[str] = []
    chapters, faults = [], []
    for name, part in pages:
        path = site / f"{name}.html"
        if not path.is_file():
            raise BookError(f"{path} is missing; build the site first: make book")
        article = _article(path.read_text(encoding="utf-8"), kept, name)
        faults += [f"{name}: {fault}" for fault in picture_faults(article)]
        _settle_links(article, name, known, project.site_url, site)
        for link in article.select(".headerlink"):
            link.decompose()
        slug = slug_of(name)
        title = article.h1.get_text().strip() if article.h1 else name
        _take_answers(article, slug, title, back)
        address = f"{project.site_url}{name}.html" if project.site_url else ""
        _plain(article, back.soup, address)
        article["id"] = slug
        chapters.append(Chapter(slug, title, part, article, kept, address))
    if faults:
        raise BookError("the pages have faults:\n" + "\n".join(faults))
    for slug, title, sections in (
        (SOLUTIONS, "Solutions of the exercises", back.solutions),
        (ANSWERS, "Answers to the questions", back.answers),
    ):
        if sections:
            content = _new(back.soup, "article", _new(back.soup, "h1", title), *sections, id=slug)
            chapters.append(Chapter(slug, title, "Solutions and answers", content, kept))
    return chapters


def dangling_links(chapters: list[Chapter]) -> list[str]:
    """Links within the file that lead nowhere."""
    there = {tag["id"] for chapter in chapters for tag in chapter.content.find_all(id=True)}
    there |= {chapter.slug for chapter in chapters}
    return [
        f"{chapter.slug}: link to {link['href']}, which is not there"
        for chapter in chapters
        for link in chapter.content.find_all("a", href=re.compile("^#"))
        if link["href"][1:] not in there
    ]


def picture_faults(article: Tag) -> list[str]:
    """Pictures that say nothing to somebody who does not see them, and figures without words."""
    faults = []
    for image in article.find_all("img"):
        if not image.get("alt") and image.get("aria-hidden") != "true" and not _is_icon(image):
            source = image.get("src", "")[:100]
            faults.append(
                f"the picture {source} has no alt text: write :alt: or image: {{alt: ...}}"
            )
    for figure in article.find_all("figure"):
        if figure.find("figcaption") is None:
            faults.append(f"the figure {figure.get('id', '')} has no caption: write :caption:")
    return faults


def _is_icon(image: Tag) -> bool:
    return image.find_parent(class_="run-line") is not None


def _contents(project: Project) -> Iterator[tuple[str, str]]:
    """Yield each page's name with the caption of its part, in reading order."""
    contents = yaml.safe_load((project.root / "_toc.yml").read_text(encoding="utf-8"))
    yield contents["root"], ""
    for part in contents.get("parts", [contents]):
        for chapter in part.get("chapters", []):
            yield from _files(chapter, part.get("caption", ""))


def _files(entry: dict, part: str) -> Iterator[tuple[str, str]]:
    yield entry["file"], part
    for section in entry.get("sections", []):
        yield from _files(section, part)


def _article(text: str, kept: list[str], name: str) -> Tag:
    """Parse the article of a page. Drawings and formulas are XML, which the parser would break."""

    def keep(match: re.Match[str]) -> str:
        kept.append(match[0].replace(" viewbox=", " viewBox="))  # as XML has it
        return f'<x-kept n="{len(kept) - 1}"></x-kept>'

    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
    start, end = text.find("<article"), text.find("</article>")
    if start < 0 or end < 0:
        raise BookError(f"{name}: the page has no article; was it made by another theme?")
    text = _UPRIGHT.sub("", text[start : end + 10])
    soup = BeautifulSoup(_KEPT.sub(keep, text), "html.parser")
    return soup.article


def _settle_links(article: Tag, name: str, known: set[str], site_url: str, site: Path) -> None:
    """Let ids begin with the page's name, links stay in the file, pictures be found."""
    slug, folder = slug_of(name), posixpath.dirname(name)
    for tag in article.find_all(id=True):
        tag["id"] = f"{slug}--{tag['id']}"
    for link in article.find_all("a", href=True):
        parts = urlsplit(link["href"])
        if parts.scheme or parts.netloc:
            continue
        target = posixpath.normpath(posixpath.join(folder, unquote(parts.path)))
        target = f"{name}.html" if not parts.path else target
        if target in known:
            fragment = unquote(parts.fragment)
            to = slug_of(target.removesuffix(".html"))
            link["href"] = f"#{to}--{fragment}" if fragment else f"#{to}"
        elif site_url:
            link["href"] = f"{site_url}{target}" + (f"#{parts.fragment}" if parts.fragment else "")
        else:  # the site has no address
            del link["href"]
        del link["download"]
    for image in article.find_all("img", src=True):
        path = urlsplit(image["src"]).path
        image["src"] = str(site / posixpath.normpath(posixpath.join(folder, unquote(path))))


def _plain(article: Tag, soup: BeautifulSoup, address: str) -> None:
    """Take out what needs a script or a mouse, and open what is folded."""
    for tag in article.select(_NO_USE):
        tag.decompose()
    for image in article.select('img[aria-hidden="true"]'):  # a further panel of the same plot
        image.decompose()
    for image in article.select(".plot img"):  # the whole plot
        for name in ("style", "width", "height"):
            del image[name]
    for live in article.select(".live"):
        where = _new(soup, "a", "on the site", href=address) if address else "on the site"
        note = _new(soup, "p", "Can be tried ", where, ".")
        note["class"] = "paper-note"
        live.append(note)
    for details in article.find_all("details"):
        summary = details.find("summary", recursive=False)
        label = details.select_one(".sd-summary-text, .admonition-title")
        words = (label or summary).get_text().strip() if summary else ""
        if summary:
            summary.decompose()
        details.name = "div"
        del details["open"]
        details["class"] = ["paper-open"]
        details.insert(0, _new(soup, "p", words, **{"class": "paper-label"}))
    for output in article.select('.cell_output [role="status"]'):  # "not attempted"
        if "not attempted" in output.get_text():
            output.find_parent(class_="cell_output").decompose()
    for label in article.select("label"):
        label.unwrap()
    for tag in [article, *article.find_all(True)]:
        for name in _FOR_SCRIPTS:
            del tag[name]


def _take_answers(article: Tag, slug: str, title: str, back: _Back) -> None:
    """Move solutions and answers of a page to the end, and leave a link where each was."""
    soup = back.soup
    folded = [details for details in article.select("details.site-only") if _is_solution(details)]
    solutions = [
        _solution(details, f"{SOLUTIONS}--{slug}-{number}", soup)
        for number, details in enumerate(folded, 1)
    ]
    answers = [
        _answer(quiz, number, f"{ANSWERS}--{slug}-{number}", soup)
        for number, quiz in enumerate(article.select("fieldset.quiz"), 1)
    ]
    for found, sections in ((solutions, back.solutions), (answers, back.answers)):
        if found:
            heading = _new(soup, "h2", _new(soup, "a", title, href=f"#{slug}"))
            sections.append(_new(soup, "section", heading, *found))


def _is_solution(details: Tag) -> bool:
    label = details.select_one(".sd-summary-text")
    return label is not None and label.get_text().strip() == "Solution"


def _solution(details: Tag, name: str, soup: BeautifulSoup) -> Tag:
    section = details.find_parent("section")
    heading = section.find(re.compile(r"h\d"))
    place = (section.find("span", id=True) or section)["id"]
    words = heading.get_text().strip()
    title = _new(soup, "h3", _new(soup, "a", words, href=f"#{place}"))
    details.replace_with(_see("Solution", name, soup))
    details.find("summary").decompose()
    return _new(soup, "section", title, *list(details.children), id=name)


def _answer(quiz: Tag, number: int, name: str, soup: BeautifulSoup) -> Tag:
    """Turn a quiz into a question with lettered options; returns what is said of each option."""
    place = f"question-{name}"
    options = _new(soup, "ol", **{"class": "paper-options"})
    reasons = _new(soup, "ul", **{"class": "paper-reasons"})
    for letter, option in zip(LETTERS, quiz.select(".quiz-option"), strict=False):
        text = option.select_one("label > span").extract()
        text.name = "li"
        options.append(text)
        why = option.select_one(".quiz-why").extract()
        why.name = "li"
        why.insert(0, _new(soup, "b", f"{letter}: "))
        reasons.append(why)
        option.decompose()
    legend = quiz.legend.extract()
    legend.name, legend["class"] = "p", ["paper-question"]
    legend.insert(0, f"Question {number}. ")
    quiz.name, quiz["id"] = "div", place
    quiz.insert(0, legend)
    quiz.append(options)
    quiz.append(_see("Answer", name, soup))
    link = _new(soup, "a", f"Question {number}", href=f"#{place}")
    return _new(soup, "section", _new(soup, "h3", link), reasons, id=name)


def _see(word: str, place: str, soup: BeautifulSoup) -> Tag:
    link = _new(soup, "a", "at the end", href=f"#{place}", **{"class": "paper-see"})
    return _new(soup, "p", f"{word}: ", link, ".", **{"class": "paper-note"})


def _new(soup: BeautifulSoup, name: str, *children: Tag | str, **attributes: str) -> Tag:
    tag = soup.new_tag(name, attrs=attributes)
    for child in children:
        tag.append(child)
    return tag
