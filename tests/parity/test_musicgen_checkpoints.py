"""Whole checkpoints in both layouts against transformers: the same text, tokens and sound."""

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import musicgen_factory as factory  # noqa: E402

from partimento.errors import FileError, MissingDependencyError, ParseError  # noqa: E402
from partimento.lm.generate import Texts, generate  # noqa: E402
from partimento.lm.patterns import interleave  # noqa: E402
from partimento.lm.sampling import Sampling  # noqa: E402
from partimento.models.musicgen.folder import find_folder  # noqa: E402
from partimento.models.musicgen.loader import load_musicgen  # noqa: E402

LAYOUTS = ("transformers", "audiocraft", "audiocraft with pointer", "stereo")


@pytest.fixture(scope="module", params=LAYOUTS)
def pair(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    theirs = factory.build(channels=2 if request.param == "stereo" else 1)
    if request.param.startswith("audiocraft"):
        factory.save_audiocraft(folder, theirs, pointer="pointer" in request.param)
    else:
        factory.save_transformers(folder, theirs)
    return theirs, load_musicgen(str(folder))


@torch.no_grad()
def test_text_tokens_and_sound(pair):
    theirs, ours = pair
    ids = factory.tokenizer()("calm piano and strings", return_tensors="pt").input_ids
    states = theirs.text_encoder(input_ids=ids).last_hidden_state
    texts = ours.texts.encode(["calm piano and strings"])
    assert torch.equal(texts.mask, torch.ones_like(ids).bool())
    assert (texts.states - states).abs().max() <= 1e-5
    config = ours.lm.config
    codes = torch.randint(0, factory.CARDINALITY, (1, config.n_codebooks, 30), generator=torch.Generator().manual_seed(1))
    tokens = interleave(codes, config.delays, config.special)
    expected = theirs(input_ids=ids, decoder_input_ids=tokens.reshape(-1, tokens.shape[-1])).logits
    got = ours.lm(tokens, ours.lm.text_context(texts.states, texts.mask))
    assert expected.std() > 0.5
    assert (got.reshape(expected.shape) - expected).abs().max() <= 1e-4
    step = 2 if ours.stereo else 1
    sides = [theirs.audio_encoder.decode(codes[None, :, side::step], [None]).audio_values for side in range(step)]
    sound = ours.decode(codes)
    assert sound.shape == (1, step, 30 * 640)
    assert (sound - torch.cat(sides, dim=1)).abs().max() <= 1e-4
    streamed = torch.cat(list(ours.decode_stream(iter(codes.split(7, dim=-1)))), dim=-1)
    assert (streamed - sound).abs().max() <= 1e-5
    again = ours.encode(sound)
    assert again.shape == codes.shape
    for side in range(step):
        assert torch.equal(again[:, side::step], theirs.audio_encoder.encode(sides[side], bandwidth=1.2).audio_codes[0])


def test_prompt_to_sound(pair):
    _, ours = pair
    texts = Texts(ours.texts.encode(["calm piano"]), ours.texts.encode(["drums vocals"]))
    sound = torch.cat(list(ours.decode_stream(generate(ours.lm, texts, 60, Sampling(), [3]))), dim=-1)
    assert sound.shape == (1, ours.channels, 60 * 640)
    assert torch.isfinite(sound).all()


def test_a_text_alone_equals_itself_in_a_batch(pair):
    _, ours = pair
    texts = ["calm piano", "fast drums and a slow song", "", "jazz"]
    together = ours.texts.encode(texts)
    assert together.mask.sum(dim=1).tolist() == [3, 7, 0, 2]
    for i, text in enumerate(texts):
        alone = ours.texts.encode([text])
        n = alone.mask.sum()
        assert torch.equal(alone.states[0, :n], together.states[i, :n])
        assert not together.states[i, n:].any()


def test_damage_is_named(tmp_path):
    from safetensors.torch import load_file, save_file

    theirs = factory.build()
    factory.save_transformers(tmp_path, theirs)
    path = tmp_path / "model.safetensors"
    whole = path.read_bytes()
    tensors = load_file(path)

    def refuse(pattern, changed=None):
        if changed is not None:
            save_file(changed, path)
        with pytest.raises(FileError, match=pattern):
            load_musicgen(str(tmp_path))

    head = "decoder.lm_heads.2.weight"
    refuse(f"missing {head}", {k: v for k, v in tensors.items() if k != head})
    refuse("unknown decoder.other", tensors | {"decoder.other": torch.zeros(1)})
    refuse(r"lm_heads.2.weight has shape \(64, 31\).*\(64, 32\)", tensors | {head: torch.zeros(64, 31)})
    refuse("audio_encoder.*missing quantizer.entries", {k: v for k, v in tensors.items() if "quantizer.layers.1" not in k})
    path.write_bytes(whole[: len(whole) // 2])
    refuse("half downloaded")
    path.unlink()
    refuse("not complete")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    path.write_bytes(whole)
    with pytest.raises(ParseError, match="model_type 'bert'"):
        load_musicgen(str(tmp_path))


def test_missing_models_say_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(MissingDependencyError, match="hf download facebook/musicgen-none --local-dir DIR"):
        load_musicgen("facebook/musicgen-none")
    with pytest.raises(FileError, match=r"neither config.json nor state_dict.bin"):
        load_musicgen(str(tmp_path))
    assert find_folder(str(tmp_path)) == tmp_path


def test_half_an_audiocraft_model(tmp_path):
    factory.save_audiocraft(tmp_path, factory.build())
    path = tmp_path / "state_dict.bin"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(FileError, match="half downloaded"):
        load_musicgen(str(tmp_path))
