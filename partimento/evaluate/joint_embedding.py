"""How good is a joint embedding? Words find music, beside an oracle that knows the truth; instruments and styles by name.

    python -m partimento.evaluate.joint_embedding [CHECKPOINT] --data cache/mel [--split test] [--items 1000] [--json FILE]

- **text → music R@10**: how often a caption's own item is among the ten nearest of N, for short, middle and long captions.
  Captions with figures or keys are left out; those of the test split come from templates that training never saw.
- **oracle**: ranks by how many of the caption's claims (style, moods, instruments present and absent, tempo word, who enters
  later) are true of an item; ties give their share. No model of words alone can do better on average. **Chance** is 10 / N.
- **zero-shot AUC**: sounds ranked by ``A piece with flute.`` or ``A waltz piece.`` against what they hold, macro over classes
  with ten or more items on each side.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from partimento.data.cache.layout import Entry
from partimento.data.cache.read import FrameCache
from partimento.data.captions import FAMILY_WORDS, TEMPO_WORDS, tempo_word
from partimento.errors import FileError, PartimentoError
from partimento.score.instruments import instruments
from partimento.tables import text_table
from partimento.train.captioning import facts_of_window, known_labels, known_moods

if TYPE_CHECKING:
    from partimento.embed.loading import JointEmbedder

Floats = NDArray[np.float64]
DEFAULT_ITEMS = 1_000
LENGTHS = ("short", "middle", "long")
TOP = 10
LEAST_PER_SIDE = 10
_FAMILIES = {words: family for family, words in FAMILY_WORDS.items()}
_KEY = re.compile(r"\b[A-G](?:#|b)? (?:major|minor)\b")
_NO = re.compile(r"\bno ([a-z ]+)")
_LATE = re.compile(r"the ([a-z ]+) enters later")


@dataclass(frozen=True, slots=True)
class JointFigures:
    """What was measured.

    Attributes:
        n_items: N.
        recall, oracle: R@10 by length of caption, 0 to 1.
        chance: R@10 of guessing.
        instrument_auc, style_auc: macro averages, NaN without classes.
        n_instruments, n_styles: classes in them.
    """

    n_items: int
    recall: dict[str, float]
    oracle: dict[str, float]
    chance: float
    instrument_auc: float
    style_auc: float
    n_instruments: int
    n_styles: int

    def table(self) -> str:
        """For people."""
        rows = [(f"R@{TOP}, {n}", f"{r:.3f}", f"{self.oracle[n]:.3f}", f"{self.chance:.3f}") for n, r in self.recall.items()]
        rows.append((f"instruments, AUC of {self.n_instruments}", f"{self.instrument_auc:.3f}", "1.000", "0.500"))
        rows.append((f"styles, AUC of {self.n_styles}", f"{self.style_auc:.3f}", "1.000", "0.500"))
        return text_table((f"{self.n_items} items", "model", "oracle", "chance"), rows)


def claims(caption: str) -> frozenset[str]:
    """What a caption says, as ``kind:value``."""
    said = caption.lower()
    absent = {f"absent:{_FAMILIES[w.strip()]}" for m in _NO.finditer(said) if (w := m.group(1)).strip() in _FAMILIES}
    late = {f"late:{m.group(1).strip()}" for m in _LATE.finditer(said)}
    rest = _LATE.sub(" ", _NO.sub(" ", said))
    found = absent | late
    for word in sorted((w for _, w in TEMPO_WORDS), key=len, reverse=True):
        if re.search(rf"\b{word}\b", rest):
            found.add(f"tempo:{word}")
            rest = re.sub(rf"\b{word}\b", " ", rest)
    for name in sorted({row.en for row in instruments().values()}, key=lambda n: (-len(n), n)):
        if re.search(rf"\b{re.escape(name)}\b", rest):
            found.add(f"with:{name}")
            rest = re.sub(rf"\b{re.escape(name)}\b", " ", rest)
    label = next((name for written, name in known_labels() if re.search(rf"\b{re.escape(written)}\b", rest)), "")
    moods = {f"mood:{m}" for m in known_moods() if re.search(rf"\b{m.replace('_', ' ')}\b", rest)}
    return frozenset(found | moods | ({f"style:{label}"} if label else set()))


def attributes(cache: FrameCache, entry: Entry) -> frozenset[str]:
    """What is true of an item, in the same terms; style, mood and order are those that any of its captions says."""
    said = frozenset().union(*(claims(caption) for caption in entry.captions))
    controls = cache.controls(entry)
    facts = facts_of_window("", controls, 0.0)
    if facts is None:
        return said
    table = instruments()
    rows = [table[id_] for id_, _ in facts.parts if id_ in table]
    families = {row.family for row in rows} | ({"drums"} if "percussion" in {row.family for row in rows} else set())
    true = {f"with:{row.en}" for row in rows} | {f"absent:{f}" for f in _FAMILIES.values() if f not in families}
    if facts.bpm:
        true.add(f"tempo:{tempo_word(facts.bpm)}")
    return frozenset(true) | {c for c in said if c.split(":")[0] in ("style", "mood", "late")}


def recall_at(scores: Floats, own: NDArray[np.int64], top: int = TOP) -> float:
    """How often the own item is among the first ``top``; ties in random order, by expectation.

    Args:
        scores: ``[captions, items]``.
        own: index of each caption's item.
    """
    mine = scores[np.arange(len(own)), own][:, None]
    better, tied = (scores > mine).sum(axis=1), (scores == mine).sum(axis=1)
    return float(np.clip((top - better) / tied, 0.0, 1.0).mean())


def auc(scores: Floats, positive: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: how often a positive item scores above a negative one."""
    from scipy.stats import rankdata

    n = int(positive.sum())
    ranks = rankdata(scores)[positive].sum()
    return float((ranks - n * (n + 1) / 2) / (n * (len(scores) - n)))


def evaluate(embedder: JointEmbedder, data: Sequence[Path], split: str = "test", n_items: int = DEFAULT_ITEMS) -> JointFigures:
    """Measure an embedder on caches of log-mel features.

    Raises:
        FileError: fewer than 11 items with captions in that split.
    """
    caches = [FrameCache(folder) for folder in data]
    chosen = [(c, e) for c in caches for e in c.entries if e.split == split and e.captions][:n_items]
    if len(chosen) <= TOP:
        raise FileError(f"{len(chosen)} items with captions in the split '{split}'; {TOP + 1} or more are needed")
    sounds = np.stack([_sound(embedder, cache, entry) for cache, entry in chosen]).astype(np.float64)
    true = [attributes(cache, entry) for cache, entry in chosen]
    recall, oracle = {}, {}
    for i, length in enumerate(LENGTHS):
        said = [(k, e.captions[i]) for k, (_, e) in enumerate(chosen) if len(e.captions) > i and _is_plain(e.captions[i])]
        if not said:
            continue
        own = np.array([k for k, _ in said])
        words = embedder.embed_text([caption for _, caption in said]).astype(np.float64)
        recall[length] = recall_at(words @ sounds.T, own)
        wanted = [claims(caption) for _, caption in said]
        oracle[length] = recall_at(np.array([[len(w & t) for t in true] for w in wanted], dtype=np.float64), own)
    played, n_played = _zero_shot(embedder, sounds, true, "with:", "A piece with {}.")
    style, n_styles = _zero_shot(embedder, sounds, true, "style:", "A {} piece.")
    return JointFigures(len(chosen), recall, oracle, TOP / len(chosen), played, style, n_played, n_styles)


def _sound(embedder: JointEmbedder, cache: FrameCache, entry: Entry) -> NDArray[np.float32]:
    """Mean of the vectors of an item's windows, of unit length."""
    size = embedder.model.config.window_frames
    starts = range(0, max(1, entry.n_frames - size // 2), size)
    vectors = np.concatenate([embedder.embed_mel(cache.frames(entry, s, size)[None]) for s in starts])
    mean = vectors.mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), dtype=np.float32)


def _is_plain(caption: str) -> bool:
    """Without figures and keys."""
    return not (re.search(r"\d", caption) or _KEY.search(caption))


def _zero_shot(
    embedder: JointEmbedder, sounds: Floats, true: Sequence[frozenset[str]], kind: str, wording: str
) -> tuple[float, int]:
    """Macro AUC of the classes of a kind, and how many there are."""
    found = []
    for name in sorted({claim for t in true for claim in t if claim.startswith(kind)}):
        positive = np.array([name in t for t in true])
        if min(positive.sum(), (~positive).sum()) >= LEAST_PER_SIDE:
            words = embedder.embed_text([wording.format(name.removeprefix(kind))])[0].astype(np.float64)
            found.append(auc(sounds @ words, positive))
    return (float(np.mean(found)) if found else float("nan")), len(found)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; returns the exit code."""
    from partimento.embed.loading import MINI_EMBED, load_joint

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", nargs="?", default=MINI_EMBED, help="folder of the trainer (default mini-embed)")
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="CACHE", help="of data encode --features mel")
    parser.add_argument("--split", default="test", choices=("valid", "test"))
    parser.add_argument("--items", type=int, default=DEFAULT_ITEMS, metavar="N", help=f"default {DEFAULT_ITEMS}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    args = parser.parse_args(arguments)
    try:
        found = evaluate(load_joint(args.checkpoint), args.data, args.split, args.items)
    except PartimentoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(found.table())
    if args.json:
        args.json.write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
