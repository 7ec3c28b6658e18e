"""A decoder learned anew for codes that stay as they are."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from codec_run_factory import RATE, TINY_CODEC, tones
from safetensors.torch import load_file

from partimento.codec.loading import load_mini_codec
from partimento.data.audio_folder import AudioWindows, find_audio
from partimento.errors import RequestError
from partimento.train.codec import CodecTask
from partimento.train.loop import Limits, Trainer
from partimento.train.recipe import recipe_from
from partimento.train.state import checkpoints, load_weights

torch.set_num_threads(1)


def trainer(folder: Path, changed: dict[str, Any], **options: Any) -> Trainer:
    recipe = recipe_from(
        {key: value | changed.get(key, {}) if isinstance(value, dict) else value for key, value in TINY_CODEC.items()}
    )
    torch.manual_seed(0)
    files = find_audio(tones(folder.parent / "sounds"))[0]
    windows = AudioWindows(files, RATE, recipe.codec.window_frames * recipe.model.hop)
    return Trainer(recipe, CodecTask(recipe, windows, windows), folder, device="cpu", **options)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base") / "run"
    trainer(folder, {}).run(Limits(steps=4))
    return checkpoints(folder)[-1]


def test_only_the_decoder_learns_and_tokens_stay(base: Path, tmp_path: Path) -> None:
    changed = {"model": {"decoder_blocks": 3}, "codec": {"decoder_only": True}, "optim": {"learning_rate": 0.01}}
    run = trainer(tmp_path / "run", changed, warm_start=base)
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    run.run(Limits(steps=6))
    for name, value in run.model.state_dict().items():
        decodes = name.startswith(("widen", "decoder", "leave"))
        assert torch.equal(value, before[name]) != decodes, name
    first, second = load_mini_codec(base), load_mini_codec(checkpoints(tmp_path / "run")[-1])
    assert second.config.decoder_blocks == 3
    assert second.tokens_sha256() == first.tokens_sha256()
    wav = 0.1 * torch.randn(1, 1, RATE, generator=torch.Generator().manual_seed(1))
    codes = first.encode(wav).codes
    assert torch.equal(second.encode(wav).codes, codes)
    assert not torch.allclose(second.decode_bands(codes), first.decode_bands(codes))


def test_new_blocks_pass_on_what_they_get(base: Path) -> None:
    plain = json.loads((base / "config.json").read_text())["model"]
    import msgspec

    from partimento.codec.mini import MiniCodec, MiniCodecConfig

    deeper = MiniCodec(msgspec.convert(plain | {"decoder_blocks": 4}, MiniCodecConfig))
    load_weights(base, deeper)
    vectors = torch.randn(1, 20, 4, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(deeper.eval().spectrum(vectors), load_mini_codec(base).spectrum(vectors))


def test_an_encoder_that_moved_has_other_tokens(base: Path) -> None:
    codec = load_mini_codec(base)
    was = codec.tokens_sha256()
    dict(codec.named_parameters())["squeeze.1.bias"][0] += 1e-6
    assert codec.tokens_sha256() != was
    again = load_mini_codec(base)
    dict(again.named_parameters())["leave.1.bias"][0] += 1.0
    assert again.tokens_sha256() == was


def test_without_codes_there_is_nothing_to_learn_from(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="warm-start"):
        trainer(tmp_path / "run", {"codec": {"decoder_only": True}}).run(Limits(steps=1))


@pytest.mark.parametrize("lost", ["enter.weight", "decoder.0.norm.weight", "decoder."])
def test_weights_that_lack_something_are_refused(base: Path, tmp_path: Path, lost: str) -> None:
    from safetensors.torch import save_file

    from partimento.errors import FileError

    kept = {k: v for k, v in load_file(str(base / "model.safetensors")).items() if not k.startswith(lost)}
    save_file(kept, str(tmp_path / "model.safetensors"))
    with pytest.raises(FileError, match=rf"no {lost}"):
        load_weights(tmp_path / "model.safetensors", trainer(tmp_path / "run", {}).model)
