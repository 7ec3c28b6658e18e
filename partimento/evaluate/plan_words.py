"""How well words are understood: plans against the hand-made labels of ``evaluate/labels`` (see its README).

Counted per field: instruments (on parts with origin ``said``), negations, orders, tempo, metre, key; each with
precision and recall. ``optional`` ids and what the notes mark with ``order?:`` or ``tempo?:`` count neither way. A thing
that the words name and no instrument of ours can play counts when the plan lists it (``unplayed``).
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from partimento.errors import FileError
from partimento.interpret import Reading, make_plan, read
from partimento.interpret.absence import KIT_PIECES, excludes
from partimento.plan.plan import Origin, Plan
from partimento.plan.request import GenerateRequest

LABEL_IDS = {
    "alto_sax": "saxophone", "tenor_sax": "saxophone", "soprano_sax": "saxophone", "baritone_sax": "saxophone",
    "fiddle": "violin", "overdriven_guitar": "electric_guitar", "distorted_guitar": "electric_guitar",
    "jazz_guitar": "electric_guitar", "muted_guitar": "electric_guitar", "classical_guitar": "acoustic_guitar",
    "church_organ": "organ", "bandoneon": "accordion", "drum_machine": "drums", "slap_bass": "bass", "fretless_bass": "bass",
    "contrabass": "double_bass", "synth_pluck": "synth", "synth_strings": "synth", "synth_brass": "synth",
    "pizzicato_strings": "strings", "tremolo_strings": "strings", "muted_trumpet": "trumpet", "wind_chimes": "bells",
    "high_tenor": "voice", "lead_tenor": "voice", "baritone": "voice", "bass_voice": "voice", "soprano": "voice", "alto": "voice",
    "tenor": "voice", "mezzo_soprano": "voice", "counter_tenor": "voice",
}  # fmt: skip
"""Our finer instrument ids → the ids of the labels."""
TEMPO_CLASSES = ("very_slow", "slow", "medium", "fast", "very_fast")
_ROLES_ALONE = frozenset({"melody", "counter", "chords", "pad", "arpeggio"})
"""Absent roles; the labels know instruments only."""
GOALS = {"instruments": (0.92, 0.93), "negations": (0.9, 0.9), "orders": (0.9, 0.9)}
"""Least precision and recall of the fields that have a goal."""
FIELDS = ("instruments", "negations", "orders", "tempo word", "tempo bpm", "metre", "key")


@dataclass(frozen=True, slots=True)
class Understood:
    """What a plan says it understood, in label ids."""

    instruments: frozenset[str]
    absent: frozenset[str]
    orders: frozenset[tuple[str, str]]
    tempo_word: str | None = None
    tempo_bpm: float | None = None
    metre: str | None = None
    key: str | None = None


@dataclass
class Tally:
    """Counts of one field."""

    right: int = 0
    claimed: int = 0
    found: int = 0
    wanted: int = 0
    errors: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        """Share of claims that are right (1 when nothing is claimed)."""
        return self.right / self.claimed if self.claimed else 1.0

    @property
    def recall(self) -> float:
        """Share of labels that were found (1 when there are none)."""
        return self.found / self.wanted if self.wanted else 1.0


def label_id(instrument: str) -> str:
    """The labels' id of one of our instruments (the labels know a drum kit, not its pieces)."""
    return "drums" if instrument in KIT_PIECES else LABEL_IDS.get(instrument, instrument)


def understood(plan: Plan, reading: Reading) -> Understood:
    """What was understood: the said fields of a plan, and the orders as they were read.

    A plan keeps only orders that its bars can hold; "ends with X alone" where X also opens is there as bars of parts.
    """
    said = [p for p in plan.parts if p.origin is Origin.SAID]
    tempo_said = plan.tempo.origin is Origin.SAID
    exact = tempo_said and any(re.search(r"\d|[一二三四五六七八九]十", w) for w in plan.tempo.words)
    return Understood(
        frozenset(label_id(p.instrument) for p in said) | {u.value for u in plan.unplayed},
        frozenset(label_id(a.value) for a in plan.absent if a.origin is Origin.SAID and a.value not in _ROLES_ALONE),
        frozenset((label_id(o.first), label_id(o.then)) for o in reading.orders if label_id(o.first) != label_id(o.then)),
        _tempo_word(plan) if tempo_said else None,
        plan.tempo_bpm if exact else None,
        str(plan.first_metre) if plan.metre.origin is Origin.SAID else None,
        str(plan.first_key) if plan.key.origin is Origin.SAID else None,
    )


def _tempo_word(plan: Plan) -> str | None:
    """The tempo class that the words behind the tempo name."""
    if plan.tempo.reason in TEMPO_CLASSES:
        return plan.tempo.reason
    for words in plan.tempo.words:
        tempo = read(words).tempo
        if tempo and tempo.word:
            return tempo.word
    return None


def read_labels(path: Path) -> list[dict[str, Any]]:
    """Label rows of a JSON-lines file."""
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise FileError(f"cannot read the labels {path}: {error}") from error


def label_groups(with_captions: bool, sealed: bool, labels: Path | None) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """The sets of labelled texts that are asked for: title, file name, rows.

    Args:
        with_captions: the MusicCaps texts are at hand.
        sealed: the sealed halves instead of the open ones.
        labels: another file, parted by language, instead of these.
    """
    if labels is not None:
        every = read_labels(labels)
        languages = sorted({str(row.get("lang", "")) for row in every})
        parts = [(language, [r for r in every if r.get("lang", "") == language]) for language in languages]
        return [(f"{labels.stem} {language}".strip(), f"{labels.stem}.{language}", part) for language, part in parts]
    half = "sealed" if sealed else "dev"
    folder = Path(__file__).parent / "labels"
    sets = [("MusicCaps, English", f"plan_musiccaps_{half}.jsonl")] if with_captions else []
    sets.append(("Chinese prompts", f"plan_zh_{half}.jsonl"))
    return [(f"{title}, {half}", name, read_labels(folder / name)) for title, name in sets]


def read_captions(path: Path) -> dict[str, str]:
    """MusicCaps captions by ``ytid``."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return {row["ytid"]: row["caption"] for row in csv.DictReader(file)}
    except KeyError:
        raise FileError(f"{path}: columns ytid and caption are needed") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"cannot read the captions {path}: {error}") from error


def _neutral_orders(note: str) -> set[tuple[str, str]]:
    """Pairs behind ``order?:`` in a note."""
    return set(re.findall(r"([\w*]+)>([\w*]+)", note.partition("order?:")[2]))


def _closure(pairs: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Pairs that follow from others (a before b before c)."""
    closed = set(pairs)
    while True:
        more = {(a, d) for a, b in closed for c, d in closed if b == c} - closed
        if not more:
            return closed
        closed |= more


def _same(pair: tuple[str, str], other: tuple[str, str]) -> bool:
    """Equal pairs; ``*`` stands for everything before."""
    return pair[1] == other[1] and (pair[0] == other[0] or "*" in (pair[0], other[0]))


_STRING_PLAYERS = frozenset({"violin", "viola", "cello"})


def as_labelled(seen: Understood, row: dict[str, Any]) -> Understood:
    """What was understood in the words of the label: the players of a string quartet are its ``strings``.

    Only where the label says ``strings`` with the players as ``optional`` and nothing else was read as strings.
    """
    players = _STRING_PLAYERS & seen.instruments & set(row["optional"])
    if "strings" not in row["present"] or "strings" in seen.instruments or len(players) < len(_STRING_PLAYERS) - 1:
        return seen

    def name(id_: str) -> str:
        return "strings" if id_ in players else id_

    orders = frozenset((name(a), name(b)) for a, b in seen.orders if name(a) != name(b))
    return replace(seen, instruments=frozenset(map(name, seen.instruments)), orders=orders)


def score_row(row: dict[str, Any], seen: Understood, tallies: dict[str, Tally]) -> None:
    """Add one labelled text to the tallies."""
    seen = as_labelled(seen, row)
    name = str(row.get("ytid") or row.get("id"))
    optional = set(row["optional"]) | {str(o).partition(":")[2] for o in row["optional"] if str(o).startswith("other:")}
    present, absent = set(row["present"]), set(row["absent"])
    _sets(tallies["instruments"], name, seen.instruments - optional, present)
    neutral_absent = {a for a in seen.absent if any(excludes(w, a) for w in absent)} - absent
    covered = {w for w in absent if w in seen.absent or any(excludes(a, w) for a in seen.absent)}
    claims = {a for a in seen.absent - neutral_absent if a not in optional or a in absent}
    _sets(
        tallies["negations"],
        name,
        claims,
        absent,
        covered,
        {a for a in claims if a in absent or any(excludes(a, w) for w in absent)},
    )
    labels = {(a, b) for a, b in row["order"]}
    neutral = _neutral_orders(row["note"]) | (_closure(labels) - labels)
    arguable = optional - present
    claimed = {
        p for p in seen.orders
        if any(_same(p, q) for q in labels)
        or not (arguable & set(p) or any(_same(p, q) or (q[1] == "*" and p[0] == q[0]) for q in neutral))
    }  # fmt: skip
    _sets(
        tallies["orders"], name, claimed, labels, {q for q in labels if any(_same(p, q) for p in seen.orders)},
        {p for p in claimed if any(_same(p, q) for q in labels)},
    )  # fmt: skip
    tempo = row["tempo"]
    if "tempo?:" not in row["note"]:
        _single(tallies["tempo word"], name, seen.tempo_word, tempo["word"])
    _single(tallies["tempo bpm"], name, seen.tempo_bpm, tempo["bpm"])
    _single(tallies["metre"], name, seen.metre, row["metre"])
    _single(tallies["key"], name, seen.key, row["key"])


def _sets(
    tally: Tally,
    name: str,
    claimed: Iterable[Any],
    wanted: set[Any],
    found: set[Any] | None = None,
    right: set[Any] | None = None,
) -> None:
    claimed_set = set(claimed)
    right = claimed_set & wanted if right is None else right
    found = claimed_set & wanted if found is None else found
    tally.right += len(right)
    tally.claimed += len(claimed_set)
    tally.found += len(found)
    tally.wanted += len(wanted)
    tally.errors += [f"{name} + {x}" for x in sorted(map(str, claimed_set - right))] + [
        f"{name} - {x}" for x in sorted(map(str, wanted - found))
    ]


def _single(tally: Tally, name: str, claimed: object, wanted: object) -> None:
    _sets(tally, name, [] if claimed is None else [claimed], set() if wanted is None else {wanted})


def plan_of(words: str) -> Understood:
    """What a plan made of nothing but these words says it understood."""
    return understood(make_plan(GenerateRequest(words=words)), read(words))


def evaluate_plan(
    labels: list[dict[str, Any]], captions: dict[str, str], understand: Callable[[str], Understood] = plan_of
) -> dict[str, Tally]:
    """Score every labelled text.

    Args:
        labels: rows of :func:`read_labels`; a row has its own ``text`` or a ``ytid`` of ``captions``.
        captions: texts by ``ytid``.
        understand: words → what was understood.

    Raises:
        FileError: when a caption is missing.
    """
    tallies = {name: Tally() for name in FIELDS}
    for row in labels:
        text = row.get("text") or captions.get(row.get("ytid", ""))
        if not text:
            raise FileError(f"no caption for '{row.get('ytid')}': give the MusicCaps file that holds it")
        score_row(row, understand(text), tallies)
    return tallies


def goals_missed(tallies: dict[str, Tally]) -> list[str]:
    """Fields below their goal, with what is missing; a field without labels and claims has nothing to miss."""
    missed = []
    for name, (precision, recall) in GOALS.items():
        tally = tallies[name]
        if tally.precision < precision:
            missed.append(f"{name}: precision {tally.precision:.3f}, wanted {precision:g}")
        if tally.recall < recall:
            missed.append(f"{name}: recall {tally.recall:.3f}, wanted {recall:g}")
    return missed


def rows(tallies: dict[str, Tally]) -> list[dict[str, object]]:
    """One dict a field: precision, recall and the counts behind them."""
    return [
        {
            "field": name, "precision": round(t.precision, 4), "recall": round(t.recall, 4),
            "right": t.right, "claimed": t.claimed, "found": t.found, "labelled": t.wanted,
        }
        for name, t in tallies.items()
    ]  # fmt: skip


def as_markdown(tallies: dict[str, Tally], title: str) -> str:
    """The rows as a Markdown table."""
    lines = [f"### {title}", "", "| field | precision | recall | right / claimed | found / labelled |", "|---|---|---|---|---|"]
    for name, t in tallies.items():
        precision = f"{t.precision:.3f}" if t.claimed else "-"
        recall = f"{t.recall:.3f}" if t.wanted else "-"
        lines.append(f"| {name} | {precision} | {recall} | {t.right} / {t.claimed} | {t.found} / {t.wanted} |")
    return "\n".join(lines) + "\n"
