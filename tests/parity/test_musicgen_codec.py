"""EnCodec against transformers, on small models with random weights."""

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from partimento.codec.encodec import EncodecCodec  # noqa: E402
from partimento.codec.encodec_layout import config_from_transformers, weights_from_transformers  # noqa: E402
from partimento.codec.interface import Encoded  # noqa: E402

SMALL = {"num_filters": 4, "hidden_size": 16, "codebook_size": 64}
SHAPES = {
    "musicgen 32 kHz": {
        "sampling_rate": 32_000, "upsampling_ratios": [8, 5, 4, 4], "use_causal_conv": False, "use_conv_shortcut": False,
        "target_bandwidths": [1.2],
    },
    "24 kHz": {"sampling_rate": 24_000, "target_bandwidths": [0.9, 1.8]},
    "24 kHz constant padding": {"sampling_rate": 24_000, "target_bandwidths": [1.8], "pad_mode": "constant"},
    "48 kHz": {
        "sampling_rate": 48_000, "audio_channels": 2, "normalize": True, "chunk_length_s": 0.1, "overlap": 0.01,
        "norm_type": "time_group_norm", "use_causal_conv": False, "target_bandwidths": [3.6],
    },
}  # fmt: skip


def build(name: str):
    torch.set_num_threads(1)
    torch.manual_seed(3)
    config = transformers.EncodecConfig(**SMALL, **SHAPES[name])
    theirs = transformers.EncodecModel(config).eval()
    with torch.no_grad():
        seen = theirs.encoder(torch.randn(1, config.audio_channels, 4_800) * 0.3)
        for level in theirs.quantizer.layers:  # entries where the encoder's outputs are, so that all codes occur
            entries = torch.randn(config.codebook_size, config.hidden_size)
            centre = seen.mean(dim=-1) if level is theirs.quantizer.layers[0] else 0.0
            level.codebook.embed.copy_(entries * seen.std(dim=-1) + centre)
    ours = EncodecCodec(config_from_transformers(config.to_dict())).eval()
    ours.load_state_dict(weights_from_transformers(theirs.state_dict()))
    return theirs, ours


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("n", [1, 9_600, 12_345])
def test_codes_and_sound_are_those_of_transformers(name, n):
    theirs, ours = build(name)
    wav = torch.randn(2, ours.channels, n, generator=torch.Generator().manual_seed(n)) * 0.3
    with torch.no_grad():
        codes, scales, short = theirs.encode(wav, bandwidth=theirs.config.target_bandwidths[-1], return_dict=False)
        sound = theirs.decode(codes, scales, last_frame_pad_length=short)[0]
    encoded = ours.encode(wav)
    flat = torch.cat(list(codes), dim=-1)
    assert torch.equal(encoded.codes, flat[..., : flat.shape[-1] - short])
    assert encoded.codes.unique().numel() > min(8, n // 100)
    decoded = ours.decode(encoded)
    assert decoded.shape == sound.shape
    assert sound.std() > 1e-3
    assert (decoded - sound).abs().max() <= 1e-4
    assert (scales[0] is None) == (encoded.scales is None)
    if encoded.scales is not None:
        assert torch.allclose(encoded.scales, torch.cat(scales, dim=-1), rtol=1e-6)


def test_fewer_codebooks_are_the_first_ones():
    theirs, ours = build("24 kHz")
    wav = torch.randn(1, 1, 5000) * 0.3
    with torch.no_grad():
        codes = theirs.encode(wav, bandwidth=0.9, return_dict=False)[0]
    assert torch.equal(ours.encode(wav, n_codebooks=codes.shape[2]).codes, codes[0])


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_pieces_put_together_are_the_whole(name, chunk):
    _, ours = build(name)
    wav = torch.randn(2, ours.channels, 12_345, generator=torch.Generator().manual_seed(1)) * 0.3
    encoded = ours.encode(wav)
    whole = ours.decode(encoded)
    pieces = torch.cat(list(ours.decode_chunks(encoded, chunk)), dim=-1)
    assert pieces.shape == whole.shape
    assert (pieces - whole).abs().max() <= 1e-5


def test_stream_gives_sound_early_and_keeps_little():
    _, ours = build("musicgen 32 kHz")
    codes = torch.randint(0, 64, (1, ours.n_codebooks, 40), generator=torch.Generator().manual_seed(1))
    stream, lengths, kept = ours.stream(), [], []
    for frame in range(40):
        lengths.append(stream.push(codes[..., frame : frame + 1], last=frame == 39).shape[-1])
        memories = [stream._stream._shared, *stream._stream._own]
        held = [v if isinstance(v, tuple) else (v,) for memory in memories for v in memory.values()]
        kept.append(sum(t.numel() for v in held for t in v if isinstance(t, torch.Tensor)))
    assert sum(lengths) == 40 * 640
    assert sum(lengths[:10]) >= 4 * 640
    assert max(kept) == max(kept[:12]), "what a stream keeps must not grow"
    whole = ours.decode(Encoded(codes))
    assert whole.shape[-1] == sum(lengths)
