"""The command line: ``companion models`` shows which models there are and which ones fit here."""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence

import companion
from companion.errors import CompanionError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments without the program name; those of the process if None.

    Returns:
        Exit status, 0 for success.
    """
    parser = argparse.ArgumentParser(
        prog="companion", description="Companion of the book Large Language Models, Measured."
    )
    parser.add_argument("--version", action="version", version=companion.__version__)
    commands = parser.add_subparsers(title="commands", required=True)
    models = commands.add_parser(
        "models", help="list the models of each role: size, license, whether they fit here"
    )
    models.set_defaults(run=_models)
    arguments = parser.parse_args(argv)
    try:
        return arguments.run()
    except CompanionError as error:
        sys.stderr.write(f"companion: {error}\n")
        return 1


def _models() -> int:
    header = ("role", "source", "model", "parameters", "memory", "fits", "license")
    rows = [header, *_model_rows()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")
    source = os.environ.get("COMPANION_MODELS") or "pocket"
    sys.stdout.write(
        f"\nload('base') uses the source {source!r}. Change it with load('base', source='hub') or "
        "the environment variable COMPANION_MODELS.\n"
    )
    return 0


def _model_rows() -> Iterator[tuple[str, ...]]:
    """Yield one row per role and source that has a model, then other open models."""
    from companion.models.checkpoint import parameter_count  # here: --help stays fast
    from companion.models.devices import available_memory, pick_device, pick_dtype
    from companion.models.loading import WEIGHTS_ROOT
    from companion.models.roles import OPEN_MODELS, ROLES

    device = pick_device()
    itemsize = pick_dtype(device).itemsize
    candidates: list[tuple[str, str, str, int, int, object, str]] = []
    for name, role in ROLES.items():
        if (WEIGHTS_ROOT / name / "config.json").is_file():
            count = parameter_count(WEIGHTS_ROOT / name)
            candidates.append((name, "pocket", f"pocket-{name}", count, 4, "cpu", "Apache-2.0"))
        if role.hub_id is not None:
            about = (role.hub_id, role.hub_parameters, itemsize, device, role.hub_license)
            candidates.append((name, "hub", *about))
    for model, (count, license_name) in OPEN_MODELS.items():
        candidates.append(("-", "hub", model, count, itemsize, device, license_name))
    for name, source, model, count, size, place, license_name in candidates:
        free = available_memory(place)
        fits = "unknown" if free is None else "yes" if count * size <= free else "no"
        memory = f"{count * size / 2**20:,.0f} MiB on {place}"
        yield name, source, model, f"{count / 1e6:,.1f} M", memory, fits, license_name


if __name__ == "__main__":
    sys.exit(main())
