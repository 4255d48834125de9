"""Redo a recorded run: ``python book/_experiments`` lists them all.

Python puts this folder first in its path. Its modules are those of a package, which is found in the
folder above, and `companion` in the folder above that.
"""

import sys
from pathlib import Path

BOOK = Path(__file__).resolve().parents[1]
sys.path[:1] = [str(BOOK), str(BOOK.parent)]

from _experiments._command import main  # noqa: E402

sys.exit(main())
