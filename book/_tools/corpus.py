"""Write the snapshot of the book that the pages on retrieval search: companion/rag/data/book.json.

python book/_tools/corpus.py
"""

from __future__ import annotations

import datetime
import json
import sys
from pathlib import Path

SECTIONS = ("start", "gpt", "training", "prompting", "open-models")
SKIPPED = ("Try it", "Check yourself")  # questions
ROOT = Path(__file__).resolve().parents[2]


def snapshot(root: Path) -> dict:
    """Return the prose of the pages, section by section.

    Args:
        root: The repository.

    Returns:
        The date, and a text with its metadata for each section.
    """
    sys.path.insert(0, str(root))
    from companion.rag.documents import load_documents

    sections = []
    for folder in SECTIONS:
        for document in load_documents(root / "book" / folder, pattern="*.md"):
            metadata = document.metadata
            exercises = metadata["source"] == "exercises.md"
            if not exercises and metadata.get("heading") not in SKIPPED:
                source = f"{folder}/{metadata['source']}"
                sections.append({"metadata": metadata | {"source": source}, "text": document.text})
    return {"date": datetime.date.today().isoformat(), "sections": sections}


def main() -> None:
    """Write the file and say what is in it."""
    hashes = snapshot(ROOT)
    target = ROOT / "companion" / "rag" / "data" / "book.json"
    target.write_text(json.dumps(hashes, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    print(f"{target.relative_to(ROOT)}: {len(hashes['sections'])} sections")


if __name__ == "__main__":
    main()
