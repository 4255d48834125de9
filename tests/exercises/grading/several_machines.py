"""A small class, graded in shards by commands as on several machines, and put together."""

from companion.__main__ import main

TWO = ["--exercises", "causal-mask", "attention-head"]


def write_class(folder, count=12):
    folder.mkdir(parents=True)
    for number in range(count):
        letters = chr(97 + number) * 3
        file = f"doe{letters}_{100 + number}_{9000 + number}_hw.py"
        (folder / file).write_text(f"x = {number}\n")
    return folder


def grade(folder, *options, seed="a long secret", out="grades.csv"):
    """Grade on the machine that ``folder`` lies on."""
    place = str(folder.parent / out)
    return main(["grade", str(folder), "--out", place, "--seed", seed, *TWO, *options])


def merge(place, *shards, out="grades.csv", options=()):
    return main(["grade", "--merge", *map(str, shards), "--out", str(place / out), *options])


def shards_of(tmp_path, of=3, count=12):
    """Grade a class on as many machines as there are shards; returns their files."""
    files = []
    for number in range(1, of + 1):
        folder = write_class(tmp_path / f"machine-{number}" / "class", count)
        assert grade(folder, "--shard", f"{number}/{of}") == 0
        files.append(folder.parent / f"grades.csv.shard-{number}-of-{of}")
    return files


def results(place):
    """Everything that a run has written beside the CSV, byte for byte."""
    return {
        str(path.relative_to(place)): path.read_bytes()
        for path in sorted(place.rglob("*"))
        if path.is_file()
        and "grades" in str(path.relative_to(place))
        and ".shard-" not in path.name
    }
