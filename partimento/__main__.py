"""``python -m partimento``."""

import sys

from partimento.cli.main import main

sys.exit(main())
