"""docs/data.md names what there is."""

import re
from pathlib import Path

from partimento.data.datasets.registry import LAYOUTS
from partimento.data.pull import sources

TEXT = (Path(__file__).parents[3] / "docs" / "data.md").read_text(encoding="utf-8")


def test_every_layout_and_source_is_in_the_tables() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \|", TEXT, re.MULTILINE)
    assert rows == [*LAYOUTS, *sources()]
    for source in sources().values():
        assert f"{source.commit[:7]} of {source.repository}" in TEXT
