"""Where progress is kept, and what is left alone: devices, pipes, links, damaged files."""

import json
import os
import stat
import sys
import warnings
from pathlib import Path

import pytest

from companion import exercises as ex
from companion.exercises import catalog, records
from companion.exercises.records import Record

SOLUTION = catalog.find("causal-mask").solution
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="devices, pipes and links of Unix")


@pytest.fixture
def progress(tmp_path, monkeypatch):
    path = tmp_path / "progress.json"
    monkeypatch.setenv("COMPANION_PROGRESS", str(path))
    return path


def record(**fields):
    item = {"attempts": 1, "best": 0.5, "hints": 0, "solution": False, "solved": ""}
    return json.dumps({"version": 1, "exercises": {"x": item | {"unaided": False} | fields}})


def check_warns(*says):
    with pytest.warns(UserWarning, match="progress could not be") as caught:
        assert ex.check("causal-mask", SOLUTION).state == "right"

    for text in says:
        assert any(text in str(one.message) for one in caught), [str(one.message) for one in caught]


@pytest.mark.parametrize("name", ["null", "full", "zero"])
def test_a_device_is_no_progress_file_and_stays(name, make_device, monkeypatch):
    device = make_device(name)
    before, beside = os.stat(device), sorted(os.listdir(device.parent))
    monkeypatch.setenv("COMPANION_PROGRESS", str(device))

    check_warns(f"({device}): this is not a regular file")

    after = os.stat(device)
    assert stat.S_ISCHR(after.st_mode)
    assert (after.st_ino, after.st_rdev) == (before.st_ino, before.st_rdev)
    assert sorted(os.listdir(device.parent)) == beside


@pytest.mark.parametrize("kind", ["pipe", "folder", "link to a device", "link to a folder"])
def test_what_is_no_regular_file_stays_as_it_is(kind, progress, make_device):
    if kind == "pipe":
        os.mkfifo(progress)
    elif kind == "folder":
        progress.mkdir()
    else:
        progress.symlink_to(make_device() if "device" in kind else progress.parent)
    before = os.lstat(progress)

    check_warns("not a regular file")
    with pytest.warns(UserWarning, match="could not be read"):
        assert "0 of" in ex.progress()

    assert os.lstat(progress).st_ino == before.st_ino
    assert list(progress.parent.iterdir()) == [progress]


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_and_its_target_is_written(there, progress, tmp_path):
    target = tmp_path / "kept" / "mine.json"
    target.parent.mkdir()
    if there:
        target.write_text(record())
    progress.symlink_to(target)

    ex.check("causal-mask", SOLUTION)

    assert progress.is_symlink()
    assert "causal-mask" in json.loads(target.read_text())["exercises"]
    assert ("x" in records.read()) == there
    assert [one.name for one in target.parent.iterdir()] == ["mine.json"]


def test_a_loop_of_links_is_said(progress):
    progress.symlink_to(progress)

    check_warns("could not be saved")

    assert progress.is_symlink()


@pytest.mark.parametrize(
    "fields",
    [
        {"best": float("nan")},
        {"best": 999},
        {"best": -0.1},
        {"best": float("inf")},
        {"best": True},
        {"attempts": -1},
        {"hints": -3},
        {"attempts": 1.5},
        {"solved": None},
    ],
)
def test_a_record_that_can_not_be_is_set_aside(fields, progress):
    assert records.read() == {}
    progress.write_text(record())
    assert records.read()["x"].best == 0.5
    progress.write_text(record(**fields))

    with pytest.warns(UserWarning, match=r"can't be read .* is kept as progress.json.damaged-"):
        assert records.read() == {}

    assert [one.read_text() for one in progress.parent.iterdir()] == [record(**fields)]


def test_a_file_that_is_too_large_is_set_aside(progress, monkeypatch):
    monkeypatch.setattr(records, "_MOST_BYTES", 1000)
    progress.write_text(record() + " " * 1000)

    with pytest.warns(UserWarning, match="is kept as"):
        assert records.read() == {}


def test_a_damaged_file_that_can_not_be_set_aside_stays(progress, monkeypatch):
    progress.write_text("damaged")

    def refuse(self, target):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    check_warns("it is damaged", "can't be set aside, so it stays as it is")
    with pytest.warns(UserWarning, match="so it stays as it is"):
        assert records.read() == {}

    assert progress.read_text() == "damaged"
    assert list(progress.parent.iterdir()) == [progress]


@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write_is_said(progress):
    progress.write_text("damaged")
    progress.parent.chmod(0o555)
    try:
        check_warns("Permission denied")
        assert progress.read_text() == "damaged"
    finally:
        progress.parent.chmod(0o755)


@pytest.mark.parametrize("place", ["/proc/progress.json", "/proc/1/x/progress.json"])
def test_a_place_where_nobody_can_write_is_said(place, monkeypatch):
    monkeypatch.setenv("COMPANION_PROGRESS", place)

    check_warns(place, "Set COMPANION_PROGRESS to a file that you may write")


@pytest.mark.parametrize(
    ("path", "says"),
    [("", "no home folder of this user"), ("~nobody-of-this-name/p.json", "of ~nobody-of-this")],
)
def test_without_a_home_folder_answers_are_judged_and_nothing_is_kept(path, says, monkeypatch):
    monkeypatch.setenv("COMPANION_PROGRESS", path)

    def unknown(text):
        return text

    monkeypatch.setattr(os.path, "expanduser", unknown)

    check_warns(says)
    with pytest.warns(UserWarning, match="could not be"):
        assert "Hint 1" in ex.hint("causal-mask")
    with pytest.warns(UserWarning, match="could not be read"):
        assert "0 of" in ex.progress()
    with pytest.warns(UserWarning, match="could not be read"):
        assert "Try it first" in ex.solution("causal-mask")


@pytest.mark.parametrize("place", ["device", "folder"])
def test_a_report_replaces_files_only(place, progress, tmp_path, make_device):
    path = make_device() if place == "device" else tmp_path
    before = os.stat(path)

    with pytest.raises(OSError, match="this is not a regular file"):
        ex.report(path)

    assert (os.stat(path).st_ino, os.stat(path).st_mode) == (before.st_ino, before.st_mode)


def test_nothing_of_this_is_said_where_all_is_well(progress):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ex.check("causal-mask", SOLUTION)
        ex.check("causal-mask", SOLUTION)

    found = records.read()["causal-mask"]
    assert found == Record(2, 1.0, 0, solution=False, solved=found.solved, unaided=True)


def test_a_file_from_elsewhere_adds_and_takes_nothing_away(progress, tmp_path):
    records.update("x", lambda _: Record(5, 0.5, 2, True, "2026-02-01T00:00:00Z", False))
    records.update("y", lambda _: Record(1, 1.0, 0, False, "2026-03-01T00:00:00Z", True))
    other = tmp_path / "saved.json"
    other.write_text(
        record(attempts=2, best=1.0, solved="2026-01-01T00:00:00Z", unaided=True), encoding="utf-8"
    )

    text = str(ex.add_progress(other))
    ex.add_progress(other)

    assert "Added 1 exercise." in text
    assert records.read()["x"] == Record(5, 1.0, 2, True, "2026-01-01T00:00:00Z", True)
    assert records.read()["y"].solved


@pytest.mark.parametrize(
    "text", ['{"version": 2, "exercises": {}}', "[]", "x", record(best=3), "\xff"]
)
def test_a_file_that_cannot_be_added_changes_nothing(text, progress, tmp_path):
    records.update("y", lambda _: Record(1, 1.0, 0, False, "2026-03-01T00:00:00Z", True))
    before = progress.read_bytes()
    other = tmp_path / "saved.json"
    other.write_text(text, encoding="latin-1")

    with pytest.raises(ValueError, match=r"can't be added .*nothing was changed"):
        ex.add_progress(other)
    assert progress.read_bytes() == before
    assert other.exists()


def test_of_two_records_the_better_half_of_each_counts():
    mine, other = Record(1, 1.0, 3, False, "2026-03-01T00:00:00Z", True), Record(7, 0.5, 1, True)

    assert mine.merged(other) == other.merged(mine)
    assert mine.merged(other) == Record(7, 1.0, 3, True, "2026-03-01T00:00:00Z", True)
