import math
from pathlib import Path

import pytest
import torch

from partimento import checkpoints as manifests
from partimento.checkpoints import ManifestEntry, read_manifest
from partimento.cli.main import main as cli
from partimento.data.scores import ScoresConfig, build_scores, read_scores
from partimento.evaluate import release_score
from partimento.evaluate.score_model import Chain, asked_and_there, held_out_bits, markdown
from partimento.score_lm import loading
from partimento.score_lm.model import ScoreModel
from partimento.train.loop import Limits, Trainer
from partimento.train.recipe import recipe_from
from partimento.train.score import ScoreTask
from partimento.train.score_data import ScoreWindows
from partimento.train.state import checkpoints

torch.set_num_threads(1)
TINY = {
    "task": "score",
    "score_model": {"width": 32, "n_layers": 1, "n_heads": 2, "ffn": 64, "context": 256},
    "score": {"batch": 1, "shares": {"composed": 1.0}},
    "run": {"log_every": 1, "bf16": False},
}
ENTRY = ManifestEntry("tiny-score", "", "", "", 0, "CC0-1.0", "r", "c", "tunes", 1.0, "none", 1.0, {}, "x")


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    folder = tmp_path_factory.mktemp("scores")
    build_scores(ScoresConfig(folder, n_composed=3, seed=9))
    return [line | {"split": split} for line, split in zip(read_scores(folder), ("train", "train", "test"), strict=True)]


@pytest.fixture(scope="module")
def checkpoint(lines: list[dict[str, object]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = recipe_from(TINY)
    folder = tmp_path_factory.mktemp("run")
    windows = ScoreWindows(lines, recipe.score, recipe.score_model.vocabulary, recipe.score_model.context)
    Trainer(recipe, ScoreTask(recipe, windows), folder, device="cpu").run(Limits(steps=2))
    return checkpoints(folder)[-1]


def test_a_chain_by_hand() -> None:
    chain = Chain(1, 4)
    chain.learn("abab")
    # a and b twice each, of 4 tokens and 2 kinds: (2 + 2 / 4) / 6.
    assert chain.bits("", "a") == pytest.approx(-math.log2((2 + 2 * 0.25) / 6))
    # After a came b twice: (2 + 1 * p(b)) / 3.
    assert chain.bits("a", "b") == pytest.approx(-math.log2((2 + (2 + 2 * 0.25) / 6) / 3))
    assert sum(2 ** -chain.bits("a", w) for w in "abcd") == pytest.approx(1.0)


def test_an_untrained_model_knows_nothing_and_chains_know_something(lines: list[dict[str, object]]) -> None:
    model = ScoreModel(recipe_from(TINY).score_model).eval()
    (row,) = held_out_bits(model, lines)
    assert row.source == "composed"
    assert row.n_notes > 10
    assert row.per_token["model"] == pytest.approx(math.log2(len(model.config.vocabulary)), abs=0.3)
    assert row.per_note["told"] > row.per_note["model"]  # it has to say the traits, too, and makes nothing of them
    assert max(row.per_token["markov"], row.per_token["unigram"]) < row.per_token["model"]
    assert row.per_note["unigram"] == pytest.approx(row.per_token["unigram"] * row.n_tokens / row.n_notes)
    assert "| composed | 1 |" in markdown([row])


def test_metre_and_instruments_are_there_whatever_the_model_knows(checkpoint: Path) -> None:
    asked = asked_and_there(loading.load_score_model(str(checkpoint)), 3)
    assert (asked.metre, asked.instruments) == (1.0, 1.0)


def test_release_is_listed_checked_and_composes(
    checkpoint: Path, lines: list[dict[str, object]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed, table = release_score.export_score_model(checkpoint, lines, tmp_path, ENTRY, requests=0)
    assert "| composed | 1 |" in table
    assert read_manifest(tmp_path).models == (listed,)
    assert listed.bytes < 0.4 * (checkpoint / "model.safetensors").stat().st_size
    released = manifests.built_in("tiny-score", tmp_path)
    monkeypatch.setattr(manifests, "built_in", lambda name: released)
    loading.load_score_model.cache_clear()
    song, other = tmp_path / "song.mid", tmp_path / "other.mid"
    assert cli(["compose", "flute and guitar", "--bars", "4", "--engine", "lm", "-o", str(song), "--quiet"]) == 0
    rewrite = ["compose", "--engine", "lm", "--midi", str(song), "-o", str(other), "--quiet"]
    assert cli([*rewrite, "--rewrite-bars", "2-3"]) == 0
    assert other.read_bytes() != song.read_bytes()
    assert cli([*rewrite, "--add-bars", "4"]) == 0
    for bad in (["--rewrite-bars", "x"], ["--rewrite-bars", "2", "--add-bars", "1"], ["jazz", "--add-bars", "1"]):
        assert cli([*rewrite, *bad]) == 2
    assert cli(["compose", "--midi", str(song), "-o", str(other), "--add-bars", "1"]) == 2
    loading.load_score_model.cache_clear()


def test_bad_checkpoints_are_named(checkpoint: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    from partimento.errors import FileError, ParseError

    with pytest.raises(FileError, match="neither a folder nor built in"):
        loading.load_score_model(str(tmp_path / "none"))
    old = tmp_path / "old"
    old.mkdir()
    weights = load_file(str(checkpoint / "model.safetensors"))
    save_file({**weights, "features.0.weight": torch.zeros(9, 32)}, str(old / "model.safetensors"))
    (old / "config.json").write_bytes((checkpoint / "config.json").read_bytes())
    with pytest.raises(FileError, match="of an earlier layout"):
        loading.load_score_model(str(old))
    (tmp_path / "config.json").write_text('{"model": {}}')
    (tmp_path / "model.safetensors").write_bytes((checkpoint / "model.safetensors").read_bytes())
    with pytest.raises(ParseError, match="does not describe a score model"):
        loading.load_score_model(str(tmp_path))
