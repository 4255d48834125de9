"""The reference of the package on the site: complete, described, and linked."""

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import make_dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

import nbformat
import pytest
from sphinx.ext.napoleon import Config, GoogleDocstring

pytest.importorskip("sphinx_codeautolink")

import api_reference

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    {
        name
        for page in (ROOT / api_reference.FOLDER).glob("*.md")
        for name in re.findall(r"^   (companion[\w.]+)$", page.read_text("utf-8"), re.MULTILINE)
    }
)
NAMED = re.compile(r"`(companion(?:\.\w+)+)`")


@cache
def on_the_site() -> set[int]:
    """Return the identity of everything that the reference describes."""
    modules = [import_module(name) for name in MODULES]
    return {id(getattr(m, name)) for m in modules for name in api_reference.public_names(m)}


def names_in(notebook: Path) -> Iterator[tuple[str, str]]:
    """Yield what a page imports from the package, as module and name."""
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type == "code" and "from companion" in cell.source:
            code = re.sub(r"^\s*[%!].*$", "", cell.source, flags=re.MULTILINE)
            for node in ast.walk(ast.parse(code)):
                if isinstance(node, ast.ImportFrom) and node.module.startswith("companion"):
                    yield from ((node.module, alias.name) for alias in node.names)


def members(module: ModuleType) -> Iterator[tuple[str, object]]:
    """Yield everything of a module that the reference describes by a docstring of its own."""
    for name in api_reference.public_names(module):
        thing = getattr(module, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            yield name, thing
        for key, member in vars(thing).items() if inspect.isclass(thing) else ():
            if inspect.isfunction(member) and not key.startswith("_"):
                yield f"{name}.{key}", member


def is_empty(name: str, thing: object) -> bool:
    """Whether nobody wrote a docstring; Python writes the signature of a dataclass."""
    text = (thing.__doc__ or "").strip()
    return not text or bool(re.fullmatch(rf"{name}\(.*\)", text))


@pytest.mark.parametrize("package", api_reference.faces(), ids=lambda package: package.__name__)
def test_every_name_that_a_package_passes_on_is_on_the_site(package: ModuleType) -> None:
    names = set(package.__all__) - {"__version__"}

    assert [name for name in names if id(getattr(package, name)) not in on_the_site()] == []


def stands(name: str) -> bool:
    """Tell whether the reference describes a module, or what it is the address of.

    A package stands for its modules, and a member for its class.
    """
    if name in MODULES:
        return True
    try:
        module = import_module(name)
    except ModuleNotFoundError:
        origin, _, last = name.rpartition(".")
        if not is_module(origin):
            return stands(origin)
        thing = getattr(import_module(origin), last, None)
        return any(
            last in api_reference.public_names(module) and getattr(module, last) is thing
            for module in map(import_module, MODULES)
        )
    return hasattr(module, "__path__") and any(one.startswith(f"{name}.") for one in MODULES)


def is_module(name: str) -> bool:
    try:
        import_module(name)
    except ModuleNotFoundError:
        return False
    return True


def docstrings() -> Iterator[tuple[str, str]]:
    """Yield the docstrings that the reference shows, and those of its modules."""
    for name in MODULES:
        module = import_module(name)
        yield name, module.__doc__ or ""
        yield from ((f"{name}.{key}", thing.__doc__ or "") for key, thing in members(module))


@pytest.mark.parametrize(
    "notebook", sorted((ROOT / "book" / "notebooks").glob("*/*.ipynb")), ids=lambda path: path.stem
)
def test_every_name_that_a_page_imports_is_on_the_site(notebook: Path) -> None:
    missing = [
        f"{origin}.{name}" for origin, name in names_in(notebook) if not stands(f"{origin}.{name}")
    ]

    assert missing == []


def test_every_name_that_a_docstring_on_the_site_names_is_there_too() -> None:
    missing = [
        f"{where}: {name}"
        for where, text in docstrings()
        for name in NAMED.findall(text)
        if not stands(name) and "._" not in name
    ]

    assert missing == []


def test_every_module_that_the_guide_for_authors_names_is_on_the_site() -> None:
    guide = (ROOT / ".github" / "CONTRIBUTING.md").read_text("utf-8")
    paths = re.findall(r"`(companion(?:/\w+)+)\.py`", guide)
    catalog = ("companion.exercises.catalog",)
    modules = [path.replace("/", ".") for path in paths]

    assert [name for name in modules if not name.startswith(catalog) and not stands(name)] == []
    assert "companion.exercises.page" in modules


@pytest.mark.parametrize(
    "name", ["companion.lora.Nothing", "companion.nothing", "companion.pocket.weights.chat"]
)
def test_what_is_not_there_does_not_stand_in_the_reference(name: str) -> None:
    assert not stands(name)
    assert stands("companion.rag.Document.text")


@pytest.mark.parametrize("name", MODULES)
def test_every_name_on_the_site_has_a_docstring(name: str) -> None:
    without = [key for key, thing in members(import_module(name)) if is_empty(key, thing)]

    assert without == []


@pytest.mark.parametrize("name", MODULES)
def test_what_is_returned_is_not_read_as_the_name_of_a_type(name: str) -> None:
    """Napoleon takes what stands before a colon for the type; here annotations say that."""
    taken = [
        f"{key}: {line.strip()}"
        for key, thing in members(import_module(name))
        for line in GoogleDocstring(inspect.getdoc(thing) or "", Config()).lines()
        if line.strip().startswith(":rtype:")
    ]

    assert taken == []


def test_a_name_is_imported_from_the_package_that_passes_it_on() -> None:
    module = import_module("companion.rag.documents")

    lines = api_reference.import_lines(module, ["Document", "section_document"])

    assert lines == [
        "from companion.rag import Document",
        "from companion.rag.documents import section_document",
    ]


def test_what_python_writes_for_a_dataclass_is_no_docstring() -> None:
    made = make_dataclass("Made", [("x", int)])

    assert is_empty("Made", made)
    assert not is_empty("AuditLog", import_module("companion.tools").AuditLog)
