import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from train_factory import random_tokens, tiny_cache, tiny_lm_recipe

from partimento.data.cache.read import controls_within
from partimento.embed.tower import TowerConfig
from partimento.errors import FileError, RequestError
from partimento.lm.audio_lm import AudioLm, AudioLmConfig
from partimento.models.mini import load_audio_lm
from partimento.train.captioning import TrueFacts, facts_of_window, training_words, true_caption
from partimento.train.curves import read_log
from partimento.train.lm import LmTask, heard_frames
from partimento.train.lm_setup import lm_task
from partimento.train.loop import Limits, Trainer
from partimento.train.recipe import LmTraining, recipe_from
from partimento.train.state import checkpoints, load_config

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return tiny_cache(tmp_path_factory.mktemp("tokens"))


def trainer(folder: Path, data: tuple[Path, Path], valid: bool = False, **optim: object) -> Trainer:
    recipe, task = lm_task(recipe_from(tiny_lm_recipe(data[1], **optim)), [data[0]], None, lambda line: None)
    if not valid:
        task._valid = None
    return Trainer(recipe, task, folder, device="cpu")


def weights(t: Trainer) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in t.model.state_dict().items()}


def test_a_run_in_pieces_equals_a_run_in_one(tmp_path: Path, data: tuple[Path, Path]) -> None:
    whole = trainer(tmp_path / "a", data)
    whole.run(Limits(steps=6))
    trainer(tmp_path / "b", data).run(Limits(steps=2))
    resumed = trainer(tmp_path / "b", data)
    resumed.run(Limits(steps=6))
    for name, value in weights(whole).items():
        assert torch.equal(value, weights(resumed)[name]), name


def test_every_parameter_gets_a_gradient(tmp_path: Path, data: tuple[Path, Path]) -> None:
    task = trainer(tmp_path, data).task
    assert isinstance(task, LmTask)
    task.settings = replace(task.settings, condition_dropout=0.0)
    task.step(task.batch(0), torch.autocast("cpu", enabled=False)).loss.backward()  # type: ignore[no-untyped-call]
    for name, parameter in task.model.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.abs().sum() > 0), name


def test_one_batch_is_learned_by_heart(tmp_path: Path, data: tuple[Path, Path]) -> None:
    t = trainer(tmp_path, data)
    fixed = t.task.batch(0)
    t.task.batch = lambda step, index=0: fixed  # type: ignore[method-assign]
    t.run(Limits(steps=60))
    losses = [row["loss"] for row in read_log(tmp_path) if row["kind"] == "train"]
    assert losses[0] == pytest.approx(math.log(16), rel=0.15)
    assert losses[-1] < 0.5 * losses[0]


def test_what_is_filled_up_does_not_count(tmp_path: Path, data: tuple[Path, Path]) -> None:
    model = trainer(tmp_path, data).model
    assert isinstance(model, AudioLm)
    codes = torch.randint(0, 16, (1, 2, 12))
    ids = torch.tensor([[1, 2, 3, 0]])
    filled = torch.cat([codes, torch.full((1, 2, 5), 16)], dim=2)
    short, valid_short = model.losses(codes, ids)
    long, valid = model.losses(filled, ids)
    torch.testing.assert_close(long[..., :12], short)
    assert float(long.detach()[..., 12:].abs().sum()) == 0
    assert bool(valid_short.all())
    assert not bool(valid[..., 12:].any())


def test_text_reaches_the_loss_and_no_text_is_what_guidance_hears(tmp_path: Path, data: tuple[Path, Path]) -> None:
    model = trainer(tmp_path, data).model.eval()
    assert isinstance(model, AudioLm)
    codes = torch.randint(0, 16, (1, 2, 12))
    with_text, other, none = (model.losses(codes, torch.tensor([ids]))[0] for ids in ([3, 4], [5, 0], [0, 0]))
    assert not torch.allclose(with_text, other)
    alone = torch.nn.functional.cross_entropy(
        model.lm(torch.full((1, 2, 1), 16))[0, 0].float(), codes[0, 0, :1], reduction="none"
    )
    torch.testing.assert_close(none[0, 0, :1], alone)


def test_validation_and_its_alarms(tmp_path: Path, data: tuple[Path, Path]) -> None:
    task = trainer(tmp_path, data, valid=True).task
    figures = task.validate(torch.device("cpu"))
    assert set(figures) == {"valid_loss", "valid_unconditional", "start", "start_unconditional", "valid_1", "valid_2"}
    assert figures["start"] != figures["start_unconditional"], "the text reaches the first two seconds"
    assert figures["valid_loss"] == pytest.approx(np.mean([figures["valid_1"], figures["valid_2"]]))
    assert "chance level" in task.alarms({"valid_loss": math.log(16)})[0]
    assert isinstance(task, LmTask)
    assert "counting codes" in task.alarms({"valid_loss": task.chance})[0]
    assert task.alarms({"valid_loss": task.chance - 0.1}) == []


def test_windows_in_parts_are_more_and_shorter(tmp_path: Path, data: tuple[Path, Path]) -> None:
    plain = tiny_lm_recipe(data[1])
    whole = plain["lm"]["window_frames"]
    recipe = recipe_from(plain | {"lm": plain["lm"] | {"parts": [1, 4], "thinned": 0.5}})
    _, task = lm_task(recipe, [data[0]], None, lambda line: None)
    rows = {len(task.batch(step)): task.batch(step) for step in range(12)}
    once = recipe.lm.batch
    assert set(rows) == {once, 4 * once}
    words = recipe.text.most_words
    books = recipe.lm_model.n_codebooks
    assert rows[once].shape[1] == books * whole + words
    assert rows[4 * once].shape[1] == books * (whole // 4) + words
    for batch in rows.values():
        assert torch.isfinite(task.step(batch, torch.autocast("cpu", enabled=False)).loss)
    with pytest.raises(RequestError, match="parts"):
        LmTraining(window_frames=10, parts=(11,))


def test_thinned_windows_hear_less_of_their_past() -> None:
    torch.manual_seed(3)
    assert bool(heard_frames(50, 30, 0.0).all())
    share = heard_frames(3_000, 40, 0.5).float().mean(1)
    assert float((share == 1).float().mean()) == pytest.approx(0.5, abs=0.05)
    assert float((share == 0).float().mean()) == pytest.approx(1 / 6, abs=0.05)
    assert 300 < int(((share > 0.3) & (share < 0.7)).sum()) < 600
    config = AudioLmConfig(n_codebooks=2, cardinality=32, width=32, n_layers=1, n_heads=2, ffn=64)
    model = AudioLm(config, TowerConfig(words=training_words(), width=32, n_heads=2, ffn=64))
    model.initialize()
    model.eval()
    codes, other = torch.randint(0, 32, (2, 1, 2, 20))
    ids = torch.tensor([[3, 4]])
    other[..., 9:] = codes[..., 9:]  # the second codebook is a position behind
    heard = torch.arange(20)[None] >= 10

    def tail(of: torch.Tensor, what: torch.Tensor | None) -> torch.Tensor:
        return model.losses(of, ids, what)[0][..., 11:].detach()

    assert torch.equal(tail(codes, heard), tail(other, heard)), "what is not heard changes nothing"
    assert not torch.equal(tail(codes, None), tail(other, None))
    assert torch.equal(tail(codes, torch.ones(1, 20, dtype=torch.bool)), tail(codes, None))


def test_checkpoint_names_codec_and_vocabulary_and_loads(tmp_path: Path, data: tuple[Path, Path]) -> None:
    t = trainer(tmp_path, data)
    t.run(Limits(steps=2))
    saved = checkpoints(tmp_path)[-1]
    config = load_config(saved)
    assert config.text.words == training_words()
    assert len(config.codec_used.sha256) == 64
    model, _ = load_audio_lm(str(saved))
    for name, value in t.ema.weights(t.model).items():
        assert torch.equal(model.state_dict()[name], value), name


def test_tokens_of_another_codec_are_refused(tmp_path: Path, data: tuple[Path, Path]) -> None:
    plain = tiny_lm_recipe(data[1])
    with pytest.raises(RequestError, match="mini-codec"):
        lm_task(recipe_from(plain | {"codec_used": {}}), [data[0]], None, lambda line: None)
    with pytest.raises(RequestError, match="needs 4 codebooks"):
        lm_task(recipe_from(plain | {"lm_model": {"cardinality": 16}}), [data[0]], None, lambda line: None)
    with pytest.raises(FileError):
        lm_task(recipe_from(plain), [tmp_path / "none"], None, lambda line: None)


def test_captions_say_only_what_is_true() -> None:
    rows = [
        {"instrument": "violin", "role": "melody", "is_drum": False},
        {"instrument": "piano", "role": "chords", "is_drum": False},
    ]
    controls = {"instruments": rows, "tempo_bpm": 91.6, "metre": "3/4", "keys": [[0.0, "F# minor"]]}
    facts = facts_of_window("calm jazz with violin, the piano enters later", controls, 0.0)
    assert facts is not None
    assert (facts.label, facts.moods, facts.late) == ("jazz", ("calm",), "piano")
    assert facts_of_window("x, the piano enters later", controls, 10.0).late == ""  # type: ignore[union-attr]
    assert facts_of_window("any words", {}, 0.0) is None
    said = [true_caption(facts, np.random.default_rng(i)) for i in range(40)]
    assert len(set(said)) > 15
    assert all("92 bpm" in s or "bpm" not in s for s in said)
    assert all(no not in s for s in said for no in ("No string", "No piano"))
    assert any("violin melody and piano chords" in s for s in said)
    assert any("piano" not in s for s in said)
    assert any(re.fullmatch(r"A piece with [a-z ]+\.( No .*)?", s) for s in said), "instruments alone"
    assert any(" with " not in s for s in said), "style and mood alone"


def test_captions_name_who_plays_in_the_window() -> None:
    rows = [
        {"instrument": "violin", "role": "melody", "is_drum": False, "active": [[0.0, 9.0]]},
        {"instrument": "piano", "role": "chords", "is_drum": False, "active": [[4.0, 9.0]]},
        {"instrument": "tuba", "role": "bass", "is_drum": False, "active": [[20.0, 30.0]]},
    ]

    def facts(start_s: float, end_s: float) -> TrueFacts:
        found = facts_of_window("the tuba enters later", controls_within({"instruments": rows}, start_s, end_s), start_s)
        assert found is not None
        return found

    assert [id_ for id_, _ in facts(0.0, 10.0).parts] == ["violin", "piano"]
    assert facts(0.0, 10.0).late == "piano", "what enters is heard in the notes, not taken from the caption"
    assert "brass" in facts(0.0, 10.0).absent
    assert [id_ for id_, _ in facts(3.8, 30.0).parts] == ["violin", "piano", "tuba"]
    assert facts(3.8, 30.0).late == "tuba"
    assert facts(3.8, 10.0).late == ""
    assert "brass" not in facts(15.0, 30.0).absent
    assert facts(10.0, 20.0).parts == (), "nobody plays"


def test_embeddings_and_heads_begin_where_the_codec_has_its_entries() -> None:
    torch.manual_seed(0)
    config = AudioLmConfig(n_codebooks=2, cardinality=32, width=32, n_layers=1, n_heads=2, ffn=64)
    model = AudioLm(config, TowerConfig(words=training_words(), width=32, n_heads=2, ffn=64))
    model.initialize()
    entries = torch.randn(2, 32, 16)
    entries[0, 1] = entries[0, 0] + 0.05 * torch.randn(16)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    steady = torch.full((8, 2, 40), 5)
    steady[:] = torch.arange(8)[:, None, None]
    none = torch.zeros(8, 4, dtype=torch.int64)
    random_loss = float(model.losses(steady, none)[0].detach().mean())
    model.start_from_codebooks(entries)
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"lm.embed.weight", "lm.heads.weight"}
    special = model.lm.embed.weight.view(2, 33, 32)[:, 32]
    assert torch.equal(special, before["lm.embed.weight"].view(2, 33, 32)[:, 32]), "the empty place keeps its own"
    assert float(model.losses(steady, none)[0].detach().mean()) < random_loss - 0.3, "what lasts is expected to last"
    rows = torch.nn.functional.normalize(model.lm.embed.weight.detach().view(2, 33, 32)[0], dim=1)
    alike, others = float(rows[0] @ rows[1]), (rows[0] @ rows[2:32].T).abs().max()
    assert alike > 0.95 > float(others), "entries that are near each other stay near each other"


def test_a_model_narrower_than_the_codecs_entries_says_so(tmp_path: Path) -> None:
    heard: list[str] = []
    folder = random_tokens(tmp_path / "tokens")
    small = {"width": 64, "n_layers": 1, "n_heads": 2, "ffn": 64}
    lm_task(recipe_from({"task": "lm", "lm_model": small, "lm": {"window_frames": 32}}), [folder], None, heard.append)
    assert any("random embeddings" in line for line in heard)
