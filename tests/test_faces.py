"""A package's face: its names, where they come from, and the map of its modules."""

import ast
import inspect
import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import companion
from companion._faces import lazy

ROOT = Path(companion.__file__).parent
FOLDERS = sorted(
    ".".join(["companion", *path.parent.relative_to(ROOT).parts])
    for path in ROOT.rglob("__init__.py")
    if path.parent != ROOT
    and "catalog" not in path.parts  # as many modules as the book has topics
    and path.parent.name != "corpus"  # a module for each kind of document
)
FACES = ["companion", *(name for name in FOLDERS if hasattr(import_module(name), "__all__"))]


def source(package: str) -> ast.Module:
    return ast.parse(Path(import_module(package).__file__).read_text(encoding="utf-8"))


def for_editors(package: str) -> dict[str, str]:
    """Return the module of each name that is imported under TYPE_CHECKING."""
    (block,) = [node for node in source(package).body if isinstance(node, ast.If)]
    return {alias.name: node.module for node in block.body for alias in node.names}


def for_python(package: str) -> dict[str, str]:
    """Return the module of each name, as `lazy` is told."""
    (call,) = [
        node.value
        for node in source(package).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
    ]
    homes = ast.literal_eval(call.args[1])
    return {name: f"{package}.{home}" for home, names in homes.items() for name in names.split()}


@pytest.mark.parametrize("package", FACES)
def test_python_editors_and_all_agree(package: str) -> None:
    names = set(import_module(package).__all__) - {"__version__"}

    assert for_python(package) == for_editors(package)
    assert names == set(for_python(package))


@pytest.mark.parametrize("package", FACES)
def test_each_name_comes_from_where_it_is_written(package: str) -> None:
    for name, home in for_python(package).items():
        thing = getattr(import_module(package), name)

        assert thing is getattr(import_module(home), name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert (thing.__module__, thing.__name__) == (home, name)


@pytest.mark.parametrize("package", FACES)
def test_no_name_is_that_of_a_module(package: str) -> None:
    """Once imported, the module would stand in the name's place."""
    modules = {module.name for module in pkgutil.iter_modules(import_module(package).__path__)}

    assert not modules & set(for_python(package))


@pytest.mark.parametrize("package", FACES)
def test_names_are_listed_and_others_refused(package: str) -> None:
    module = import_module(package)

    assert {*module.__all__, "__doc__"} <= set(dir(module))
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nothing'"):
        _ = module.nothing


def test_a_face_imports_nothing_before_it_is_asked() -> None:
    code = f"import sys\n{''.join(f'import {name}; ' for name in FACES)}\nprint(*sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT.parent, check=True
    )

    loaded = {name for name in done.stdout.split() if name.startswith("companion")}
    assert loaded == {*FACES, "companion._faces"}


def test_a_name_is_looked_up_each_time() -> None:
    look_up, _ = lazy("companion", {"errors": "HubError DataError"})

    assert look_up("DataError") is companion.errors.DataError
    with pytest.raises(AttributeError, match="module 'companion' has no attribute 'errors'"):
        look_up("errors")


@pytest.mark.parametrize("package", FOLDERS)
def test_the_map_of_a_folder_names_its_modules_and_no_others(package: str) -> None:
    module = import_module(package)
    modules = {found.name for found in pkgutil.iter_modules(module.__path__) if not found.ispkg}
    named = set(re.findall(r"`([a-z0-9_]+)`", module.__doc__))
    rows = {row.split("`")[1] for row in module.__doc__.splitlines() if row.startswith("`")}

    assert modules - {"__main__"} <= named
    assert {row for row in rows if "." not in row} <= modules


def python_of(path: Path) -> str:
    """Return a module, or the imports of a page's code cells."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return text
    cells = re.findall(r"^```\{code-cell\}.*?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    starts = r"^from companion[^\n(]+import (?:\([^)]*\)|[^\n]*)"
    return "\n".join(re.findall(starts, "\n".join(cells), re.MULTILINE))


def test_a_name_is_imported_from_where_it_is_written_or_from_a_face() -> None:
    book = ROOT.parent / "book"
    second = []
    for path in [*ROOT.rglob("*.py"), *book.rglob("*.py"), *book.rglob("*.md")]:
        for node in ast.walk(ast.parse(python_of(path))):
            if not isinstance(node, ast.ImportFrom) or node.level:
                continue
            if not (node.module or "").startswith("companion") or node.module in FACES:
                continue
            for name in (alias.name for alias in node.names):
                thing = getattr(import_module(node.module), name, None)
                home = getattr(thing, "__module__", "")
                is_named = inspect.isclass(thing) or inspect.isfunction(thing)
                if is_named and home.startswith("companion") and home != node.module:
                    second.append(f"{path.name}: {name} from {node.module}, written in {home}")

    assert second == []
