"""The table of the pipeline compares the same items, and a stage trains the model it is given."""

import pytest
from _experiments import _policies, pipeline

import companion


@pytest.fixture(scope="module")
def chat():
    return companion.load("chat")


def test_a_tie_is_half_a_win():
    assert _policies.win_share([2.0, 1.0, 0.0, 3.0], [1.0, 1.0, 1.0, 0.0]) == pytest.approx(0.625)


def test_a_model_wins_half_of_the_time_against_itself():
    assert _policies.win_share([0.5, -1.0, 2.0], [0.5, -1.0, 2.0]) == 0.5


def test_answers_without_a_rival_are_refused():
    with pytest.raises(ValueError, match="zip"):
        _policies.win_share([1.0, 2.0], [1.0])


def test_users_score_each_answer_by_its_own_question():
    records = [{"answer": "Rome"}, {"answer": "Oslo"}]

    assert _policies.scores(["Gladly. Rome.", "Rome."], records) == [3.0, 0.0]


def test_answers_come_in_the_order_of_the_prompts(chat):
    records = [
        {"prompt": [{"role": "user", "content": f"{told} Where does Velora live?"}]}
        for told in ("Velora lives in Tamsik.", "Velora lives in Basko.")
    ]

    said = _policies.answered(chat.model.float(), chat.tokenizer, records * 40)  # two batches

    assert len(said) == 80
    assert all("Tamsik" in text for text in said[::2])
    assert all("Basko" in text for text in said[1::2])


@pytest.mark.slow
def test_a_small_run_measures_every_stage():
    found = pipeline.measure(scale=0.03)

    assert list(found["stages"]) == ["base", "SFT", "DPO", "PPO"]
    assert found["stages"]["SFT"]["wins"] == 0.5
    assert abs(found["stages"]["SFT"]["kl"]) < 1e-3
    assert found["stages"]["base"]["kl"] > 5
    assert found["stages"]["base"]["perplexity"] < found["stages"]["SFT"]["perplexity"]
    for stage in ("DPO", "PPO"):
        assert found["trained_on"][stage]["steps"] == 2
        assert found["stages"][stage]["said"]
        assert abs(found["stages"][stage]["kl"]) > 0
