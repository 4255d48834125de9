"""Long experiments in stages: what is finished is kept, so that Ctrl-C loses the last minutes only.

Results of stages and checkpoints of training lie in the user's cache until the experiment is done.
What a stage was told is part of its name: with other settings it is measured anew.
"""

import contextlib
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from companion._files import user_cache, write_whole


class Stages:
    """The finished stages of one experiment.

    Attributes:
        folder: For files of the experiment, such as checkpoints.
    """

    def __init__(self, folder: Path) -> None:
        """Use a folder, which may hold stages of an earlier run."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what ``make`` returns, or what it returned in a run that was stopped later.

        Args:
            name: Of the stage; a part of a file name.
            make: Measures it. What it returns must be what JSON can hold.
        """
        file = self.folder / f"{name}.json"
        if not file.is_file():
            write_whole(file, json.dumps(make()))
        return json.loads(file.read_text(encoding="utf-8"))


@contextlib.contextmanager
def stages(experiment: str, **settings: Any) -> Iterator[Stages]:
    """Open the stages of an experiment; when the block ends well, they are removed.

    Args:
        experiment: Its name.
        settings: All that its results depend on, as far as JSON can hold it.
    """
    stated = json.dumps(settings, sort_keys=True)
    digest = hashlib.sha256(stated.encode()).hexdigest()[:12]
    folder = user_cache("experiments") / f"{experiment}-{digest}"
    yield Stages(folder)
    shutil.rmtree(folder)
