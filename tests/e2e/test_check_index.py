"""``generate --check-index``: a copy of the training data is told in the report, anything else is not called one."""

import json

from partimento.cli.main import main


def test_a_copy_is_told_in_the_report(tmp_path, capsys):
    train = tmp_path / "train"
    train.mkdir()
    for seed in (1, 2, 3):
        code = main(["generate", "waltz for piano", "--bars", "12", "--seed", str(seed), "-o", str(train / f"{seed}.wav"),
                     "--midi-out", str(train / f"{seed}.mid"), "--no-audio-report", "--quiet"])  # fmt: skip
        assert code == 0
    index = tmp_path / "index.npz"
    assert main(["evaluate", "memorization", "--index", str(train), "-o", str(index), "--quiet", "--jobs", "1"]) == 0
    found = {}
    for seed in (2, 9):
        report = tmp_path / f"{seed}.json"
        again = ["generate", "waltz for piano", "--bars", "12", "--seed", str(seed), "-o", str(tmp_path / "o.wav")]
        assert main([*again, "--check-index", str(index), "--report", str(report), "--no-audio-report", "--quiet"]) == 0
        body = json.loads(report.read_text())
        found[seed] = [f["verdict"] for f in body["findings"] if f["control"] == "memorization"]
    assert "fail" in found[2], found
    assert found[9], found
    assert "fail" not in found[9], found
    capsys.readouterr()
    assert main([*again, "--check-index", str(tmp_path / "none.npz")]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
