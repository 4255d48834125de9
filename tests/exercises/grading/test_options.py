"""The options of `companion grade`: what makes no sense is named."""

import os

import pytest

from companion.__main__ import main
from tests.exercises.grading.command import grade

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["class", "--merge", "x"], "--merge grades nothing: leave out class"),
        (["--merge", "x", "--section", "gpt"], "leave out --section"),
        (["--merge", "x", "--shard", "1/2"], "leave out --shard"),
        (["--merge", "g.csv"], "g.csv is one of the shards"),
        (["--merge", "x", "--seed", "short"], "--seed must have at least 8"),
        (["class", "--partial", "--seed", "a long secret"], "--partial is for --merge"),
        (["class"], "give --seed, the secret"),
        (["--seed", "a long secret"], "give FOLDER, which holds the submissions, or --merge"),
        (["class", "--seed", "a long secret", "--shard", "1/2", "--results-json", "x"],
         "are about one submission, without --shard"),
    ],
)  # fmt: skip
def test_options_that_make_no_sense_together_are_named(
    tmp_path, monkeypatch, capsys, options, problem
):
    monkeypatch.chdir(tmp_path)

    assert main(["grade", *options, "--out", "g.csv"]) == 1
    assert problem in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--exercises", "causal-msk"], "did you mean causal-mask"),
        (["--section", "gtp"], "sections are gpt, training"),
        (["--exercises", "gpt-and-bert"], "only exercises in words"),
        (["--jobs", "0"], "--jobs must be at least 1, not 0"),
        (["--memory", "10"], "--memory must be at least 256 MiB, not 10"),
    ],
)
def test_an_option_that_makes_no_sense_is_named(folder, capsys, options, problem):
    assert grade(folder, *options) == 1

    assert problem in capsys.readouterr().err
    assert not (folder.parent / "grades.csv").exists()


def test_folders_files_and_seeds_that_are_missing_are_named(folder, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "secret").write_text("short\n")
    for arguments, problem in (
        ({"folder": tmp_path / "nowhere"}, "is not a folder"),
        ({"folder": folder / "right.py"}, "is not a folder"),
        ({"folder": tmp_path / "empty"}, "is empty"),
        ({"folder": folder, "out": tmp_path / "no" / "g.csv"}, "there is no folder"),
        ({"folder": folder, "out": tmp_path}, "is a folder; name a file"),
        ({"folder": folder, "out": folder / "g.csv"}, "lies in the folder of the submissions"),
        ({"folder": folder, "seed": "1234"}, "at least 8 characters"),
        ({"folder": folder, "seed": f"@{tmp_path / 'secret'}"}, "at least 8 characters"),
        ({"folder": folder, "seed": "@nowhere.txt"}, "can't read this file"),
    ):
        assert grade(**arguments) == 1
        assert problem in capsys.readouterr().err
