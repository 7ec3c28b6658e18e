import pytest

from partimento.cli.main import main as cli
from partimento.evaluate import bench_data


def test_rows_of_the_data_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_data, "_WARM_UP", 0)
    monkeypatch.setattr(bench_data, "find_spec", lambda name: None)
    rows = bench_data.bench_data(1)
    assert [row.name.split(" with ")[0] for row in rows] == [
        "rendering composed pieces", "the same by the clock on the wall", "log-mel frames, from the file",
    ]  # fmt: skip
    assert all(row.figure > 0 for row in rows)
    assert rows[0].goal == ">= 80"
    assert rows[0].met is (rows[0].figure >= 80)


def test_too_few_items_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(["bench", "data", "--items", "2"]) == 2
    assert "outside 8 to 10000" in capsys.readouterr().err
