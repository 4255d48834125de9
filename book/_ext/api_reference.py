"""The reference of the package: the directive ``api`` describes the public names of modules.

    .. api:: companion.generation.logits companion.generation.sampling

Sphinx's autodoc reads their docstrings, so a name that is added to a module is on the site
without more ado. A name in the code of a page leads to its description by sphinx-codeautolink;
below the description, the pages that use the name are linked.
"""

from __future__ import annotations

import inspect
from collections import defaultdict
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from docutils import nodes
from docutils.statemachine import StringList
from project import find_project
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective
from sphinx_codeautolink.extension.block import BUILTIN_BLOCKS, clean_ipython
from sphinx_codeautolink.extension.directive import SkipMarker
from sphinx_codeautolink.extension.resolve import populate_type_checking

import companion

FOLDER = "book/package/"
_PAGES_NAMED = 6  # of those that use a name; the others are counted
_LONGEST_VALUE = 40  # characters of a constant's value


class Api(SphinxDirective):
    """Functions, classes and constants of modules, each with the import that a reader writes."""

    required_arguments = 1
    optional_arguments = 20

    def run(self) -> list[nodes.Node]:
        """Let autodoc describe the names, module by module."""
        lines = [line for name in self.arguments for line in described(import_module(name))]
        box = nodes.container()
        self.state.nested_parse(StringList(lines, "api"), 0, box)
        return box.children


def described(module: ModuleType) -> list[str]:
    """The reStructuredText of a module: how its names are imported, then each of them."""
    populate_type_checking(module)  # what only editors import is a link, too
    names = public_names(module)
    code = [f"   {line}" for line in import_lines(module, names)]
    lines = [".. code-block:: python", "", *code, "", f".. py:currentmodule:: {module.__name__}"]
    for name in names:
        lines += ["", *_directive(name, getattr(module, name))]
    return lines


def _directive(name: str, thing: object) -> list[str]:
    if inspect.isclass(thing):
        kind = "exception" if issubclass(thing, Exception) else "class"
        return [f".. auto{kind}:: {name}"]
    if inspect.isfunction(thing):
        return [f".. autofunction:: {name}"]
    short = isinstance(thing, int | float | str) and len(repr(thing)) <= _LONGEST_VALUE
    return [f".. autodata:: {name}"] + ["   :no-value:"] * (not short)


def public_names(module: ModuleType) -> list[str]:
    """The functions and classes that a module defines, and the constants that it describes."""
    documented = {name for _, name in ModuleAnalyzer.for_module(module.__name__).find_attr_docs()}
    return [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and (
            thing.__module__ == module.__name__
            if inspect.isclass(thing) or inspect.isfunction(inspect.unwrap(thing))
            else name in documented
        )
    ]


def import_lines(module: ModuleType, names: list[str]) -> list[str]:
    """The imports of a module's names, from the package that passes them on if one does."""
    homes = defaultdict(list)
    for name in names:
        homes[address(module, name)].append(name)
    lines = []
    for home, its_names in homes.items():
        line = f"from {home} import {', '.join(its_names)}"
        if len(line) <= 80:
            lines.append(line)
        else:
            lines += [f"from {home} import (", *(f"    {name}," for name in its_names), ")"]
    return lines


def address(module: ModuleType, name: str) -> str:
    """The first package that passes on a module's name, else the module."""
    for package in faces():
        if name in package.__all__ and getattr(package, name) is getattr(module, name):
            return package.__name__
    return module.__name__


@cache
def faces() -> list[ModuleType]:
    """``companion`` and the packages in it that pass on names of their modules."""
    names = [module.name for module in iter_modules(companion.__path__) if module.ispkg]
    packages = [import_module(f"companion.{name}") for name in names]
    return [companion, *(package for package in packages if hasattr(package, "__all__"))]


def read_google_style(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Turn the sections of a docstring into fields. That of an attribute is one sentence."""
    if what not in ("attribute", "data", "property"):
        lines[:] = GoogleDocstring(lines, Config(napoleon_use_ivar=True), what=what).lines()


def skip_page(app: Sphinx, doctree: nodes.document) -> None:
    """Spare codeautolink what names little of the package: exercises, and the reference itself."""
    if app.env.docname.startswith(FOLDER) or app.env.docname.endswith("/exercises"):
        doctree.insert(0, SkipMarker("file"))


def keep_own_names(app: Sphinx, doctree: nodes.document) -> None:
    """Leave codeautolink the names of the package alone: to follow others, it would import all."""
    blocks = app.env.sphinx_codeautolink_transforms.get(app.env.docname, [])
    for block in blocks:
        block.names = [name for name in block.names if name.import_components[:1] == ["companion"]]
    if not any(block.names for block in blocks):
        blocks.clear()


def add_uses(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Below each description, link the pages whose code uses the name."""
    if not docname.startswith(FOLDER):
        return
    pages = uses(app.env.sphinx_codeautolink_transforms)
    order = ["index", *(f"book/{page.name}" for page in find_project(Path(app.srcdir)).pages())]
    for description in doctree.findall(addnodes.desc):
        signature, content = description.children[0], description.children[-1]
        name = (signature.get("ids") or [""])[0]
        if description.get("domain") == "py" and name in pages:
            used_in = sorted(pages[name], key=order.index)
            content += _links(app, docname, {page: pages[name][page] for page in used_in})


def uses(transforms: dict) -> dict[str, dict[str, str]]:
    """For each name the pages whose code uses it, with the section where that is so first."""
    pages: dict[str, dict[str, str]] = defaultdict(dict)
    for page, blocks in transforms.items():
        for block in blocks:
            for name in block.names:
                pages[name.resolved_location].setdefault(page, block.example.ref_id or "")
    return pages


def _links(app: Sphinx, docname: str, pages: dict[str, str]) -> nodes.paragraph:
    line = nodes.paragraph("", "Used in ", classes=["api-uses"])
    for number, page in enumerate(pages):
        if number == _PAGES_NAMED:
            line += nodes.Text(f" and {len(pages) - number} more")
            break
        title = app.env.titles[page].astext()
        link = nodes.reference("", title, internal=True)
        link["refuri"] = f"{app.builder.get_relative_uri(docname, page)}#{pages[page]}"
        line += [nodes.Text(", " * (number > 0)), link]
    return line


def setup_reference(app: Sphinx) -> None:
    """Register what the reference of the package needs."""
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx_codeautolink")
    BUILTIN_BLOCKS["python"] = clean_ipython  # a cell may begin with a magic
    app.add_directive("api", Api)
    app.connect("autodoc-process-docstring", read_google_style)
    app.connect("doctree-read", skip_page, priority=485)  # codeautolink reads at 490
    app.connect("doctree-read", keep_own_names, priority=495)
    app.connect("doctree-resolved", add_uses)
