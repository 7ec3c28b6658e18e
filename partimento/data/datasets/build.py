"""From the parts that a reader found to an item that has been looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypedDict, Unpack

from partimento.data.datasets.check import check_sound, check_stems, common_rate
from partimento.data.datasets.item import Item, Level, Skip, Split, Stem
from partimento.errors import FileError


class Facts(TypedDict, total=False):
    """Fields of :class:`Item` that no file has to be opened for."""

    captions: tuple[str, ...]
    tags: tuple[str, ...]
    split: Split | None
    licence: str
    score: Path | None
    truth: Path | None


def checked_item(
    dataset: str, id_: str, audio: Path | None, stems: Sequence[Stem], level: Level, **facts: Unpack[Facts]
) -> Iterator[Item | Skip]:
    """An item with those of its stems that are usable, and what was left out.

    The item itself is left out when its mix is unusable, when it has neither mix nor usable stems, or when its files
    have different sample rates. Without a mix a missing stem would change the sound, so one unusable file costs the item;
    a silent one does not.
    """
    good, sounds, skips = check_stems(id_, stems, level)
    rates = [sound.sample_rate for sound in sounds.values()]
    try:
        if audio is not None:
            mix = check_sound(audio, level)
            duration_s = mix.duration_s
            rates.append(mix.sample_rate)
        else:
            lost = [s for s in skips if "silent" not in s.reason]
            if lost:
                raise FileError(f"its mix is the sum of its stems, and one is unusable: {lost[0].reason}")
            if not good:
                raise FileError("no usable sound")
            duration_s = max(sound.duration_s for sound in sounds.values())
        rate = common_rate(rates)
    except FileError as error:
        yield Skip(id_, str(error))
        return
    yield from skips
    yield Item(id_, dataset, audio, duration_s, rate, good, **facts)
