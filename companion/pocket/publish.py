"""Ship a finished run: copy its weights into the package, evaluate them and record the results.

    python -m companion.pocket.publish runs/base --hardware "2 CPU cores of ..."
    python -m companion.pocket.publish runs/chat --role chat --hardware "1 CPU core of ..."

Commit the result only if the table is better than the one before: weights make the repository grow.
"""

import argparse
import datetime
import hashlib
import json
import shutil
import sys
from pathlib import Path

import torch

from companion._files import write_whole
from companion.errors import CompanionError
from companion.models import load

from .evaluate import evaluate, table

PACKAGE = Path(__file__).parent
CARD_MARKS = (
    "<!-- evaluation: written by companion.pocket.publish -->\n",
    "<!-- end of evaluation -->\n",
)
MAX_BYTES = 12_000_000
RECORDS = {
    "base": ("evaluation", "pretrain"),
    "chat": ("evaluation_chat", "post_train_chat"),
    "reward": ("evaluation_reward", "post_train_reward"),
}
"""Records of each role: what the model can do, and how it was trained."""


def checksums(weights: Path) -> str:
    """Return one line ``sha256  path`` for each file below ``weights``, sorted by path."""
    files = sorted(
        path for path in weights.rglob("*") if path.is_file() and path.name != "SHA256SUMS"
    )
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(weights).as_posix()}\n"
        for path in files
    )


def loss_record(run: Path, *, hardware: str, points: int = 300) -> dict[str, object]:
    """Return the loss curve of ``run`` as about ``points`` averages, with its time and hardware."""
    log = [
        json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    size = max(1, len(log) // points)
    groups = [log[i : i + size] for i in range(0, len(log) - size + 1, size)]
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "hardware": hardware,
        "hours": round(log[-1]["seconds"] / 3600, 2),
        "steps": log[-1]["step"],
        "tokens": [group[-1]["tokens"] for group in groups],
        "loss": [round(sum(record["loss"] for record in group) / size, 4) for group in groups],
    }


def write_card(path: Path, results: dict[str, dict[str, object]]) -> None:
    """Replace the table in the model card."""
    before, rest = path.read_text(encoding="utf-8").split(CARD_MARKS[0])
    after = rest.split(CARD_MARKS[1])[1]
    write_whole(path, f"{before}{CARD_MARKS[0]}\n{table(results)}\n\n{CARD_MARKS[1]}{after}")


def publish(
    run: Path, *, hardware: str, role: str = "base", package: Path = PACKAGE
) -> dict[str, dict[str, object]]:
    """Copy, check, evaluate and record.

    Args:
        run: Folder of a finished run, with ``model`` and ``log.jsonl``.
        hardware: What it was trained on, for the record.
        role: "base", "chat" or "reward".
        package: Folder with weights, data and cards.

    Returns:
        The evaluation.

    Raises:
        ValueError: If the weights are larger than a checkpoint may be.
    """
    model_folder, weights = run / "model", package / "weights"
    size = (model_folder / "model.safetensors").stat().st_size
    if size > MAX_BYTES:
        raise ValueError(
            f"the weights have {size:,} bytes, more than the {MAX_BYTES:,} that a checkpoint may "
            "have; train a smaller model"
        )
    shutil.copytree(model_folder, weights / role, dirs_exist_ok=True)
    write_whole(weights / "SHA256SUMS", checksums(weights))
    with torch.inference_mode():
        results = evaluate(*load(weights / role), role=role)
    data = package / "data"
    data.mkdir(exist_ok=True)
    evaluation, training = RECORDS[role]
    write_whole(data / f"{evaluation}.json", json.dumps(results, indent=1) + "\n")
    write_whole(data / f"{training}.json", json.dumps(loss_record(run, hardware=hardware)) + "\n")
    write_card(package / "cards" / f"{role}.md", results)
    return results


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m companion.pocket.publish",
        description="Ship the weights of a finished run with this package.",
    )
    parser.add_argument("run", type=Path, help="folder given to pretrain or post_train as --out")
    parser.add_argument(
        "--role", choices=RECORDS, default="base", help="which model (default: %(default)s)"
    )
    parser.add_argument(
        "--hardware", required=True, help="what the run was trained on, for the record"
    )
    options = parser.parse_args(arguments)
    try:
        print(table(publish(options.run, hardware=options.hardware, role=options.role)))  # noqa: T201
    except (CompanionError, ValueError, OSError) as error:
        print(f"nothing to publish: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
