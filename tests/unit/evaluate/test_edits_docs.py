"""The tables and pictures of docs/editing.md are those that the program would write now."""

from pathlib import Path

import pytest

from partimento.errors import ParseError
from partimento.evaluate.edits_docs import TABLES, renewed
from partimento.evaluate.edits_pictures import EDITS, draw_all
from partimento.plan.edit import OPERATIONS

PAGE = Path(__file__).parents[3] / "docs" / "editing.md"


def test_tables_are_current():
    text = PAGE.read_text(encoding="utf-8")
    assert renewed(text) == text, "run: partimento evaluate edits --docs docs/editing.md"


def test_a_page_without_a_table_is_refused():
    with pytest.raises(ParseError, match="operations"):
        renewed("# Editing\n")


def test_tables_name_every_operation():
    assert all(f"`{op}`" in TABLES["operations"]() for op in OPERATIONS)


@pytest.mark.parametrize("name", [name for name, _, _ in EDITS])
def test_pictures_are_there_and_shown(name):
    assert f"(pictures/{name})" in PAGE.read_text(encoding="utf-8")
    assert (PAGE.parent / "pictures" / name).stat().st_size > 10_000


@pytest.mark.slow
def test_pictures_are_drawn(tmp_path):
    assert [p.name for p in draw_all(tmp_path)] == [name for name, _, _ in EDITS]
