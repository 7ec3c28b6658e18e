"""MUSDB18-HQ: 150 songs in four stems.

Layout (Rafii et al., "MUSDB18-HQ", Zenodo 3338373; ``github.com/sigsep/sigsep-mus-db``): ``{train,test}/<artist - title>/``
with ``mixture.wav``, ``vocals.wav``, ``drums.wav``, ``bass.wav`` and ``other.wav``, 44.1 kHz stereo. Fourteen songs of
``train`` are the validation split (``musdb/configs/mus.yaml``). For education and research only: each song has its own
licence.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from partimento.data.datasets.build import checked_item
from partimento.data.datasets.item import Item, Level, Skip, Split, Stem

NAME = "musdb18-hq"
LICENCE = "research only, by song"
STEMS = ("vocals", "drums", "bass", "other")
VALIDATION = frozenset({
    "ANiMAL - Rockshow", "Actions - One Minute Smile", "Alexander Ross - Goodbye Bolero",
    "Clara Berry And Wooldog - Waltz For My Victims", "Fergessen - Nos Palpitants", "James May - On The Line",
    "Johnny Lokke - Promises & Lies", "Leaf - Summerghost", "Meaxic - Take A Step", "Patrick Talbot - A Reason To Leave",
    "Skelpolu - Human Mistakes", "Traffic Experiment - Sirens", "Triviul - Angelsaint", "Young Griffo - Pennies",
})  # fmt: skip


def _folders(root: Path) -> Iterator[tuple[str, Path]]:
    """Split and folder of every song."""
    for split in ("train", "test"):
        if (root / split).is_dir():
            for folder in sorted((root / split).iterdir()):
                if folder.is_dir() and any((folder / f"{name}.wav").exists() for name in ("mixture", *STEMS)):
                    yield split, folder


def detect(root: Path) -> bool:
    """True for a folder of this layout."""
    return any((folder / "mixture.wav").exists() for _, folder in _folders(root))


def read(root: Path, level: Level = "headers") -> Iterator[Item | Skip]:
    """Songs in order of split and name."""
    for name, folder in _folders(root):
        stems = [Stem(stem, stem, folder / f"{stem}.wav") for stem in STEMS]
        split: Split = "test" if name == "test" else "valid" if folder.name in VALIDATION else "train"
        yield from checked_item(NAME, folder.name, folder / "mixture.wav", stems, level, split=split, licence=LICENCE)
