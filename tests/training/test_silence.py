"""What training libraries print and draw is held back, and only for a while."""

import logging
import warnings

import pytest
from transformers.utils import logging as transformers_logging

from companion.errors import MissingExtraError
from companion.training.silence import library, silence


@pytest.fixture
def loud():
    """Everything as a user has it who wants to see all of it."""
    datasets = library("datasets")
    level, bars = (
        transformers_logging.get_verbosity(),
        transformers_logging.is_progress_bar_enabled(),
    )
    transformers_logging.set_verbosity_info()
    transformers_logging.enable_progress_bar()
    datasets.utils.enable_progress_bars()
    yield datasets.utils
    transformers_logging.set_verbosity(level)
    if not bars:
        transformers_logging.disable_progress_bar()


def test_logs_and_bars_are_off_inside_and_as_before_after_it(loud) -> None:
    with silence():
        inside = (
            transformers_logging.get_verbosity(),
            transformers_logging.is_progress_bar_enabled(),
            loud.are_progress_bars_disabled(),
        )

    assert inside == (logging.ERROR, False, True)
    assert transformers_logging.get_verbosity() == logging.INFO
    assert transformers_logging.is_progress_bar_enabled()
    assert not loud.are_progress_bars_disabled()


def test_an_error_inside_restores_them_too(loud) -> None:
    with pytest.raises(KeyError), silence():
        raise KeyError

    assert transformers_logging.get_verbosity() == logging.INFO
    assert transformers_logging.is_progress_bar_enabled()


def test_what_was_off_stays_off(loud) -> None:
    transformers_logging.disable_progress_bar()
    loud.disable_progress_bars()

    with silence():
        pass

    assert not transformers_logging.is_progress_bar_enabled()
    assert loud.are_progress_bars_disabled()


def test_one_warning_is_held_back_and_no_other() -> None:
    with silence():
        warnings.warn("the name gradient_checkpointing was replaced", FutureWarning, stacklevel=1)
        with pytest.raises(FutureWarning, match="another name"):  # warnings are errors here
            warnings.warn("another name was replaced", FutureWarning, stacklevel=1)


def test_a_library_that_is_missing_names_its_extra() -> None:
    with pytest.raises(MissingExtraError, match="the extra 'train'"):
        library("surely_not_installed")
