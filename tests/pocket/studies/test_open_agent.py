"""Questions of the open model need both of their notes."""

from companion.pocket.studies import open_agent


def test_open_questions_need_both_of_their_notes():
    for question, (first, second), city in open_agent.open_questions(8):
        person = question.split("boss of ")[1].split(" ")[0]

        assert f"boss of {person} is" in first
        assert city in second
        assert person not in second
