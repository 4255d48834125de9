"""nbval runs the notebooks' kernels with the same environment as the tool that made them."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "_tools"))

from execution import KERNEL_ENVIRONMENT

os.environ.update(KERNEL_ENVIRONMENT)
