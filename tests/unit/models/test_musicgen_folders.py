"""Folders as they are found: both layouts in one, half downloaded, damaged, or made to reach elsewhere."""

import json
import pickle
import shutil
import warnings

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import musicgen_factory as factory  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

from partimento.checkpoints import read_pickled  # noqa: E402
from partimento.errors import FileError, MissingDependencyError  # noqa: E402
from partimento.models.musicgen.folder import missing_of_transformers, read_tensors  # noqa: E402
from partimento.models.musicgen.loader import load_musicgen  # noqa: E402
from partimento.models.musicgen.store import import_model  # noqa: E402

whole = factory.checkpoint(factory.build)
audiocraft = factory.checkpoint(factory.build, factory.save_audiocraft)


def released(whole, audiocraft, to):
    """As Meta's repositories: the layout of transformers, and AudioCraft's two files without a text encoder."""
    shutil.copytree(whole, to)
    for path in audiocraft.glob("*.bin"):
        shutil.copyfile(path, to / path.name)
    return to


@pytest.fixture(autouse=True)
def _offline(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_both_layouts_in_one_folder(whole, audiocraft, tmp_path):
    both = released(whole, audiocraft, tmp_path / "both")
    model = load_musicgen(str(both))
    assert model.layout == "transformers"
    model = import_model(str(both), tmp_path / "mine")
    assert model.layout == "transformers"
    assert not list((tmp_path / "mine").glob("*.bin"))
    (both / "tokenizer.json").unlink()
    with pytest.raises(MissingDependencyError) as told:
        load_musicgen(str(both))
    assert f"hf download google-t5/t5-base --local-dir {both / 't5'}" in str(told.value)
    assert f"{both / 'tokenizer.json'} is missing" in str(told.value)
    shutil.copytree(audiocraft / "t5", both / "t5")
    assert load_musicgen(str(both)).layout == "audiocraft"


@pytest.mark.parametrize("inside", ["", "t5"])
def test_without_a_tokenizer_the_download_is_not_complete(whole, audiocraft, tmp_path, inside):
    folder = tmp_path / "model"
    shutil.copytree(audiocraft if inside else whole, folder)
    for path in (folder / inside).glob("tokenizer*.json"):
        path.unlink()
    with pytest.raises(FileError, match=r"tokenizer\.json is missing.*download is not complete"):
        load_musicgen(str(folder))


@pytest.mark.parametrize("content", ["", "{}", '{"version": "1.0"'])
def test_a_damaged_tokenizer(whole, tmp_path, content):
    folder = tmp_path / "model"
    shutil.copytree(whole, folder)
    (folder / "tokenizer.json").write_text(content)
    with pytest.raises(FileError, match="no tokenizer that can be read"):
        load_musicgen(str(folder))


@pytest.mark.parametrize(
    "key", ["emb.3.weight", "linears.3.weight", "transformer.layers.1.linear1.weight", "transformer.layers.0.norm_cross.bias",
            "transformer.layers.0.cross_attention.in_proj_weight", "condition_provider.conditioners.description.output_proj.bias"]
)  # fmt: skip
def test_a_key_that_is_missing_is_the_one_named(audiocraft, tmp_path, key):
    folder = tmp_path / "model"
    shutil.copytree(audiocraft, folder)
    package = torch.load(folder / "state_dict.bin")
    del package["best_state"][key]
    torch.save(package, folder / "state_dict.bin")
    with pytest.raises(FileError, match=rf"missing {key}$"):
        load_musicgen(str(folder))


def test_a_codebook_that_is_missing_is_named(audiocraft, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(audiocraft, folder)
    package = torch.load(folder / "compression_state_dict.bin")
    del package["best_state"]["quantizer.vq.layers.3._codebook.embed"]
    torch.save(package, folder / "compression_state_dict.bin")
    with pytest.raises(FileError, match=r"missing quantizer\.vq\.layers\.3\._codebook\.embed$"):
        load_musicgen(str(folder))


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "..", "sub/model.safetensors", 3])
def test_an_index_stays_in_its_folder(tmp_path, name):
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(FileError, match="no file of its own folder"):
        read_tensors(tmp_path)


@pytest.mark.parametrize(
    ("listed", "there", "absent"),
    [
        ([], ["model.safetensors"], None),
        ([], ["pytorch_model.bin"], None),
        ([], [], "model.safetensors"),
        (["a.safetensors", "b.safetensors"], ["a.safetensors", "b.safetensors"], None),
        (["a.safetensors", "b.safetensors"], ["a.safetensors", "pytorch_model.bin"], "b.safetensors"),
        (["a.safetensors", "b.safetensors"], ["pytorch_model.bin"], "a.safetensors"),
    ],
)
def test_a_folder_is_complete_when_its_weights_can_be_read(tmp_path, listed, there, absent):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "tokenizer.json").write_text("{}")
    if listed:
        index = {"weight_map": {name: name for name in listed}}
        (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    for name in there:
        if name.endswith(".bin"):
            torch.save({name: torch.ones(1)}, tmp_path / name)
        else:
            save_file({name: torch.ones(1)}, tmp_path / name)
    assert missing_of_transformers(tmp_path) == absent
    if absent is None:
        assert sorted(read_tensors(tmp_path)) == there
    else:
        with pytest.raises(FileError, match=f"{absent} is missing; the download is not complete"):
            read_tensors(tmp_path)


def test_pointers_of_git_lfs_are_named(tmp_path):
    (tmp_path / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n")
    with pytest.raises(FileError, match="is a pointer of git-lfs, not the file itself"):
        read_tensors(tmp_path)


def test_a_plain_pickle_is_refused_without_remarks(tmp_path):
    path = tmp_path / "state_dict.bin"
    path.write_bytes(pickle.dumps({"a": 1}, protocol=4))
    with warnings.catch_warnings(), pytest.raises(FileError, match=r"state_dict\.bin is damaged"):
        warnings.simplefilter("error")
        read_pickled(path)


def test_advice_fits_what_was_given():
    with pytest.raises(MissingDependencyError, match="there is no folder '/nonexist'") as told:
        load_musicgen("/nonexist")
    assert "hf download" not in str(told.value)
    with pytest.raises(MissingDependencyError, match="hf download facebook/none --local-dir DIR"):
        load_musicgen("facebook/none")


@pytest.mark.parametrize("layout", ["transformers", "audiocraft"])
@pytest.mark.parametrize("key", ["lm", "codec"])
def test_weights_that_are_not_numbers_are_named(whole, audiocraft, tmp_path, layout, key, capsys):
    from safetensors.torch import load_file, save_file

    from partimento.cli.main import main

    folder = tmp_path / "model"
    shutil.copytree(whole if layout == "transformers" else audiocraft, folder)
    if layout == "transformers":
        file = "model.safetensors"
        name = "decoder.lm_heads.0.weight" if key == "lm" else "audio_encoder.decoder.layers.0.conv.bias"
        state = load_file(folder / file)
        state[name][0] = float("nan")
        save_file(state, folder / file, {"format": "pt"})
    else:
        file, name = ("state_dict.bin", "linears.0.weight") if key == "lm" else ("compression_state_dict.bin", "decoder.model.0")
        package = torch.load(folder / file)
        next(tensor for known, tensor in package["best_state"].items() if known.startswith(name)).view(-1)[0] = float("nan")
        torch.save(package, folder / file)
    command = ["generate", "calm piano", "--duration", "2", "--model", str(folder), "--no-audio-report", "--quiet"]
    assert main([*command, "-o", str(tmp_path / "a.wav")]) == 2
    said = capsys.readouterr().err
    assert f"{folder / file}: {name}" in said
    assert "not numbers (NaN or infinity); get the model again" in said
    assert not list(tmp_path.glob("*a.*"))


@pytest.mark.parametrize("engine", ["eager", "int8", "int4"])
@pytest.mark.parametrize(
    "name", ["decoder.model.decoder.layers.1.fc1.weight", "decoder.model.decoder.layers.0.self_attn.v_proj.weight"]
)
def test_engines_do_not_round_them_away(whole, tmp_path, engine, name):
    from safetensors.torch import load_file, save_file

    from partimento.models.musicgen.loader import load_for_engine

    folder = tmp_path / "model"
    shutil.copytree(whole, folder)
    state = load_file(folder / "model.safetensors")
    state[name][3, 5] = float("inf")
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(FileError, match=rf"model\.safetensors: {name} holds values that are not numbers"):
        load_for_engine(str(folder), engine)
