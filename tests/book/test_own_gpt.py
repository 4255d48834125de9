"""The model that is trained is the one that was built: two pages show the same classes."""

import ast
import re
from pathlib import Path

import pytest

BOOK = Path(__file__).parents[2] / "book"


def class_source(page: str, name: str) -> str:
    """Return a class of a page as Python writes it, so that only the code counts."""
    text = (BOOK / page).read_text(encoding="utf-8")
    for cell in re.findall(r"```\{code-cell\} ipython3\n(.*?)```", text, re.DOTALL):
        code = re.sub(r"\A(---\n.*?\n---\n|:tags:[^\n]*\n)", "", cell, flags=re.DOTALL)
        for node in ast.parse(code).body if f"class {name}(" in code else ():
            if isinstance(node, ast.ClassDef) and node.name == name:
                return ast.unparse(node)
    raise LookupError(f"{page} has no class {name}")


@pytest.mark.parametrize("name", ["Block", "MiniGPT"])
def test_the_model_that_is_trained_is_the_one_that_was_built(name):
    built = class_source("gpt/architecture.md", name)

    assert class_source("training/your-own-gpt.md", name) == built
