import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from train_factory import RATE, tiny_cache, tiny_embed_recipe, tiny_lm_recipe, tiny_mel, tiny_rendered

from partimento.audio import Waveform, read_audio
from partimento.audio.loudness import true_peak_dbtp
from partimento.cli.main import main as cli
from partimento.errors import FileError, RequestError
from partimento.evaluate.audio_lm.by_heart import by_heart_page, training_pieces
from partimento.evaluate.audio_lm.clips import CEILING_DBTP, Clip, Studio, seed_of
from partimento.evaluate.audio_lm.faults import _Job
from partimento.evaluate.audio_lm.hearing_net import HearingConfig
from partimento.evaluate.audio_lm.parts import PARTS, MiniEvaluation, MiniOptions
from partimento.evaluate.audio_lm.speed import speed_page
from partimento.evaluate.audio_lm.windows import families, windows
from partimento.train.embed import embed_task
from partimento.train.lm_setup import lm_task
from partimento.train.loop import Limits, Trainer
from partimento.train.recipe import recipe_from
from partimento.train.state import checkpoints

torch.set_num_threads(1)


def stems_dataset(folder: Path) -> Path:
    """The tones of tiny_rendered as stems: each instrument has a pitch of its own."""
    pitch = {"piano": 300.0, "violin": 900.0, "drums": 2400.0, "flute": 5000.0}
    tiny_rendered(folder, 8)
    for item in sorted(folder.glob("items/*")):
        data = json.loads((item / "item.json").read_text())
        (item / "stems").mkdir()
        t = np.arange(2 * RATE) / RATE
        for i, row in enumerate(data["stems"]):
            row["file"] = f"stems/{i:02d}.flac"
            soundfile.write(item / row["file"], 0.2 * np.sin(2 * np.pi * pitch[row["instrument"]] * 0.5 * t), RATE)
        (item / "item.json").write_text(json.dumps(data))
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model of two steps, its data, and stems to hear with."""
    folder = tmp_path_factory.mktemp("mini")
    tokens, codec = tiny_cache(folder)
    recipe, task = lm_task(recipe_from(tiny_lm_recipe(codec)), [tokens], None, lambda line: None)
    Trainer(recipe, task, folder / "run", device="cpu").run(Limits(steps=2))
    hearing = stems_dataset(folder / "hearing")
    return {"checkpoint": checkpoints(folder / "run")[-1], "data": folder / "rendered", "tokens": tokens, "hearing": hearing,
            "work": folder / "work"}  # fmt: skip


def options(made: dict[str, Path], **more: object) -> MiniOptions:
    return MiniOptions(
        str(made["checkpoint"]), made["work"], (made["data"],), (made["tokens"],), (made["hearing"],), n_items=4, seconds=1.0,
        jobs=1, batch=3, hearing_config=HearingConfig(steps=3, batch=4, window_s=1.0, width=4, judged=12), **more,
    )  # fmt: skip


def test_tables_of_a_checkpoint(made: dict[str, Path]) -> None:
    evaluation = MiniEvaluation(options(made))
    pages = {page.part: page for page in evaluation.pages(("presence", "closeness", "faults", "likelihood"))}
    presence = pages["presence"]
    assert presence.head[4:] == ("real", "real through the codec", "model", "model without words")
    assert presence.rows[-2][0].startswith("macro of 0")  # four windows are too few for any family
    assert all("too few" in row[0] for row in presence.rows[:-2])
    rows = [row[0] for row in pages["closeness"].rows]
    assert rows == ["real, training pieces", "held out through the codec", "model", "model without words", "bigram of codes"]
    assert not pages["closeness"].goals["1000 items or more (4 here)"]
    assert pages["faults"].figures["model"]["clips"] == 4
    assert "lowered" in pages["faults"].figures["model"]
    assert "lowered" not in pages["faults"].figures["held out"]
    assert pages["faults"].figures["held out through the codec"]["stuck codes"] == 0
    assert {row[0] for row in pages["likelihood"].rows} >= {"unigram", "bigram, earlier", "model with text"}
    for page in pages.values():
        assert page.rows[0][0] in page.markdown("a command")
        json.dumps(page.figures)


def test_best_of_chooses_by_the_embedding(made: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from partimento.evaluate.audio_lm import best_of

    class Ear:
        thresholds = np.zeros(len(families()))

    def logits(clips: list[Clip], *rest: object) -> np.ndarray:
        """The third candidate holds what was asked, the others its contrary."""
        asked = np.where(best_of.asked_of(places), 1.0, -1.0)
        return asked if clips is candidates[2] else -asked

    places = windows([made["data"]], ("valid", "test"), 1.0, 4)
    candidates = [[Clip(Path(f"{k}{i}.flac")) for i in range(4)] for k in range(best_of.CANDIDATES)]
    monkeypatch.setattr(best_of, "logits_of", logits)
    monkeypatch.setattr(best_of, "matches", lambda clips, *rest: np.full(4, 0.9 if clips is candidates[2] else 0.1))
    page = best_of.best_of_page(candidates, places, Ear(), "mini-embed", made["work"], "x", least=1)
    assert page.figures["1"]["macro"] == pytest.approx(-0.5)
    assert page.figures["2"]["macro"] == pytest.approx(0.0)
    assert page.figures["4"] == {"macro": pytest.approx(1.0), "match": pytest.approx(0.9)}
    assert all(page.goals.values())


def test_matches_are_cosines(made: dict[str, Path], tmp_path: Path) -> None:
    from partimento.evaluate.audio_lm.best_of import matches

    mel = tiny_mel(tmp_path)
    recipe, task = embed_task(recipe_from(tiny_embed_recipe()), [mel], None, lambda line: None)
    Trainer(recipe, task, tmp_path / "run", device="cpu").run(Limits(steps=2))
    spec = f"mini-embed:{checkpoints(tmp_path / 'run')[-1]}"
    places = windows([made["data"]], ("valid", "test"), 1.0, 2)
    clips = Studio(str(made["checkpoint"]), tmp_path / "work").real(places, "held out")
    found = matches(clips, [places[0].prompt, "A jazz piece."], spec, tmp_path / "work")
    assert found.shape == (2,)
    assert np.all(np.abs(found) <= 1.0 + 1e-6)
    assert matches([Clip(tmp_path / "none.flac")], ["A jazz piece."], spec, tmp_path / "work") == [-1.0]


def test_what_was_made_is_not_made_again(made: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    first = MiniEvaluation(options(made))
    next(first.pages(("faults",)))
    sung: list[int] = []
    monkeypatch.setattr(Studio, "sing", lambda self, texts, *rest: sung.append(len(texts)))
    again = next(MiniEvaluation(options(made)).pages(("faults",)))
    assert sung == []
    assert again.figures["model"]["clips"] == 4


def test_a_clip_is_the_same_in_any_batch(made: dict[str, Path], tmp_path: Path) -> None:
    words, seeds = ["A jazz piece with piano.", "A waltz piece with flute and violin.", ""], [1, seed_of(0, 1), 3]
    together = Studio(str(made["checkpoint"]), tmp_path / "a", batch=2).generated(words[:2], seeds[:2], 20, "x")
    alone = Studio(str(made["checkpoint"]), tmp_path / "b", batch=1).generated(words[:2], seeds[:2], 20, "x")
    for a, b in zip(together, alone, strict=True):
        assert a.path.name == b.path.name
        assert np.array_equal(a.read_codes(), b.read_codes())
    studio = Studio(str(made["checkpoint"]), tmp_path / "a")
    other = studio.generated([words[0]], [2], 20, "x")
    assert other[0].path.name != together[0].path.name


def test_guidance_makes_other_clips_with_words_and_the_same_without(made: dict[str, Path]) -> None:
    plain, guided = (MiniEvaluation(options(made, guidance=value))._studio for value in (None, 1.5))
    assert guided.sampling.guidance == 1.5
    names = [[clip.path.name for clip in studio.generated(texts, [1], 5, "y")] for texts in (["A jazz piece."], [""])
             for studio in (plain, guided)]  # fmt: skip
    assert names[0] != names[1]
    assert names[2] == names[3]
    assert "guidance 1.5" in next(MiniEvaluation(options(made, guidance=1.5)).pages(("faults",))).markdown("a command")
    with pytest.raises(RequestError, match="guidance 51"):
        options(made, guidance=51.0)


def test_another_decoder_makes_other_sound_of_the_same_codes(made: dict[str, Path], tmp_path: Path) -> None:
    studio = Studio(str(made["checkpoint"]), tmp_path)
    before = studio.generated([""], [1], 5, "z")[0]
    again = Studio(str(made["checkpoint"]), tmp_path)
    dict(again._codec.named_parameters())["leave.1.bias"][:] += 1.0
    after = again.generated([""], [1], 5, "z")[0]
    assert after.path.name != before.path.name
    assert after.codes == before.codes
    assert after.path.read_bytes() != before.path.read_bytes()


def test_by_heart(made: dict[str, Path]) -> None:
    studio = Studio(str(made["checkpoint"]), made["work"], batch=2)
    page = by_heart_page(studio, [made["tokens"]], n=4, prompts_s=(0.4, 0.8), continuation_s=0.4)
    assert [row[0] for row in page.rows] == ["0.4 s", "0.8 s"]
    assert all(row[1] == "4" for row in page.rows)
    pieces = training_pieces([made["tokens"]], 2, 3, 1.0)
    assert {piece.tokens.shape for piece in pieces} == {(2, 50)}
    assert all(piece.text.startswith("A") for piece in pieces)
    with pytest.raises(FileError, match="2 are needed"):
        training_pieces([made["tokens"]], 2, 3, 100.0)


def test_the_copyist_is_found_out(made: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from partimento.evaluate.audio_lm import by_heart

    studio = Studio(str(made["checkpoint"]), tmp_path, batch=2)
    known = training_pieces([made["tokens"]], 2, 5, 0.8)

    def copy(self: Studio, texts: list[str], seeds: list[int], n: int, prompt: np.ndarray, sampling: object) -> np.ndarray:
        return np.stack([next(p.tokens[:, 20:n] for p in known if np.array_equal(p.tokens[:, :20], row)) for row in prompt])

    monkeypatch.setattr(by_heart.Studio, "sing", copy)
    page = by_heart_page(studio, [made["tokens"]], n=5, prompts_s=(0.4,), continuation_s=0.4)
    assert page.rows[0][2] == "5"
    assert not any(page.goals.values())


def test_speed(made: dict[str, Path], tmp_path: Path) -> None:
    page = speed_page(Studio(str(made["checkpoint"]), tmp_path), seconds=0.4, batches=(1, 2))
    assert [row[0] for row in page.rows] == ["1", "2"]
    assert all(figures["times_real_time"] > 0 for figures in page.figures.values())


def test_windows_name_what_sounds(made: dict[str, Path]) -> None:
    few, more = (windows([made["data"]], ("valid", "test"), 1.0, n) for n in (2, 9))
    assert few == more[:2]
    assert len(more) == 9  # three items of 2 s: six windows side by side, three between
    assert len({(w.name, w.start_s) for w in more}) == 9
    assert all(w.sound().duration_s == 1.0 for w in more)
    drums = [w for w in more if "drums" in w.families]
    assert drums
    assert all("drums" in w.prompt for w in drums)
    with pytest.raises(FileError, match="lasts 100 s"):
        windows([made["data"]], ("test",), 100.0, 2)


def test_needs_are_said(made: dict[str, Path], tmp_path: Path) -> None:
    bare = MiniOptions(str(made["checkpoint"]), tmp_path)
    assert bare.possible == ("speed",)
    assert options(made).possible == tuple(part for part in PARTS if part != "best_of")
    with pytest.raises(RequestError, match="presence' needs --data and --hearing"):
        next(MiniEvaluation(bare).pages(("presence",)))
    with pytest.raises(RequestError, match="unknown part 'tunes'"):
        next(MiniEvaluation(bare).pages(("tunes",)))
    with pytest.raises(RequestError, match="1 to 30 s"):
        MiniOptions("mini", tmp_path, seconds=0.2)
    with pytest.raises(RequestError, match="batch"):
        MiniOptions("mini", tmp_path, batch=0)


def test_command(made: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["evaluate", "mini", str(made["checkpoint"]), "--work", str(made["work"]), "--data", str(made["data"]), "--items", "4",
            "--seconds", "1", "--batch", "3", "--jobs", "1", "--parts", "faults", "--out", str(tmp_path / "out")]  # fmt: skip
    assert cli(line) == 1  # 200 clips are asked for
    assert cli([*line, "--no-fail"]) == 0
    assert "stuck codes" in capsys.readouterr().out
    page = (tmp_path / "out" / "mini_faults.md").read_text()
    assert "partimento" in page
    assert str(made["work"]) not in page
    assert json.loads((tmp_path / "out" / "mini_faults.json").read_text())["part"] == "faults"
    assert cli(["evaluate", "mini", "--work", str(tmp_path / "w"), "--parts", "tunes"]) == 2


def test_what_leaves_the_codec_too_loud_is_lowered_as_a_whole(
    made: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = Studio(str(made["checkpoint"]), tmp_path, batch=2)
    t = torch.arange(8_000) / RATE
    loud = 1.7 * torch.sin(2 * torch.pi * 200 * t) * torch.linspace(0.1, 1.0, 8_000)
    monkeypatch.setattr(type(studio.model), "decode", lambda self, codes: loud[None, None].repeat(len(codes), 1, 1))
    (clip,) = studio.generated(["A jazz piece."], [1], 10, "model")
    sound = read_audio(clip.path)
    assert true_peak_dbtp(sound) == pytest.approx(CEILING_DBTP, abs=0.02)
    np.testing.assert_allclose(sound.samples[0], 10 ** (CEILING_DBTP / 20) / 1.7 * loud.numpy(), atol=0.01)
    assert _Job()(sound)["flags"][-1]
    assert not _Job()(Waveform(0.99 * sound.samples, RATE))["flags"][-1]
    kept = clip.path.read_bytes()
    clip.path.unlink()  # from its codes, without singing again
    monkeypatch.setattr(studio, "sing", None)
    (again,) = studio.generated(["A jazz piece."], [1], 10, "model")
    assert again.path.read_bytes() == kept
