"""Short prompts that the joint embedding is asked one by one while it learns: does a flute play in this window, is it a waltz?

A batch's captions name what usually comes together, and a model that knows the style can guess most of it. A prompt for every
known instrument and style, true or not of every window, leaves nothing but listening (sigmoid loss: Zhai et al. 2023, section 3).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from partimento.embed.tower import TowerConfig
from partimento.embed.words import caption_words, padded_ids
from partimento.score.instruments import Instrument, instruments
from partimento.train.captioning import ABSENT, TrueFacts, known_labels

PLAYED_WORDINGS = ("A piece with {}.", "{}", "music with {}", "a song with {}", "{} plays", "instrumental music with {}")
STYLE_WORDINGS = ("A {} piece.", "{}", "{} music", "a piece of {}", "a {} song", "a piece in {} style")
_FAMILY_NAMES = {**ABSENT, "percussion": "percussion", "voices": "voice"}
"""Family → the word that people say for any of it: true in one sense where a member plays, so neither asked nor denied."""


class Prompts:
    """Prompts for instruments and styles, and which of them are true of a window.

    Args:
        text: whose words prompts become.
        counts: how many training items each instrument plays in; those of the table are asked for.
        n_items: training items.
    """

    def __init__(self, text: TowerConfig, counts: Mapping[str, int], n_items: int) -> None:
        table = instruments()
        self.played = tuple(id_ for id_ in table if counts.get(id_))
        self.styles = tuple(sorted({label for _, label in known_labels()}))
        names = [table[id_].en for id_ in self.played]
        rows = [[wording.format(name) for wording in PLAYED_WORDINGS] for name in names]
        rows += [[wording.format(label) for wording in STYLE_WORDINGS] for label in self.styles]
        shares = [min(0.5, counts[id_] / max(1, n_items)) for id_ in self.played] + [1.0 / len(self.styles)] * len(self.styles)
        self.weights = torch.tensor([((1.0 - p) / p) ** 0.5 for p in shares])
        ids = padded_ids([prompt for row in rows for prompt in row], text.words, text.most_words)
        longest = max(1, int((ids != 0).sum(axis=1).max()))
        self._ids = torch.from_numpy(ids[:, :longest].reshape(len(rows), len(PLAYED_WORDINGS), longest))
        self._place = {id_: i for i, id_ in enumerate(self.played)}
        self._like = {id_: [i for i, other in enumerate(self.played) if _alike(table[other], row)] for id_, row in table.items()}

    def __len__(self) -> int:
        """How many are asked, styles behind instruments."""
        return len(self.weights)

    def draw(self, device: torch.device) -> Tensor:
        """Word numbers ``[C, L]`` in a random wording each (torch's generator of the processor)."""
        chosen = torch.randint(self._ids.shape[1], (len(self),))
        return self._ids[torch.arange(len(self)), chosen].to(device)

    def first(self, device: torch.device) -> Tensor:
        """Word numbers ``[C, L]`` in the first wording: the canonical one."""
        return self._ids[:, 0].to(device)

    def wanted(self, facts: TrueFacts | None, barely: Collection[str] = ()) -> NDArray[np.float32]:
        """Which prompts are true ``[C]``: 1 true, 0 not, -1 not known.

        Not known are instruments that sound or are called like one that plays, and styles where the style is not known.

        Args:
            facts: of the window; None where nothing is known.
            barely: instruments that play too short to say so.
        """
        n, out = len(self.played), np.full(len(self), -1.0, dtype=np.float32)
        if facts is None:
            return out
        out[:n] = 0.0
        playing = [id_ for id_, _ in facts.parts]
        for id_ in playing:
            out[self._like.get(id_, [])] = -1.0
        out[[self._place[id_] for id_ in barely if id_ in self._place]] = -1.0
        out[[self._place[id_] for id_ in playing if id_ in self._place]] = 1.0
        if facts.label in self.styles:
            out[n:] = 0.0
            out[n + self.styles.index(facts.label)] = 1.0
        return out


def _alike(asked: Instrument, playing: Instrument) -> bool:
    """Whether asking for one where the other plays is a matter of words: the same sound, or a word for more than one."""
    if asked.id == playing.id:
        return False
    same_sound = not asked.is_drum and not playing.is_drum and asked.program == playing.program
    wider = set(caption_words(asked.en)) <= set(caption_words(playing.en))
    return same_sound or wider or _FAMILY_NAMES.get(playing.family) == asked.en
