"""Fine-tuning with adapters, on small models of both kinds."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import finetune_factory as factory
import pytest
import torch

pytest.importorskip("peft")

from partimento.cli.main import main as cli
from partimento.errors import FileError, MissingDependencyError, PartimentoError, RequestError
from partimento.lm.audio_lm import code_losses
from partimento.lm.transformer import MusicGenLm
from partimento.models.musicgen.loader import load_musicgen
from partimento.train.curves import read_log
from partimento.train.finetune import FinetuneConfig, Finetuned, finetune
from partimento.train.finetune_adapter import TARGETS, AdapterSet, adapted, lm_hash, load_adapter, read_card
from partimento.train.finetune_merge import merge_adapter
from partimento.train.finetune_task import FinetuneTask
from partimento.train.loop import Limits

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return factory.songs(tmp_path_factory.mktemp("songs") / "mine")


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return factory.mini(tmp_path_factory.mktemp("mini"), steps=40)


@pytest.fixture(scope="module")
def musicgen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return factory.musicgen(tmp_path_factory.mktemp("musicgen"))


@pytest.fixture(scope="module")
def tuned(mini: Path, songs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Finetuned, list[str]]:
    """Six steps on the small mini, and what was said."""
    said: list[str] = []
    out = tmp_path_factory.mktemp("tuned")
    return finetune(settings(mini, songs, out), said.append), said


def settings(model: Path, data: Path, out: Path, **changes: object) -> FinetuneConfig:
    base = FinetuneConfig(
        str(model), data, out, rank=4, batch=2, window_s=2.0, learning_rate=0.01, steps=6, device="cpu", bf16=False
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def nats(lm: MusicGenLm, seed: int = 0) -> torch.Tensor:
    """Losses of random codes and a random text."""
    config, rng = lm.config, torch.Generator().manual_seed(seed)
    codes = torch.randint(0, config.cardinality, (2, config.n_codebooks, 20), generator=rng)
    states, mask = torch.randn(2, 5, config.text_width or 1, generator=rng), torch.ones(2, 5, dtype=torch.bool)
    if config.cross_attention:
        return code_losses(lm, codes, lm.text_context(states, mask))[0]
    return code_losses(lm, codes, None, lm.prefix(states, mask))[0]


def test_what_is_said_and_written(tuned: tuple[Finetuned, list[str]], mini: Path) -> None:
    done, said = tuned
    text = "\n".join(said)
    assert "2 songs" in text
    assert "captions: 1" in text
    assert "file names: 1" in text or "nothing (learned without text): 1" in text
    assert "memory on cpu" in text
    assert "held-out loss of the base" in text
    card = read_card(done.adapter)
    assert (card.base, card.steps, len(card.songs), len(card.held_out)) == (str(mini), 6, 2, 1)
    assert card.base_sha256 == lm_hash(load_musicgen(str(mini)).lm)
    assert card.loss_before is not None
    assert card.loss_after != card.loss_before
    config = json.loads((done.adapter / "adapter_config.json").read_text())
    assert (config["peft_type"], config["r"], config["lora_alpha"], config["target_modules"]) == ("LORA", 4, 8.0, list(TARGETS))
    assert sum(p.stat().st_size for p in done.adapter.iterdir()) < 100_000
    saved = sorted((done.adapter.parent).glob("step-*"))
    assert [p.name for p in saved] == ["step-00000006"]


def test_peft_itself_reads_the_adapter(tuned: tuple[Finetuned, list[str]], mini: Path) -> None:
    from peft import PeftModel

    done, _ = tuned
    ours, theirs = load_musicgen(str(mini)).lm, load_musicgen(str(mini)).lm
    before = nats(ours)
    load_adapter(ours, done.adapter)
    PeftModel.from_pretrained(theirs, str(done.adapter))
    assert torch.equal(nats(ours), nats(theirs))
    assert not torch.equal(nats(ours), before)


def test_only_adapters_change(mini: Path) -> None:
    lm = load_musicgen(str(mini)).lm
    before = {name: tensor.clone() for name, tensor in lm.state_dict().items()}
    untouched = nats(lm)
    model = adapted(lm, 4, 8.0, seed=0)
    assert torch.equal(nats(lm), untouched)
    own = AdapterSet(model)
    optimizer = torch.optim.AdamW(own.parameters(), lr=0.01)
    for _ in range(3):
        nats(lm).mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert not torch.allclose(nats(lm), untouched)
    after = {name.replace("base_layer.", ""): tensor for name, tensor in lm.state_dict().items() if "lora_" not in name}
    assert set(after) == set(before)
    for name, tensor in before.items():
        assert torch.equal(after[name], tensor), name
    assert all(not p.requires_grad for name, p in lm.named_parameters() if "lora_" not in name)


@pytest.mark.parametrize("kind", ["mini", "musicgen", "melody"])
def test_every_adapter_gets_a_gradient_and_merging_changes_nothing(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    folder = factory.musicgen(tmp_path / "m", melody=True) if kind == "melody" else request.getfixturevalue(kind)
    lm = load_musicgen(str(folder)).lm
    model = adapted(lm, 3, 6.0, seed=1)
    own = AdapterSet(model)
    matrices = 7 if lm.config.cross_attention else 4
    assert len(list(own.parameters())) == 2 * matrices * lm.config.n_layers
    torch.manual_seed(2)
    with torch.no_grad():
        for name, parameter in own.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.05)
    nats(lm).mean().backward()  # type: ignore[no-untyped-call]
    for name, parameter in own.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.abs().sum() > 0), name
    with_adapters = nats(lm).detach()
    model.merge_and_unload()  # type: ignore[operator]
    assert not any("lora" in name for name in lm.state_dict())
    torch.testing.assert_close(nats(lm), with_adapters, atol=1e-5, rtol=0)


def test_a_clip_is_learned_by_heart(mini: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = factory.songs(tmp_path / "one", n=1, noise=0.3)  # nothing like what the base has learned
    first, tasks = FinetuneTask.batch, []

    def same(task: FinetuneTask, step: int, index: int = 0) -> torch.Tensor:
        tasks.append(task)
        return first(task, 0)

    monkeypatch.setattr(FinetuneTask, "batch", same)
    config = settings(mini, data, tmp_path / "run", window_s=1.0, rank=16, batch=1, steps=60)
    done = finetune(config)
    exact = torch.autocast("cpu", enabled=False)
    with tasks[0].adapted.disable_adapter():
        before = float(tasks[0].step(first(tasks[0], 0), exact).loss)
    assert read_log(config.out)[-1]["loss"] < 0.5 * before
    assert done.card.loss_before is None
    assert done.card.held_out == ()


def test_a_run_in_pieces_equals_a_run_in_one(mini: Path, songs: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    folders = []
    for name, pieces in (("whole", [6]), ("parts", [2, 6])):
        for steps in pieces:
            config = settings(mini, songs, tmp_path / name, cache=tmp_path / "tokens", steps=6)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("partimento.train.finetune.Limits", lambda minutes, total, stop=steps: Limits(minutes, stop))
                folders.append(finetune(config).adapter)
    first, second = (load_file(str(folder / "adapter_model.safetensors")) for folder in (folders[0], folders[-1]))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    with pytest.raises(RequestError, match="begun with rank 4; give the same"):
        finetune(settings(mini, songs, tmp_path / "parts", cache=tmp_path / "tokens", rank=2))


def test_mini_from_the_command_line(mini: Path, songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import soundfile

    out = tmp_path / "run"
    words = ["train", "finetune", "--model", str(mini), "--data", str(songs), "--out", str(out), "--steps", "2"]
    assert cli([*words, "--rank", "2", "--window", "1", "--device", "cpu", "--merge"]) == 0
    assert "whole model" in capsys.readouterr().out
    wave = tmp_path / "a.wav"
    made = [
        "generate",
        "calm piano",
        "--model",
        str(out / "merged"),
        "--duration",
        "2",
        "-o",
        str(wave),
        "--no-audio-report",
        "--quiet",
    ]
    assert cli(made) == 0
    assert soundfile.info(str(wave)).duration == 2.0
    with torch.no_grad():
        lm = load_musicgen(str(mini)).lm
        load_adapter(lm, out / "adapter")
        torch.testing.assert_close(nats(load_musicgen(str(out / "merged")).lm), nats(lm), atol=1e-5, rtol=0)


def test_the_best_look_is_shipped_and_its_loss_is_the_log_s(tuned: tuple[Finetuned, list[str]], mini: Path) -> None:
    done, _ = tuned
    looks = {row["step"]: row["valid_loss"] for row in read_log(done.adapter.parent) if row["kind"] == "valid"}
    assert list(looks) == [1, 2, 3, 4, 5, 6]
    card = read_card(done.adapter)
    assert card.kept_step == min(looks, key=lambda step: looks[step])
    assert card.loss_before is not None
    assert card.loss_after is not None
    assert card.loss_after == pytest.approx(min(looks.values()), abs=1e-4)
    assert card.better_than_base is (card.loss_after < card.loss_before)


def test_nothing_better_than_the_base_is_said_and_marked(
    mini: Path, songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = {step: 1.0 + abs(step - 3) for step in range(40)}  # best at step 3, then rising
    steps: list[int] = []

    def rising(task: FinetuneTask, device: torch.device) -> dict[str, float]:
        steps.append(len(steps) + 1)
        return {"valid_loss": losses[steps[-1]]}

    monkeypatch.setattr(FinetuneTask, "base_loss", lambda task, device: 0.5)
    monkeypatch.setattr(FinetuneTask, "validate", rising)
    out = tmp_path / "run"
    words = ["train", "finetune", "--model", str(mini), "--data", str(songs), "--out", str(out), "--steps", "15"]
    assert cli([*words, "--rank", "2", "--window", "1", "--device", "cpu", "--batch", "1"]) == 0
    said = capsys.readouterr().out
    assert "has not fallen in 5 looks since step 3: stopped at 8" in said
    assert said.splitlines()[-1].startswith("nothing beat the base")
    card = read_card(out / "adapter")
    assert (card.kept_step, card.steps, card.better_than_base) == (3, 8, False)
    assert (card.loss_before, card.loss_after) == (0.5, 1.0)


@pytest.mark.parametrize("layout", ["transformers", "audiocraft"])
def test_musicgen_from_the_command_line(layout: str, songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = factory.musicgen(tmp_path / "base", layout)
    out, to = tmp_path / "run", tmp_path / "mine"
    words = ["train", "finetune", "--model", str(base), "--data", str(songs), "--out", str(out), "--steps", "2"]
    assert cli([*words, "--rank", "2", "--batch", "1", "--window", "1", "--device", "cpu"]) == 0
    assert "held-out loss:" in capsys.readouterr().out
    other = "audiocraft" if layout == "transformers" else "transformers"
    assert cli(["models", "merge", str(out), "--to", str(to), "--layout", other]) == 0
    lm = load_musicgen(str(base)).lm
    load_adapter(lm, out / "adapter")
    with torch.no_grad():
        torch.testing.assert_close(nats(load_musicgen(str(to)).lm), nats(lm), atol=1e-5, rtol=0)
    assert cli(["models", "merge", str(out), "--to", str(to)]) == 2
    assert "exists" in capsys.readouterr().err


def test_an_adapter_of_another_base_is_refused(
    tuned: tuple[Finetuned, list[str]], musicgen: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    adapter = tuned[0].adapter
    assert cli(["models", "merge", str(adapter), "--base", str(musicgen), "--to", str(tmp_path / "x")]) == 2
    message = capsys.readouterr().err
    assert "was made for" in message
    assert message.count("\n") == 1
    assert not (tmp_path / "x").exists()
    with pytest.raises(FileError, match="holds no adapter"):
        merge_adapter(tmp_path, tmp_path / "x")
    with pytest.raises(RequestError, match="no other layout"):
        merge_adapter(adapter, tmp_path / "x", layout="audiocraft")


@pytest.mark.parametrize("file", ["adapter_model.safetensors", "adapter_config.json", "partimento.json"])
def test_damaged_adapters_are_refused(file: str, tuned: tuple[Finetuned, list[str]], mini: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tuned[0].adapter, tmp_path / "adapter")
    (folder / file).write_bytes((folder / file).read_bytes()[:100])
    with pytest.raises(PartimentoError, match="damaged"):
        merge_adapter(folder, tmp_path / "x")
    config = json.loads((tuned[0].adapter / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | {"target_modules": ["in_proj"]}))
    shutil.copy(tuned[0].adapter / "adapter_model.safetensors", folder)
    shutil.copy(tuned[0].adapter / "partimento.json", folder)
    with pytest.raises(FileError, match="has not the adapters of"):
        load_adapter(load_musicgen(str(mini)).lm, folder)


def test_without_peft_it_says_what_to_install(mini: Path, songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(MissingDependencyError, match=r"partimento\[neural,train\]"):
        finetune(settings(mini, songs, tmp_path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--data", "EMPTY"], "holds no sound"),
        (["--data", "NOWHERE"], "no folder"),
        (["--data", "SHORT"], "the longest sound has 1.0 s; 5 s or more"),
        (["--model", "nothing"], "unknown model 'nothing'"),
        (["--model", "no/thing"], "no downloaded model 'no/thing'"),
        (["--model", "score"], "speaks no audio tokens"),
        (["--rank", "0"], "rank 0 is outside 1 to 256"),
        (["--window", "40"], "window 40 is outside"),
        (["--warm-start", "x"], "leave it out of finetune"),
    ],
)
def test_mistakes_are_one_line(
    changes: list[str], message: str, mini: Path, songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "EMPTY").mkdir()
    factory.songs(tmp_path / "SHORT", duration_s=1.0)
    given = {"--model": str(mini), "--data": str(songs), "--out": str(tmp_path / "run")}
    for option, value in zip(changes[::2], changes[1::2], strict=True):
        given[option] = str(tmp_path / value) if option == "--data" else value
    assert cli(["train", "finetune", *(word for pair in given.items() for word in pair)]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_recipes_refuse_what_is_for_finetune(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(["train", "recipes/mini.yaml", "--data", str(tmp_path), "--out", str(tmp_path / "run"), "--rank", "4"]) == 2
    assert "--rank is for 'partimento train finetune'" in capsys.readouterr().err
