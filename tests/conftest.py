"""Helper modules beside the tests (``sf2_factory`` and the like) can be imported by every test."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
