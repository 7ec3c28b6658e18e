import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from partimento.cli.main import main
from partimento.errors import RequestError
from partimento.evaluate import bench_lm as module
from partimento.evaluate.bench_lm import bench_lm, systems

FIGURES = {"load_s": 1.0, "total_s": 2.0, "first_s": 0.5, "peak_gb": 1.0, "codec_s": 0.2, "lm_s": 1.8}


def test_one_system_end_to_end(capsys):
    assert main(["bench", "lm", "--shape", "tiny", "--seconds", "1", "--only", "eager"]) == 0
    said = capsys.readouterr()
    assert "eager (1 of 1)" in said.err
    for part in ("prompt to waveform", "language model alone", "codec alone", "peak memory", "first sound"):
        assert f"eager: {part}" in said.out


def test_every_system_has_its_rows_and_the_best_run_counts(monkeypatch):
    runs: list[str] = []

    def measured(system, folder, seconds):
        runs.append(system)
        if system.startswith("long"):
            return {
                "cpu_30_s": 2.0,
                "cpu_300_s": 22.0,
                "wall_30_s": 1.0,
                "wall_300_s": 12.0,
                "resident_30_gb": 1.0,
                "resident_300_gb": 1.01,
            }
        speed = 8.0 if system.startswith("transformers") else 1.0
        return FIGURES | {"total_s": speed * (2.0 if len(runs) <= len(systems()) else 1.0)}

    monkeypatch.setattr(module, "_in_a_process", measured)
    monkeypatch.setattr(module, "write_checkpoint", lambda *_: None)
    rows = {row.name: row for row in bench_lm(2, 2.0, "tiny", [*systems(), "transformers"], say=lambda line: None)}
    names = [name for name in systems() if name != "long"]
    assert sorted(runs[: len(runs) // 2]) == sorted(runs[len(runs) // 2 :])
    speeds = [row for name, row in rows.items() if "prompt to waveform" in name]
    assert [row.figure for row in speeds] == [12.5 if name.startswith("transformers") else 100.0 for name in names]
    assert "8.00x transformers' best" in next(name for name in rows if name.startswith("eager: prompt"))
    assert [row.met for row in speeds].count(True) == 1
    long = [row for name, row in rows.items() if name.startswith("300 s beside 30 s")]
    assert [row.met for row in long] == [True, None, True]
    assert [row.figure for row in long[:2]] == [11.0, 12.0]


def test_refusals():
    with pytest.raises(RequestError, match="1 to 30"):
        bench_lm(seconds=31)
    with pytest.raises(RequestError, match="nothing here is called 'warp'; known: eager"):
        bench_lm(only=["warp"])
