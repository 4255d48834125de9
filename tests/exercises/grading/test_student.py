"""Names that platforms give to files say who has handed in."""

import pytest

from companion.exercises.grading.student import grouped

CANVAS = [
    "doejane_12345_67890_hw.ipynb",
    "doejane_12345_67891_data.csv",
    "leejo_LATE_22_67892_a_1.py",
]


def test_files_of_one_student_are_one_submission():
    moodle = ["Ann Lee_17_assignsubmission_file_", "Ann Lee_17_assignsubmission_onlinetext_"]
    first, last = "HW 1_jdoe_attempt_2026-01-31-10-20-30", "HW 1_jdoe_attempt_2026-02-01-10-20-30"
    board = [f"{first}_hw.py", f"{first}.txt", f"{last}_hw2.py"]

    found = grouped([*CANVAS, *moodle, *board, "other.py"][3:] + CANVAS)

    assert [(student.name, student.id, student.platform) for student, _ in found] == [
        ("Ann Lee", "17", "Moodle"), ("", "jdoe", "Blackboard"), ("", "", ""),
    ] + [("", "", "")] * 3  # fmt: skip  # too few look like Canvas to be sure
    assert [file for _, file in found[1][1]] == ["hw2.py"]
    canvas = grouped(CANVAS)
    assert [(student.name, student.id) for student, _ in canvas] == [
        ("doejane", "12345"),
        ("leejo", "22"),
    ]
    assert [file for _, file in canvas[0][1]] == ["hw.ipynb", "data.csv"]


def test_files_of_canvas_stand_in_the_order_of_their_numbers_and_none_hides_another():
    """A student handed in once more, late; 99999 comes before 100000, though not as text."""
    names = sorted([
        "doejane_12345_99999_hw.py", "doejane_LATE_12345_100000_hw.py", "doejane_12345_9_hw.py",
        "doejane_12345_text.html", "doejane_LATE_12345_text.html", "leejo_LATE_22_5_a.ipynb",
    ])  # fmt: skip

    found = grouped(names)

    files = {student.name: [(names[at], file) for at, file in files] for student, files in found}
    assert sorted(files) == ["doejane", "leejo"]
    assert files["doejane"] == [
        ("doejane_12345_text.html", "text.html"),
        ("doejane_LATE_12345_text.html", "text_2.html"),
        ("doejane_12345_9_hw.py", "hw.py"),
        ("doejane_12345_99999_hw.py", "hw_2.py"),
        ("doejane_LATE_12345_100000_hw.py", "hw_3.py"),
    ]
    own = [file for _, file in files["doejane"] if file.startswith("hw")]
    assert own == sorted(own)  # they run by name, and the last answer counts


def board(*heads):
    """Names as Blackboard gives them, later ones handed in later."""
    days = enumerate(heads, 1)
    return [f"{head}_attempt_2026-01-{day:02}-10-20-30_hw.py" for day, head in days]


@pytest.mark.parametrize(
    ("heads", "ids"),
    [
        (["HW 1_asmith", "HW 1_j_doe", "HW 1_m_doe"], ["asmith", "j_doe", "m_doe"]),
        (["HW_1_a_b", "HW_1_b", "HW_1_c_a_b"], ["a_b", "b", "c_a_b"]),
        (["HW 1_j", "HW 1_j_doe"], ["j", "j_doe"]),
        (["HW 1_jdoe", "HW 2_jdoe"], ["jdoe", "jdoe"]),  # two assignments, two submissions
        (["HW 1_j_doe"], ["HW 1_j_doe"]),  # who knows
        (["HW 1_j_doe", "HW 2_m_doe", "HW 2_lee"], ["HW 1_j_doe", "HW 2_m_doe", "lee"]),
        (["HW 1_ann_attempt_2026-01-09-00-00-00_x", "HW 1_lee"], ["ann", "lee"]),
    ],
)  # fmt: skip
def test_user_names_with_underscores_stay_apart(heads, ids):
    found = grouped(board(*heads))

    assert [student.id or student.name for student, _ in found] == ids


def test_of_several_attempts_with_underscores_the_last_counts():
    ((first, files), (other, _)) = grouped(board("HW_1_j_doe", "HW_1_j_doe", "HW_1_lee"))

    assert (first.id, other.id) == ("j_doe", "lee")
    assert [number for number, _ in files] == [1]


def test_names_that_only_look_like_canvas_are_not_put_together():
    names = ["hw_1_2_ann.py", "hw_1_2_lee.py", "hw_1_2_kim.py"]

    assert len(grouped(names)) == 3
