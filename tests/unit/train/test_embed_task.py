import math
from pathlib import Path

import numpy as np
import pytest
import torch
from train_factory import tiny_embed_recipe, tiny_mel

from partimento.embed.joint import AudioTower, JointConfig, contrastive_loss, truth_loss
from partimento.embed.loading import load_joint
from partimento.embed.tower import TowerConfig
from partimento.errors import RequestError
from partimento.train.captioning import TrueFacts, training_words
from partimento.train.curves import plot_curves, read_log
from partimento.train.embed import EmbedTask, embed_task, mean_auc
from partimento.train.embed_data import MelWindows, played_caption, template_caption
from partimento.train.embed_prompts import Prompts
from partimento.train.loop import Limits, Trainer
from partimento.train.recipe import EmbedTraining, recipe_from
from partimento.train.state import checkpoints

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def mel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_mel(tmp_path_factory.mktemp("mel"))


def trainer(folder: Path, mel: Path, valid: bool = False, **optim: object) -> Trainer:
    recipe, task = embed_task(recipe_from(tiny_embed_recipe(**optim)), [mel], None, lambda line: None)
    if not valid:
        task._valid = None
    return Trainer(recipe, task, folder, device="cpu")


def test_a_run_in_pieces_equals_a_run_in_one(tmp_path: Path, mel: Path) -> None:
    whole = trainer(tmp_path / "a", mel)
    whole.run(Limits(steps=4))
    trainer(tmp_path / "b", mel).run(Limits(steps=2))
    resumed = trainer(tmp_path / "b", mel)
    resumed.run(Limits(steps=4))
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_every_parameter_gets_a_gradient(tmp_path: Path, mel: Path) -> None:
    task = trainer(tmp_path, mel).task
    task.step(task.batch(0), torch.autocast("cpu", enabled=False)).loss.backward()  # type: ignore[no-untyped-call]
    for name, parameter in task.model.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.abs().sum() > 0), name


def test_one_batch_is_learned_by_heart_and_save_equals_load(tmp_path: Path, mel: Path) -> None:
    t = trainer(tmp_path, mel)
    fixed = t.task.batch(0)
    t.task.batch = lambda step, index=0: fixed  # type: ignore[method-assign]
    t.run(Limits(steps=30))
    losses = [row["loss"] for row in read_log(tmp_path) if row["kind"] == "train"]
    assert losses[-1] < 0.6 * losses[0]  # not 0: the batch holds one sound twice, with different words
    assert plot_curves(tmp_path).read_bytes().startswith(b"\x89PNG")
    embedder = load_joint(str(checkpoints(tmp_path)[-1]))
    for name, value in t.ema.weights(t.model).items():
        assert torch.equal(embedder.model.state_dict()[name], value), name


def test_validation_and_its_alarm(tmp_path: Path, mel: Path) -> None:
    task = trainer(tmp_path, mel, valid=True).task
    figures = task.validate(torch.device("cpu"))
    assert set(figures) == {"valid_loss", "valid_r1", "valid_r10", "valid_heard"}
    assert 0 <= figures["valid_heard"] <= 1
    assert 0 <= figures["valid_r1"] <= figures["valid_r10"] <= 1
    assert "chance" in task.alarms({"valid_loss": math.log(64)})[0]
    assert task.alarms({"valid_loss": 3.0}) == []


def test_equal_words_are_right_for_each_other() -> None:
    ids = torch.tensor([[1, 2], [3, 4], [1, 2]])
    scores = torch.tensor([[9.0, 0.0, 9.0], [0.0, 9.0, 0.0], [9.0, 0.0, 9.0]])
    assert float(contrastive_loss(scores, ids)) == pytest.approx((2 * math.log(2) + 0.0) / 3, abs=1e-3)
    different = torch.tensor([[1, 2], [3, 4], [5, 6]])
    plain = torch.nn.functional.cross_entropy(scores, torch.arange(3))
    assert float(contrastive_loss(scores, different)) == pytest.approx(float(plain))


def test_rare_instruments_come_more_often(mel: Path) -> None:
    def shares(balance: float) -> dict[str, int]:
        sound = JointConfig(window_frames=20)
        windows = MelWindows([mel], EmbedTraining(balance=balance), recipe_from({"task": "embed"}).text, sound)
        windows._counts.update({"drums": 100, "flute": 100, "piano": 100})
        windows._usual = 1.0
        rng = np.random.default_rng(0)
        tags = [windows.draw(rng).tags for _ in range(300)]
        return {"violin": sum("violin" in t for t in tags)}

    assert shares(1.0)["violin"] > 1.3 * shares(0.0)["violin"]


def test_only_training_sound_is_changed_and_words_differ(tmp_path: Path, mel: Path) -> None:
    task = trainer(tmp_path, mel, valid=True).task
    assert isinstance(task, EmbedTask)
    assert task._valid is not None
    frames, _, _ = task._valid.batch(np.random.default_rng(0), 3)
    window = task._valid.draw(np.random.default_rng(0))
    np.testing.assert_array_equal(frames[0], window.frames.astype(np.float32))
    changed, ids, _ = task._train.batch(np.random.default_rng(0), 8)
    assert np.isfinite(changed).all()
    assert len({tuple(row) for row in ids.tolist()}) > 3


def test_loudness_is_not_heard() -> None:
    torch.manual_seed(0)
    tower = AudioTower(JointConfig(channels=(8, 8, 8, 8), width=16, n_layers=1, n_heads=2, ffn=16, dim=8)).eval()
    mel = torch.randn(2, 40, 128) - 3.0
    torch.testing.assert_close(tower(mel), tower(mel + 1.5), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("changes", [{"window_frames": 0}, {"n_mels": 100}, {"channels": (8, 8, 8, 9)}])
def test_shapes_that_cannot_be_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(RequestError):
        JointConfig(**changes)  # type: ignore[arg-type]


def test_prompts_are_true_false_or_a_matter_of_words() -> None:
    counts = dict.fromkeys(("guitar", "electric_guitar", "fiddle", "erhu", "drums", "piano", "flute"), 10)
    text = embed_text()
    prompts = Prompts(text, counts, 100)
    facts = TrueFacts(label="waltz", parts=(("electric_guitar", "chords"), ("erhu", "melody")))
    wanted = dict(zip((*prompts.played, *prompts.styles), prompts.wanted(facts, {"flute", "erhu"}), strict=True))
    assert wanted["electric_guitar"] == wanted["erhu"] == wanted["waltz"] == 1.0
    assert wanted["guitar"] == wanted["fiddle"] == wanted["flute"] == -1.0  # a wider word, the same sound, too short to say
    assert wanted["drums"] == wanted["piano"] == wanted["jazz"] == 0.0
    unknown = prompts.wanted(TrueFacts(parts=(("piano", "chords"),)))
    assert (unknown[len(prompts.played) :] == -1.0).all()
    assert (prompts.wanted(None) == -1.0).all()
    assert prompts.first(torch.device("cpu")).shape[0] == len(prompts) == len(prompts.weights)
    torch.manual_seed(1)
    assert len({tuple(prompts.draw(torch.device("cpu")).flatten().tolist()) for _ in range(5)}) == 5


def embed_text() -> TowerConfig:
    return TowerConfig(words=training_words())


def test_only_what_is_known_counts_and_rare_truths_count_more() -> None:
    truths = torch.tensor([[2.0, -3.0], [-1.0, 4.0]])
    wanted = torch.tensor([[1.0, 0.0], [-1.0, 1.0]])
    ones = torch.ones(2)
    costs = [math.log1p(math.exp(-2.0)), math.log1p(math.exp(-3.0)), math.log1p(math.exp(-4.0))]
    assert float(truth_loss(truths, wanted, ones)) == pytest.approx(sum(costs) / 2.0, rel=1e-5)
    heavy = (5.0 * costs[0] + costs[1] + costs[2]) / 6.0
    assert float(truth_loss(truths, wanted, torch.tensor([5.0, 1.0]))) == pytest.approx(heavy, rel=1e-5)
    nothing = truth_loss(truths, torch.full((2, 2), -1.0), ones)
    assert float(nothing) == 0.0


def test_mean_auc() -> None:
    scores = torch.tensor([[0.1, 0.0, 0.3], [0.4, 0.0, 0.2], [0.35, 0.0, 0.1], [0.8, 0.0, 0.0]])
    wanted = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [1.0, -1.0, 0.0], [1.0, -1.0, -1.0]])
    assert float(mean_auc(scores, wanted, 1)) == pytest.approx((0.75 + 0.5) / 2)
    assert float(mean_auc(scores, wanted, 2)) == pytest.approx(0.75)
    assert float(mean_auc(scores, wanted, 3)) == 0.5


def test_words_say_who_plays_in_the_window() -> None:
    facts = TrueFacts(("calm",), "jazz", (("piano", "chords"), ("flute", "melody")), 90.0, "4/4", "C major", "", ("drums",))
    said = {template_caption(facts, np.random.default_rng(i)) for i in range(40)}
    assert len(said) > 10
    assert "calm jazz" in said
    assert any("about 90 bpm" in text and "no drums" in text for text in said)
    assert template_caption(TrueFacts(parts=facts.parts), np.random.default_rng(0)) == ""
    only = {played_caption(facts, np.random.default_rng(i)) for i in range(40)}
    assert {"A piece with flute and piano.", "flute"} <= only


def test_two_windows_at_once_name_both_and_no_style(mel: Path) -> None:
    windows = MelWindows(
        [mel], EmbedTraining(collage_share=1.0, eq_db=0.0, gain_db=0.0), embed_text(), JointConfig(window_frames=20)
    )
    alone = MelWindows(
        [mel], EmbedTraining(collage_share=0.0, eq_db=0.0, gain_db=0.0), embed_text(), JointConfig(window_frames=20)
    )
    n = len(windows.prompts.played)
    together, _, both = windows.batch(np.random.default_rng(0), 20)
    apart, _, one = alone.batch(np.random.default_rng(0), 20)
    assert (both[:, n:] == -1.0).all()
    assert (one[:, n:] == 1.0).sum() == 20
    assert (both[:, :n] > 0).sum(axis=1).max() > (one[:, :n] > 0).sum(axis=1).max()
    assert np.all(together[0] >= apart[0] - 1e-5)


def test_tokens_are_refused(tmp_path: Path) -> None:
    from train_factory import random_tokens

    with pytest.raises(RequestError, match="features mel"):
        embed_task(recipe_from(tiny_embed_recipe()), [random_tokens(tmp_path / "t")], None, lambda line: None)
