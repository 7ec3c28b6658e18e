"""What a rendered dataset is to hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RenderConfig:
    """What to render.

    Attributes:
        out: folder of the dataset.
        sheets: folder of MusicXML sheets, or None for composed pieces only.
        n_items: items to have at the end.
        seed: decides everything.
        soundfonts: names or paths; one is drawn per item.
        held_out_soundfont: plays every second test item and nothing else.
        sample_rate: Hz.
        seconds: shortest and longest item.
        composed_share: share of items written by the composer.
        stems: write stems as well.
        gain_jitter_db: each stem's own gain, either way.
        room_share: share of items played in a room.
    """

    out: Path
    sheets: Path | None = None
    n_items: int = 100
    seed: int = 0
    soundfonts: tuple[str, ...] = ("fluidr3",)
    held_out_soundfont: str | None = None
    sample_rate: int = 32_000
    seconds: tuple[float, float] = (20.0, 40.0)
    composed_share: float = 0.5
    stems: bool = True
    gain_jitter_db: float = 6.0
    room_share: float = 0.6
