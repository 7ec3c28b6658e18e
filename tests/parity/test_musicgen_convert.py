"""Models written in both layouts: the same tensors, and transformers reads what is written in its own."""

import json
import subprocess
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import musicgen_factory as factory  # noqa: E402
from huggingface_hub.errors import LocalEntryNotFoundError  # noqa: E402

from partimento.cli.main import main  # noqa: E402
from partimento.models.musicgen import store  # noqa: E402
from partimento.models.musicgen import tables as released  # noqa: E402
from partimento.models.musicgen.convert import codec_tensors  # noqa: E402
from partimento.models.musicgen.loader import load_musicgen  # noqa: E402

KINDS = {"mono": (factory.build, 1), "stereo": (factory.build, 2), "melody": (factory.build_melody, None)}


@pytest.fixture(scope="module", params=KINDS)
def original(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param) / "original"
    build, channels = KINDS[request.param]
    model = build() if channels is None else build(channels)
    factory.save_transformers(folder, model)
    return model, folder


def parts(folder):
    model = load_musicgen(str(folder))
    return model, {
        f"{part}.{name}": tensor
        for part, module in (("lm", model.lm), ("codec", model.codec), ("t5", model.texts.model))
        for name, tensor in module.state_dict().items()
    }


def assert_equal(first, second):
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


def models(*arguments):
    return main(["models", *map(str, arguments)])


def test_there_and_back_again(original, tmp_path):
    theirs, folder = original
    ours, tensors = parts(folder)
    assert models("export", folder, "--layout", "audiocraft", "--to", tmp_path / "ac") == 0
    there, same = parts(tmp_path / "ac")
    assert there.layout == "audiocraft"
    assert_equal(same, tensors)
    # AudioCraft's files do not say how long the chroma is: it is that of 30 s.
    assert there.lm.config == replace(ours.lm.config, melody_frames=235)
    assert (there.codec.config, there.stereo) == (ours.codec.config, ours.stereo)
    assert models("export", tmp_path / "ac", "--layout", "transformers", "--to", tmp_path / "hf") == 0
    back, again = parts(tmp_path / "hf")
    assert (back.layout, back.codec.config) == ("transformers", ours.codec.config)
    assert_equal(again, tensors)
    loaded = type(theirs).from_pretrained(tmp_path / "hf").eval()
    expected = {k: v for k, v in theirs.state_dict().items() if "weight.original" not in k and "codebook." not in k}
    state = loaded.state_dict()
    assert state.keys() == theirs.state_dict().keys()
    for name, tensor in expected.items():
        assert torch.equal(state[name], tensor), name
    codes = torch.randint(0, factory.CARDINALITY, (1, 1, 4, 20), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        sounds = [model.audio_encoder.decode(codes, [None]).audio_values for model in (theirs, loaded)]
    assert (sounds[0] - sounds[1]).abs().max() <= 1e-5


def test_audiocraft_files_are_those_of_an_independent_writer(tmp_path):
    model = factory.build()
    factory.save_transformers(tmp_path / "hf", model)
    factory.save_audiocraft(tmp_path / "theirs", model)
    assert models("export", tmp_path / "hf", "--layout", "audiocraft", "--to", tmp_path / "ours") == 0
    wanted, found = (torch.load(tmp_path / name / "state_dict.bin", weights_only=True) for name in ("theirs", "ours"))
    assert_equal(found["best_state"], wanted["best_state"])
    assert found["exported"] is True
    wanted, found = (torch.load(tmp_path / name / "compression_state_dict.bin", weights_only=True) for name in ("theirs", "ours"))
    assert {k: v.shape for k, v in found["best_state"].items()} == {k: v.shape for k, v in wanted["best_state"].items()}


@pytest.mark.parametrize("name", released.released_codecs())
@pytest.mark.parametrize(("layout", "table"), [("transformers", "huggingface"), ("audiocraft", "audiocraft")])
def test_codecs_are_written_under_the_released_names(name, layout, table):
    from partimento.codec.encodec import EncodecCodec, EncodecConfig
    from partimento.codec.seanet import SeanetConfig

    configs = {
        "encodec_32khz": EncodecConfig(),
        "encodec_24khz": EncodecConfig(24_000, 32, 1024, seanet=SeanetConfig(
            n_filters=32, ratios=(8, 5, 4, 2), causal=True, conv_shortcut=True)),
        "encodec_48khz": EncodecConfig(48_000, 16, 1024, True, 1.0, seanet=SeanetConfig(
            channels=2, n_filters=32, ratios=(8, 5, 4, 2), conv_shortcut=True, group_norm=True)),
    }  # fmt: skip
    with torch.device("meta"):
        written = codec_tensors(EncodecCodec(configs[name]), layout)
    assert {key: tuple(tensor.shape) for key, tensor in written.items()} == released.codec(name, table)


def test_import_keeps_the_files_and_their_hashes(original, tmp_path, capsys):
    _, folder = original
    to = tmp_path / "deep" / "model"
    assert models("import", folder, "--to", to) == 0
    for path in folder.iterdir():
        assert (to / path.name).read_bytes() == path.read_bytes()
    done = subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=to, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    capsys.readouterr()
    assert models("info", to, "--json") == 0
    facts = json.loads(capsys.readouterr().out)["checkpoint"]
    assert (facts["layout"], facts["layers"], facts["width"]) == ("transformers", 3, 32)
    assert facts["hashes"] == "as imported (SHA256SUMS)"
    assert models("info", to) == 0
    assert "cross-attention" in (said := capsys.readouterr().out) or "prefix" in said
    assert "melody (recording)" in said

    def refused(*arguments):
        assert models(*arguments) == 2
        return capsys.readouterr().err

    assert "exists; give a new folder" in refused("import", folder, "--to", to)
    weights = to / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-100])
    assert "half copied or changed" in refused("info", to)
    weights.unlink()
    assert "the model is not complete" in refused("info", to)
    weights.write_bytes(whole)
    assert models("info", to) == 0
    (to / "SHA256SUMS").write_text("nonsense\n")
    assert "is damaged" in refused("info", to)


def test_a_pointed_codec_and_a_borrowed_text_encoder_are_brought_along(tmp_path):
    model = factory.build()
    factory.save_audiocraft(tmp_path / "a", model, pointer=True)
    (tmp_path / "a" / "t5").rename(tmp_path / "t5")
    assert models("import", tmp_path / "a", "--text-encoder", tmp_path / "t5", "--to", tmp_path / "b") == 0
    assert (tmp_path / "b" / "t5").is_dir()
    alone, tensors = parts(tmp_path / "b")
    assert alone.layout == "audiocraft"
    wanted = load_musicgen(str(tmp_path / "a"), str(tmp_path / "t5"))
    for name, tensor in wanted.codec.state_dict().items():
        assert torch.equal(tensors[f"codec.{name}"], tensor)


def test_what_cannot_be_brought_is_one_line_and_leaves_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def offline(*_args, **_more):
        raise LocalEntryNotFoundError("no network")

    monkeypatch.setattr("huggingface_hub.snapshot_download", offline)

    def refused(*arguments):
        assert models(*arguments) == 2
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("partimento")]
        assert len(lines) == 1
        return lines[0]

    nowhere = refused("import", "facebook/musicgen-none", "--to", tmp_path / "x")
    assert "hf download facebook/musicgen-none --local-dir DIR" in nowhere
    assert "--layout" in refused("export", tmp_path, "--to", tmp_path / "x")
    assert "--to DIR" in refused("import", tmp_path)
    half = tmp_path / "half"
    factory.save_transformers(half, factory.build())
    (half / ".cache").mkdir()
    (half / ".cache" / "model.safetensors.abc.incomplete").write_bytes(b"half")
    assert "stopped half-way" in refused("import", half, "--to", tmp_path / "x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["half"]


def test_an_id_is_downloaded_when_it_is_not_here(tmp_path, monkeypatch):
    folder = tmp_path / "hub"
    factory.save_transformers(folder, factory.build())
    asked = []

    def snapshot_download(name, local_files_only=False, **_more):
        asked.append((name, local_files_only))
        if local_files_only:
            raise LocalEntryNotFoundError("not here")
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    assert store.import_model("facebook/tiny", tmp_path / "tiny").folder == tmp_path / "tiny"
    assert asked == [("facebook/tiny", True), ("facebook/tiny", False)]
