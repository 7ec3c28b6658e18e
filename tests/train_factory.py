"""Tiny data and models for tests of training: a codec of a few weights, a rendered dataset of a few tones, its token cache."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import soundfile
import torch

RATE = 8_000
HOP = 160
CODEC = {
    "sample_rate": RATE, "n_fft": 640, "hop": HOP, "n_single": 40, "n_bands": 60, "width": 16, "hidden": 32, "kernel": 3,
    "encoder_blocks": 1, "decoder_blocks": 1, "quantizer": {"n_codebooks": 3, "cardinality": 16, "dimension": 4},
}  # fmt: skip
PLAYED = (("piano", "chords"), ("violin", "melody"), ("drums", "drums"), ("flute", "melody"))


def tiny_codec(folder: Path) -> Path:
    """A codec checkpoint with random weights (50 Hz, 3 codebooks of 16)."""
    import msgspec
    from safetensors.torch import save_file

    from partimento.codec.mini import MiniCodec, MiniCodecConfig

    torch.manual_seed(3)
    codec = MiniCodec(msgspec.convert(CODEC, MiniCodecConfig))
    noise = torch.randn(400, 4)
    codec.quantizer.initialize(noise)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in codec.state_dict().items()}, str(folder / "model.safetensors"))
    (folder / "config.json").write_text(json.dumps({"task": "codec", "model": CODEC}))
    return folder


def tiny_rendered(folder: Path, n: int = 8, duration_s: float = 2.0) -> Path:
    """Tones in the layout of :mod:`partimento.data.render`; the pitch says which instruments are claimed."""
    lines = []
    for i in range(n):
        rng = np.random.default_rng(i)
        chosen = [PLAYED[i % 4], PLAYED[(i + 1) % 4]]
        t = np.arange(round(duration_s * RATE)) / RATE
        sound = 0.3 * np.sin(2 * np.pi * (200 + 150 * (i % 4)) * t) + 0.02 * rng.standard_normal(len(t))
        place = folder / "items" / f"{i:06d}"
        place.mkdir(parents=True)
        soundfile.write(place / "mix.flac", sound, RATE)
        names = " and ".join(name for name, _ in chosen)
        split = "valid" if i == n - 1 else "test" if i >= n - 3 else "train"
        captions = [f"happy {('jazz', 'waltz')[i % 2]}", f"slow {('jazz', 'waltz')[i % 2]} with {names}"]
        line = {"id": f"{i:06d}", "split": split, "captions": captions, "seconds": duration_s}
        rows = [{"name": n, "instrument": n, "role": r, "is_drum": n == "drums", "program": 0, "file": ""} for n, r in chosen]
        truth = {"tempo_bpm": 80.0 + i, "metre": "4/4", "keys": [[0.0, "C major"]], "beats": [0.0, 0.5], "stems": rows}
        (place / "item.json").write_text(json.dumps(line | truth))
        lines.append(json.dumps(line))
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def tiny_cache(folder: Path) -> tuple[Path, Path]:
    """A token cache of :func:`tiny_rendered` by :func:`tiny_codec`: cache and codec folders."""
    from partimento.data.cache.encoders import EncoderSpec
    from partimento.data.cache.write import EncodeConfig, encode_dataset

    codec = tiny_codec(folder / "codec")
    encode_dataset(EncodeConfig(tiny_rendered(folder / "rendered"), folder / "tokens", EncoderSpec("tokens", str(codec))))
    return folder / "tokens", codec


def tiny_lm_recipe(codec: Path, **optim: object) -> dict[str, object]:
    """A language model's recipe for :func:`tiny_cache`."""
    return {
        "task": "lm",
        "lm_model": {"n_codebooks": 2, "cardinality": 16, "width": 16, "n_layers": 2, "n_heads": 2, "ffn": 32},
        "text": {"width": 16, "n_layers": 1, "n_heads": 2, "ffn": 32, "most_words": 24, "dropout": 0.0},
        "codec_used": {"source": str(codec)},
        "lm": {"batch": 2, "window_frames": 40},
        "optim": {"learning_rate": 0.01, "warmup_steps": 2, "total_steps": 100} | optim,
        "run": {"log_every": 1, "validate_every": 1000, "bf16": False},
    }


def tiny_mel(folder: Path, n: int = 8) -> Path:
    """A cache of log-mel frames of :func:`tiny_rendered`."""
    from partimento.data.cache.encoders import EncoderSpec
    from partimento.data.cache.write import EncodeConfig, encode_dataset

    encode_dataset(EncodeConfig(tiny_rendered(folder / "rendered", n), folder / "mel", EncoderSpec("mel")))
    return folder / "mel"


def tiny_embed_recipe(**optim: object) -> dict[str, object]:
    """A joint embedding's recipe for :func:`tiny_mel`."""
    return {
        "task": "embed",
        "embed_model": {
            "window_frames": 50,
            "channels": [8, 8, 8, 8],
            "width": 32,
            "n_layers": 1,
            "n_heads": 2,
            "ffn": 64,
            "dim": 16,
            "dropout": 0.0,
        },
        "text": {"width": 16, "n_layers": 1, "n_heads": 2, "ffn": 32, "most_words": 24, "dropout": 0.0},
        "embed": {"batch": 6},
        "optim": {"learning_rate": 0.01, "warmup_steps": 2, "total_steps": 100} | optim,
        "run": {"log_every": 1, "validate_every": 1000, "bf16": False},
    }


def random_tokens(folder: Path, n: int = 4, n_frames: int = 100) -> Path:
    """A cache that says it is of the built-in codec, of random codes."""
    from partimento.data.cache.encoders import VERSION, EncoderSpec, open_encoder
    from partimento.data.cache.layout import INFO, SHARDS, Entry
    from partimento.data.cache.writer import CacheWriter

    layout = open_encoder(EncoderSpec("tokens", "mini-codec")).layout
    (folder / SHARDS).mkdir(parents=True)
    (folder / INFO).write_text(json.dumps(asdict(layout) | {"version": VERSION}))
    writer = CacheWriter(folder, layout, 1 << 20)
    with writer:
        for i in range(n):
            codes = np.random.default_rng(i).integers(0, 1024, (n_frames, layout.width)).astype(np.uint16)
            entry = Entry(f"a/{i}", str(i), 0, 0, 0, "valid" if i == 0 else "train", ("calm jazz with piano",))
            writer.add(entry, codes, None)
    return folder
