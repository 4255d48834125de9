"""The shape of the package: who may import whom, who owns a library, where a module is tested."""

import ast
import re
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

import companion

ROOT = Path(companion.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
BOOK = ROOT.parent / "book"
TESTS = Path(__file__).parent
EXPERIMENTS = sorted((BOOK / "_experiments").glob("*.py"))

# From the bottom up. A module may import from its own layer and from those below it. Of several
# names that match a module, the longest counts.
LAYERS = [
    [
        "companion",
        "companion.errors",
        "companion._checks",
        "companion._claim",
        "companion._extras",
        "companion._faces",
        "companion._files",
        "companion._http",
        "companion._interface",
        "companion._markup",
        "companion._notebook",
        "companion._words",
        "companion.hosted",
        "companion.phrases",
    ],
    [
        "companion.generation",  # the package itself: a docstring
        "companion.generation.logits",
        "companion.generation.sampling",
        "companion.generation.stopping",
        "companion._shapes",
        "companion.losses",
        "companion.advantages",
        "companion.number_text",
        "companion.linear_layers",
        "companion.lora",
        "companion.adapters",
        "companion.quantization",
    ],
    [
        "companion.chat_template",
        "companion.messages",
        "companion.reasoning",
        "companion.prompts",
        "companion.models",
        "companion.rewards",
        "companion.rag",
    ],
    [
        "companion.generation.params",
        "companion.generation.sequences",
        "companion.generation.batching",
        "companion.generation.forward",
        "companion.generation.llama",
        "companion.generation.plain_llama",
        "companion.generation.cache",
        "companion.generation.scoring",
        "companion.generation.beam_search",
        "companion.generation.decoding",
        "companion.training",
        "companion.prompts.evaluation",
        "companion.prompts.judging",
        "companion.quantization.memory",
        "companion.tools",
    ],
    ["companion.backends", "companion.rag.pipeline"],
    ["companion.chatbot", "companion.serving"],
    ["companion.pocket", "companion.exercises", "companion.__main__"],
]

# Libraries that take long to import or change often, and the one place that imports each.
OWNERS = {
    "transformers": [
        "companion.models.loading",
        "companion.models.gguf_file",
        "companion.models.open_model",
        "companion.models.quantized",
        "companion.training",
        "companion.linear_layers",
        "companion.pocket",
        "companion.tools.tool",
    ],
    "huggingface_hub": ["companion.models.hub"],
    "trl": ["companion.training"],
    "peft": ["companion.lora", "companion.training"],
    "bitsandbytes": [],  # optional: see companion._extras.require
    "faiss": ["companion.rag.neighbors"],
    "sentence_transformers": ["companion.rag.embeddings"],
    "langchain_core": ["companion.rag.retriever", "companion.prompts"],
    "langchain_text_splitters": [],  # compared with in tests and on a page
    "chardet": [],  # this and the next: optional, see companion._extras.require
    "webencodings": [],
    "starlette": [
        "companion.chatbot.web",
        "companion.chatbot.guard",
        "companion.serving.app",
        "companion.serving.gate",
    ],
    "uvicorn": ["companion.chatbot.web", "companion.serving.launch"],
    "openai": [],  # this and the next: optional, see companion._extras.require
    "mcp": [],
    "prompt_toolkit": ["companion.chatbot.keyboard"],
    "datasets": ["companion.training"],
    "accelerate": ["companion.training"],
    "matplotlib": [],
    "IPython": ["companion.exercises.grading.magics"],
    "jupytext": ["companion.exercises.grading.cells"],
    "langchain_community": [],
}


def module_name(path: Path) -> str:
    inside = path.is_relative_to(ROOT)
    parts = [*path.relative_to(ROOT.parent if inside else BOOK).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(parsed(path)))


@cache
def imports(path: Path, *, for_types: bool = True) -> tuple[str, ...]:
    """Return every module that a file imports, at the top or inside a function.

    Args:
        path: The file.
        for_types: Whether those count that only annotations need: nothing loads them.
    """
    top = [node for node in parsed(path).body if for_types or not is_for_types(node)]
    found = []
    for node in (inner for outer in top for inner in ast.walk(outer)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = absolute(path, node)
            names = [f"{origin}.{alias.name}" for alias in node.names]
            found += [name if is_module(name) else origin for name in names]
    return tuple(found)


def is_for_types(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def absolute(path: Path, node: ast.ImportFrom) -> str:
    """Return the module that an import names, `from . import x` resolved."""
    if not node.level:
        return node.module
    inside = path.is_relative_to(ROOT)
    package = [*path.relative_to(ROOT.parent if inside else BOOK).parent.parts]
    return ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])


def module_file(name: str) -> Path:
    path = ROOT.parent / Path(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def is_module(name: str) -> bool:
    return within(name, "companion") and module_file(name).is_file()


def within(name: str, parent: str) -> bool:
    return f"{name}.".startswith(f"{parent}.")


def layer(name: str) -> int:
    """Return the number of a module's layer. The root package matches only itself."""
    matches = [
        (len(entry), number)
        for number, entries in enumerate(LAYERS)
        for entry in entries
        if entry == name or (entry != "companion" and within(name, entry))
    ]
    assert matches, f"{name} is in no layer: add it to LAYERS in {Path(__file__).name}"
    return max(matches)[1]


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_point_down(path: Path) -> None:
    name = module_name(path)
    if name == "companion":  # its names are lazy: see test_import_loads_nothing_heavy
        return

    upward = [
        target
        for target in imports(path)
        if within(target, "companion") and layer(target) > layer(name)
    ]

    assert upward == []


@cache
def defined_in(path: Path) -> set[str]:
    """Return the names at the top of a module that it does not import from another of ours."""
    borrowed = {
        alias.asname or alias.name
        for node in nodes(path)
        if isinstance(node, ast.ImportFrom) and within(absolute(path, node), "companion")
        for alias in node.names
    }
    return set(dir(import_module(module_name(path)))) - borrowed


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_a_name_is_imported_from_where_it_is_defined(path: Path) -> None:
    second_addresses = [
        f"{origin}.{alias.name}"
        for node in nodes(path)
        if isinstance(node, ast.ImportFrom)
        and is_module(origin := absolute(path, node))
        and (file := module_file(origin)).name != "__init__.py"  # a face: see test_faces
        for alias in node.names
        if alias.name not in defined_in(file)
    ]

    assert second_addresses == []


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_an_exception_that_packages_share_is_one_of_errors(path: Path) -> None:
    package = module_name(path).rpartition(".")[0]
    strays = [
        f"{origin}.{alias.name}"
        for node in nodes(path)
        if isinstance(node, ast.ImportFrom)
        and within(origin := absolute(path, node), "companion")
        and origin != "companion.errors"
        and not within(origin, package)
        for alias in node.names
        if alias.name.endswith("Error")
    ]

    assert strays == []


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_nothing_imports_the_pocket_code_but_itself(path: Path) -> None:
    if within(module_name(path), "companion.pocket"):
        return

    assert [name for name in imports(path) if within(name, "companion.pocket")] == []


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_the_package_imports_no_experiment_and_no_tool_of_the_book(path: Path) -> None:
    book = {"_experiments", *(file.stem for file in (BOOK / "_tools").glob("*.py"))}

    assert [name for name in imports(path) if name.partition(".")[0] in book] == []


@pytest.mark.parametrize("path", EXPERIMENTS, ids=module_name)
def test_no_experiment_imports_another(path: Path) -> None:
    origins = [
        (absolute(path, node), alias.name)
        for node in nodes(path)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    inside = [
        (f"{origin}.{name}" if origin == "_experiments" else origin).removeprefix("_experiments.")
        for origin, name in origins
        if within(origin, "_experiments")
    ]

    assert [name for name in inside if not name.startswith("_")] == []


def test_no_page_imports_an_experiment() -> None:
    pages = sorted((BOOK / "notebooks").rglob("*.ipynb"))

    assert [page.stem for page in pages if "import _experiments" in page.read_text("utf-8")] == []
    assert [page.stem for page in pages if "from _experiments" in page.read_text("utf-8")] == []


@pytest.mark.parametrize("path", sorted((ROOT / "tools").glob("*.py")), ids=module_name)
def test_tools_know_no_model(path: Path) -> None:
    rooms = ["companion.backends", "companion.generation", "companion.models", "torch"]

    assert [name for name in imports(path) if any(within(name, room) for room in rooms)] == []


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_each_heavy_library_has_one_owner(path: Path) -> None:
    name = module_name(path)

    strays = [
        target
        for target in imports(path, for_types=False)
        for library, owners in OWNERS.items()
        if within(target, library) and not any(within(name, owner) for owner in owners)
    ]

    assert strays == []


@pytest.mark.parametrize("path", [*MODULES, *EXPERIMENTS], ids=module_name)
def test_a_module_has_at_most_300_lines_and_a_docstring(path: Path) -> None:
    source = path.read_text(encoding="utf-8")

    assert len(source.splitlines()) <= 300
    assert ast.get_docstring(parsed(path))


@pytest.mark.parametrize("path", [*MODULES, *EXPERIMENTS], ids=module_name)
def test_a_function_has_at_most_55_lines_without_its_docstring(path: Path) -> None:
    too_long = []
    for node in nodes(path):
        if isinstance(node, ast.FunctionDef):
            start = node.body[1 if ast.get_docstring(node) else 0 :] or node.body
            if node.end_lineno - start[0].lineno + 1 > 55:
                too_long.append(node.name)

    assert too_long == []


def needs_no_tests_of_its_own(path: Path) -> bool:
    """Tell the face of a package, a few lines, and exercises: one test runs all of these."""
    source = path.read_text(encoding="utf-8")
    functions = [node for node in nodes(path) if isinstance(node, ast.FunctionDef)]
    return (
        (path.name == "__init__.py" and not functions)
        or len(source.splitlines()) < 15
        or path.is_relative_to(ROOT / "exercises" / "catalog")
    )


def file_of_tests(path: Path) -> Path:
    """Return where the tests of a module are; those of a package are named after the package."""
    place = path.relative_to(ROOT)
    place = place.parent if path.name == "__init__.py" else place.with_suffix("")
    return TESTS / place.parent / f"test_{place.name.strip('_')}.py"


@pytest.mark.parametrize(
    "path", [path for path in MODULES if not needs_no_tests_of_its_own(path)], ids=module_name
)
def test_a_module_has_a_file_of_tests_with_its_name(path: Path) -> None:
    tests = file_of_tests(path)

    assert tests.is_file(), f"write {tests.relative_to(ROOT.parent)}"
    assert "\ndef test_" in tests.read_text(encoding="utf-8")


def leads_somewhere(name: str) -> bool:
    """Tell whether a dotted name is that of a module, or of something in one."""
    parts = name.split(".")
    known = max(n for n in range(1, len(parts) + 1) if is_module(".".join(parts[:n])))
    thing = import_module(".".join(parts[:known]))
    for part in parts[known:]:
        if not hasattr(thing, part):
            return part in getattr(thing, "__annotations__", ())  # a field without a default
        thing = getattr(thing, part)
    return True


@pytest.mark.parametrize("path", [*MODULES, *EXPERIMENTS], ids=module_name)
def test_a_name_in_a_docstring_or_a_comment_leads_somewhere(path: Path) -> None:
    names = re.findall(r"`(companion(?:\.\w+)+)`", path.read_text(encoding="utf-8"))

    assert [name for name in names if not leads_somewhere(name)] == []


def test_the_name_of_a_class_means_one_thing() -> None:
    places: dict[str, list[str]] = {}
    for path in MODULES:
        for node in parsed(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(module_name(path))

    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_no_module_is_called_utils() -> None:
    names = {part for path in MODULES for part in path.relative_to(ROOT).with_suffix("").parts}

    assert not names & {"utils", "util", "helpers", "misc", "common"}


@pytest.mark.parametrize("statement", ["import companion", "import companion.__main__"])
def test_import_loads_nothing_heavy(statement: str) -> None:
    heavy = ["torch", "transformers", "huggingface_hub", "numpy", "tokenizers", "safetensors"]
    code = f"import sys\n{statement}\nprint([m for m in {heavy} if m in sys.modules])"

    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT.parent, check=True
    )

    assert output.stdout.strip() == "[]"
    assert output.stderr == ""


def test_the_lazy_names_are_there() -> None:
    from companion.generation import decoding, params
    from companion.models import load

    assert companion.load is load
    assert companion.generate is decoding.generate
    assert companion.stream is decoding.stream
    assert companion.SamplingParams is params.SamplingParams
    assert set(companion.__all__) <= set(dir(companion))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'companion' has no attribute 'nothing'"):
        _ = companion.nothing
