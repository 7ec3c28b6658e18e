"""Small listening tests: folders of systems with tones, and a captions file."""

from pathlib import Path

import numpy as np

from partimento.audio import write_audio
from partimento.audio.waveform import Waveform
from partimento.evaluate.listening_test.pairs import BuildOptions, ListeningTest, build

RATE = 16_000
SYSTEMS = ("alpha", "beta", "gamma")


def folders(root: Path, n_items: int = 4, systems: tuple[str, ...] = SYSTEMS, seconds: float = 0.6) -> list[Path]:
    """One folder per system, the later the louder; captions in ``captions.csv``."""
    t = np.arange(int(seconds * RATE)) / RATE
    for k, system in enumerate(systems):
        (root / system).mkdir()
        for i in range(n_items):
            tone = 0.05 * (k + 1) * np.sin(2 * np.pi * (200 + 40 * k + 15 * i) * t)
            write_audio(root / system / f"c{i}.wav", Waveform(tone.astype(np.float32), RATE))
    lines = [f'c{i},"Caption {i}, with a comma"' for i in range(n_items)]
    (root / "captions.csv").write_text("id,caption\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return [root / system for system in systems]


def make(root: Path, n_items: int = 4, systems: tuple[str, ...] = SYSTEMS, seconds: float = 0.6, **options) -> ListeningTest:
    """A test in ``root/test``."""
    sources = folders(root, n_items, systems, seconds)
    return build(BuildOptions(tuple(sources), root / "captions.csv", **options), root / "test")
