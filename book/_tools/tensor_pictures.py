"""Draw the tensor pictures, which pages show by ``{tensor}`` and their name.

    python book/_tools/tensor_pictures.py            draw all, delete what is drawn no more
    python book/_tools/tensor_pictures.py --check    are the stored ones those that would be drawn?

The drawings are in ``book/_static/tensors``, so that notebooks can show them from the site.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from project import Project, find_project
from tensor_drawing import Drawing

FOLDER = Path("_static") / "tensors"


def pictures() -> dict[str, Callable[[], Drawing]]:
    """All pictures by name. Imports what computes their numbers."""
    from pictures import applications, gpt, training

    functions = [
        gpt.bpe_merges,
        gpt.embedding_lookup,
        gpt.head_split,
        gpt.causal_mask,
        gpt.residual_stream,
        gpt.growing_cache,
        gpt.grouped_queries,
        training.packing,
        training.completion_loss,
        training.rewards_per_token,
        training.reward_reading,
        training.lora_beside,
        applications.nf4_block,
        applications.chunk_overlap,
        applications.rag_prompt,
        applications.tool_loop,
        applications.image_patches,
    ]
    return {function.__name__.replace("_", "-"): function for function in functions}


def picture_path(project: Project, name: str) -> Path:
    """Where a picture is kept."""
    return project.book / FOLDER / f"{name}.svg"


def main(arguments: list[str] | None = None, project: Project | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args(arguments)
    drawn = {name: draw().svg() for name, draw in pictures().items()}
    return update(project or find_project(), drawn, check_only=options.check)


def update(project: Project, drawn: dict[str, str], *, check_only: bool = False) -> int:
    """Store what was drawn, and delete what was not.

    Args:
        project: The checkout.
        drawn: For each name the SVG.
        check_only: Tell what would be done, and do nothing.

    Returns:
        Exit status: 1 if ``check_only`` and something is to be done, else 0.
    """
    wanted = {picture_path(project, name): svg for name, svg in drawn.items()}
    stored = {path: path.read_text("utf-8") for path in (project.book / FOLDER).glob("*.svg")}
    changed = sorted(path for path, svg in wanted.items() if stored.get(path) != svg)
    unused = sorted(set(stored) - set(wanted))
    if check_only:
        for path in [*changed, *unused]:
            print(f"error: {path.name} is not what would be drawn", file=sys.stderr)
        if changed or unused:
            print("run: make diagrams", file=sys.stderr)
            return 1
        print(f"{len(wanted)} tensor pictures are as they would be drawn")
        return 0
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
    for path in unused:
        path.unlink()
    print(f"{len(wanted)} tensor pictures: {len(changed)} drawn, {len(unused)} deleted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
