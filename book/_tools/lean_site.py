"""Make a built site smaller: files that no page asks for, characters of fonts that none shows.

The theme sends 1.5 MB of icons as a script besides the icon fonts, and whole fonts where a few
characters are used; nine of ten of its style rules are for nothing here; about half of the elements
in code give it no look; Sphinx sends a search that the book does not use. Words in Japanese are
marked as such. Running it again changes nothing more.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from languages import mark_japanese
from lean_code import lean_code, plain_tokens
from lean_scripts import lean_scripts
from lean_styles import lean_styles, words
from project import BookError

_ICON_RULE = re.compile(
    r"((?:\.fa-[\w-]+(?::{1,2}before)?,?)+)\{(?:--fa:|content:)\"\\([0-9a-f]+)\"", re.IGNORECASE
)
_SPAN = re.compile(r'<span class="([^"]+)"[^>]*>([^<]+)<')
_STYLES = {
    "KaTeX_AMS": {"amsrm", "mathbb", "textbb"},
    "KaTeX_Caligraphic": {"mathcal"},
    "KaTeX_Math": {"mathnormal", "boldsymbol"},
}
_PRIVATE_USE = range(0xE000, 0xF900)
_TTF_COPY = re.compile(r",\s*url\([^)]*fa-[\w-]+\.ttf[^)]*\)\s*format\([^)]*\)")


def lean(site: Path) -> None:
    """Rewrite the pages and assets below ``site`` in place.

    Raises:
        BookError: If the theme's icons, or its scripts, are not as they were.
    """
    (site / ".nojekyll").touch()
    _delete_unused(site)
    pages = sorted(site.rglob("*.html"))
    highlighting = site / "_static" / "pygments.css"
    plain = (
        plain_tokens(highlighting.read_text(encoding="utf-8")) if highlighting.is_file() else set()
    )
    for page in pages:
        text = mark_japanese(page.read_text(encoding="utf-8"))
        page.write_text(lean_code(text, plain), encoding="utf-8")
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    styles = _joined(site / "_static", "*.css")
    icons = used_icons(text + _joined(site / "_static", "*.js"), styles)
    icon_fonts = list((site / "_static").rglob("fa-*.woff2"))
    if icon_fonts and not icons:
        raise BookError("no style sheet says which character an icon is; see lean_site.used_icons")
    for font in icon_fonts:
        _subset(font, icons)
    if 'class="katex"' in text:  # else the reader's browser draws the formulas, with any character
        katex = site / "_static" / "vendor" / "katex"
        drop_formula_fonts(katex / "katex.min.css", text)
        for font in katex.rglob("*.woff2"):
            _subset(font, characters_of(font.name, text))
    lean_scripts(site / "_static" / "scripts")
    used = words([text, _joined(site / "_static", "*.js")])
    for sheet in (site / "_static").rglob("*.css"):
        styles = sheet.read_text(encoding="utf-8")
        sheet.write_text(lean_styles(styles, used), encoding="utf-8")


def _delete_unused(site: Path) -> None:
    """Delete files that no page asks for, and the style sheet's second choice of icon font."""
    for sheet in (site / "_static" / "styles").glob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        sheet.write_text(_TTF_COPY.sub("", text), encoding="utf-8")
    unused = ("*.map", "fontawesome.js", "fa-*.ttf", "fa-v4compatibility*", "*webpack-macros.html")
    search = ("searchtools.js", "language_data.js", "*-stemmer.js")
    for pattern in (*unused, *search):
        for path in (site / "_static").rglob(pattern):
            path.unlink()
    (site / "searchindex.js").unlink(missing_ok=True)


def _joined(folder: Path, pattern: str) -> str:
    files = sorted(folder.rglob(pattern))
    return "".join(path.read_text(encoding="utf-8", errors="replace") for path in files)


def used_icons(text: str, styles: str) -> set[int]:
    """Code points of the icons that pages, scripts or style rules show.

    Args:
        text: All pages and scripts.
        styles: All style sheets.
    """
    known = {}
    for match in _ICON_RULE.finditer(styles):
        for name in re.findall(r"\.(fa-[\w-]+)", match[1]):
            known[name] = int(match[2], 16)
    used = {known[name] for name in set(re.findall(r"\bfa-[\w-]+", text)) if name in known}
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", styles):
        if ".fa-" not in selector:  # icons of admonitions, toggles and so on
            used |= {int(code, 16) for code in re.findall(r'"\\([ef][0-9a-f]{3})"', body)}
    return used | {ord(mark) for mark in set(styles + text) if ord(mark) in _PRIVATE_USE}


def drop_formula_fonts(sheet: Path, text: str) -> None:
    """Remove the fonts of KaTeX that no formula uses: the rules and the files.

    Args:
        sheet: KaTeX's style sheet, changed in place.
        text: All pages.
    """
    styles = sheet.read_text(encoding="utf-8")
    classes = {
        name for value in set(re.findall(r'class="([^"]+)"', text)) for name in value.split()
    }
    needed = {font_variant("")}  # upright KaTeX_Main is the font of every formula
    for selectors, declarations in re.findall(r"([^{}]+)\{([^{}]*font-[^{}]*)\}", styles):
        wanted = [set(re.findall(r"\.([\w-]+)", selector)) for selector in selectors.split(",")]
        if any(names <= classes and names - {"katex"} for names in wanted):
            needed.add(font_variant(declarations))
    for rule in re.findall(r"@font-face\{[^{}]*\}", styles):
        if font_variant(rule) not in needed:
            styles = styles.replace(rule, "")
            for name in re.findall(r"url\(([^)]+)\)", rule):
                (sheet.parent / name).unlink(missing_ok=True)
    sheet.write_text(styles, encoding="utf-8")


def characters_of(font: str, text: str) -> set[int]:
    """Code points that a font of KaTeX draws: of letters in a style, those that have its class.

    Args:
        font: File name, such as ``KaTeX_AMS-Regular.woff2``.
        text: All pages.
    """
    classes = _STYLES.get(font.partition("-")[0])
    if classes is None:
        return {ord(character) for character in set(text)}
    styled = (
        characters for names, characters in set(_SPAN.findall(text)) if classes & set(names.split())
    )
    return {ord(character) for character in html.unescape("".join(styled))}


def font_variant(declarations: str) -> tuple[str, bool, bool]:
    """Family, boldness and slant that CSS declarations select in a formula."""
    family = re.search(r"KaTeX_\w+", re.sub(r"url\([^)]*\)", "", declarations))
    is_bold = re.search(r"font-weight:(700|bold)", declarations) is not None
    is_italic = "font-style:italic" in declarations
    return (family[0] if family else "KaTeX_Main", is_bold, is_italic)


def _subset(path: Path, characters: set[int]) -> None:
    """Keep only some characters of a web font."""
    options = subset.Options()
    options.flavor = "woff2"
    options.notdef_outline = True
    with TTFont(path, recalcTimestamp=False) as font:
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=characters)
        subsetter.subset(font)
        font.flavor = "woff2"
        font.save(path)
