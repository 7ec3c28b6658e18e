"""How well instructions are understood: readings against the hand-made labels of ``evaluate/labels/edit_*.jsonl``.

A plain or compound row is right when the operations of the first reading are those of the label or of one of its ``alt``:
operation, targets as sets, region, instrument, amount and value. A vague row is right when its intent, target and region
are; its families are met when one control move of the intent is among those that the label calls sensible. A nonsense
row is right when it is refused. Removing parts in a region and muting them there are the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from partimento.errors import FileError, RequestError
from partimento.interpret.edit_reader import read_edit
from partimento.interpret.vocabulary import STYLE, vocabulary
from partimento.plan.edit import EditOperation, EditPlan, Region

KINDS = ("plain", "compound", "vague", "vague: family", "nonsense")
GOALS = {"plain": 0.95, "vague: family": 0.9, "nonsense": 1.0}
"""Shares that are to be reached."""
AMOUNT_TOLERANCE = 0.1
_PART_BY_PART = frozenset({"remove", "gain", "mute_region", "transpose", "fade", "effect", "dynamics", "vary"})
FAMILIES: dict[str, tuple[str, ...]] = {
    "warmer": ("low_mid up", "brightness down", "saturation up"),
    "brighter": ("brightness up", "high_mid up", "low_mid down"),
    "darker": ("brightness down", "high_mid down"),
    "punchier": ("transient up", "compression up"),
    "tighter": ("timing_variation down", "transient up", "low_end down"),
    "wider": ("width up",),
    "spacious": ("reverb up", "width up", "low_end down", "density down"),
    "closer": ("reverb down", "high_mid up", "level up"),
    "dirtier": ("saturation up", "distortion up"),
    "cleaner": ("saturation down", "distortion down", "low_mid down", "noise down"),
    "softer": ("velocity down", "transient down", "level down"),
    "harder": ("velocity up", "transient up", "saturation up"),
    "more_energy": ("density up", "velocity up", "drums up"),
    "more_expressive": ("velocity_variation up", "timing_variation up", "dynamic_range up"),
    "calmer": ("density down", "velocity down", "drums down"),
    "lofi": ("bit_depth down", "brightness down", "noise up", "wow_flutter up"),
    "vintage": ("saturation up", "brightness down", "wow_flutter up", "width down"),
    "less_muddy": ("low_mid down",),
    "less_harsh": ("high_mid down", "brightness down"),
    "build_up": ("velocity up", "level up", "density up"),
    "drop": ("density down", "drums down", "level down"),
    "jazzier": ("harmony_extension up", "swing up", "chord_extensions up"),
    "bigger": ("width up", "density up", "reverb up", "low_end up"),
    "smoother": ("articulation up", "transient down", "legato up"),
    "drier": ("reverb down",),
    "diminuendo": ("velocity down", "level down"),
    "staccato": ("articulation down", "note_length down"),
    "low_end": ("low_end up", "low_mid up"),
    "less_boomy": ("low_end down", "low_mid down"),
    "thinner": ("low_end down", "low_mid down"),
    "fuller": ("low_mid up", "low_end up", "saturation up"),
    "distant": ("reverb up", "brightness down", "level down"),
    "narrower": ("width down",),
    "reverb": ("reverb up",),
    "delay": ("delay up", "reverb up"),
    "chorus": ("chorus up", "width up"),
    "compression": ("compression up",),
    "distortion": ("distortion up", "saturation up"),
    "plainer": ("harmony_extension down", "swing down", "chord_extensions down"),
    "swing": ("swing up", "timing_variation up"),
    "straight": ("swing down", "timing_variation down"),
    "accent": ("velocity up", "transient up", "level up", "density up"),
    "louder": ("velocity up", "level up"),
    "swell": ("velocity up", "velocity_variation up", "dynamic_range up", "level up"),
    "telephone": ("brightness down", "low_end down", "bandwidth down"),
    "underwater": ("brightness down", "high_mid down", "bandwidth down"),
    "sparser": ("density down",),
    "busier": ("density up",),
    "laid_back": ("timing_variation up", "timing late"),
    "pushed": ("timing_variation up", "timing early"),
}
"""What each intent does, in the words of the labels."""
_OTHER_NAMES = {
    "drive": "saturation", "treble": "brightness", "low mids": "low_mid", "bass": "low_end", "bass boost": "low_end",
    "low end": "low_end", "presence": "high_mid", "gain": "level", "attack": "transient", "room size": "reverb",
    "stereo width": "width", "pan spread": "width", "wow and flutter": "wow_flutter", "bit depth": "bit_depth",
    "timing quantise": "timing_variation", "humanise": "timing_variation", "rubato": "timing_variation",
    "velocity range": "velocity_variation", "dynamics": "dynamic_range", "note length": "note_length",
    "chord extensions": "chord_extensions",
}  # fmt: skip
"""Controls as some label files call them. A leading part ("piano brightness") is the row's target and told apart there."""
_WHOLE_NAMES = {
    "dynamics crescendo": "velocity up", "velocity rise": "velocity up", "silence before": "density down",
    "jazz style": "harmony_extension up", "timing quantise up": "timing_variation down",
}  # fmt: skip
_PARTS = ("drums", "voice", "guitar", "piano")


def control(name: str) -> str:
    """A control move under the name that :data:`FAMILIES` uses."""
    if name in _WHOLE_NAMES:
        return _WHOLE_NAMES[name]
    what, _, way = name.rpartition(" ")
    part, _, rest = what.partition(" ")
    if part in _PARTS and rest:
        what = rest
    return f"{_OTHER_NAMES.get(what, what)} {way}"


@dataclass
class Tally:
    """Counts of one kind.

    Attributes:
        right, total: rows.
        errors: a line for each row that was wrong.
    """

    right: int = 0
    total: int = 0
    errors: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Right rows of all; 1 without rows."""
        return self.right / self.total if self.total else 1.0


def read_labels(path: Path) -> list[dict[str, Any]]:
    """Rows of a label file.

    Raises:
        FileError: it cannot be read.
    """
    try:
        return [_plain(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise FileError(f"cannot read the labels {path}: {error}") from error


_UNITS = {"seconds": "s", "db": "dB", "semitone": "semitones", "bar": "bars"}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row with one spelling of what is empty and of units: label files of several hands differ in that."""

    def operation(op: dict[str, Any]) -> dict[str, Any]:
        """One operation."""
        unit, value = op["unit"] or "", op["value"]
        return {
            **op,
            "instrument": op["instrument"] or "",
            "unit": _UNITS.get(unit, unit),
            "value": "" if value is None else str(value),
            "region": {k: "" if k == "name" and v is None else v for k, v in op["region"].items()},
        }

    row = _left_out(row)
    out = {**row, "ops": [operation(op) for op in row["ops"]], "note": row.get("note") or ""}
    return out | ({"alt": [[operation(op) for op in ops] for ops in row["alt"]]} if row.get("alt") else {})


_EXCEPT = re.compile(r"\bexcept: (?:section )?(bars? )?([a-z]+|\d+)(?: ?[-–] ?(\d+)| (-?\d+))?")


def _left_out(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose note says which place is left out ("except: section chorus"), with that as the region of its operations.

    The labels have no region of their own for "everywhere but": they give ``all`` and name the rest in the note.
    """
    m = _EXCEPT.search(row.get("note") or "")
    if m is None:
        return row
    bars, first, last, which = m.groups()
    if bars:
        region = {"kind": "except", "start": float(first), "end": float(last or first)}
    else:
        region = {"kind": "except", "name": first, "which": int(which or 0)}
    ops = [{**op, "region": region} if op["region"]["kind"] == "all" else op for op in row["ops"]]
    return {**row, "ops": ops}


def evaluate_edit(
    labels: Iterable[dict[str, Any]], reader: Callable[[str], tuple[EditPlan, ...]] = read_edit
) -> dict[str, Tally]:
    """Tallies by kind.

    Args:
        labels: rows as :func:`read_labels` gives them.
        reader: words → readings; only the first counts.
    """
    tallies = {kind: Tally() for kind in KINDS}
    for row in labels:
        try:
            operations = reader(row["text"])[0].operations
        except RequestError:
            operations = ()
        kind = row["kind"]
        _count(tallies[kind], row, operations, right=is_right(row, operations))
        if kind == "vague":
            _count(tallies["vague: family"], row, operations, right=meets_family(row, operations))
    return tallies


def _count(tally: Tally, row: dict[str, Any], operations: tuple[EditOperation, ...], *, right: bool) -> None:
    """Add a row."""
    tally.total += 1
    tally.right += right
    if not right:
        tally.errors.append(f"{row['id']} “{row['text']}”: {'; '.join(map(shown, operations)) or 'refused'}")


def is_right(row: dict[str, Any], operations: tuple[EditOperation, ...]) -> bool:
    """True when the operations are those of the label or of one of its alternatives, in any order."""
    loose = "convention" in row.get("note", "")
    options = [row["ops"], *row.get("alt", [])]
    vague = row.get("kind") == "vague"
    if any(_same_all(wanted, operations, loose=loose, vague=vague) for wanted in options):
        return True
    apart = [
        replace(o, targets=(t,)) if o.op in _PART_BY_PART else o
        for o in operations
        for t in (o.targets if o.op in _PART_BY_PART else ("",))
    ]
    return any(_same_all(_apart(wanted), tuple(apart), loose=loose, vague=vague) for wanted in options)


def _apart(wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Operations on several parts as one for each: "drums and bass louder" is the same in one operation or in two."""
    return [
        {**label, "targets": [t]} if label["op"] in _PART_BY_PART else label
        for label in wanted
        for t in (label["targets"] if label["op"] in _PART_BY_PART else [""])
    ]


def _same_all(wanted: list[dict[str, Any]], operations: tuple[EditOperation, ...], *, loose: bool, vague: bool) -> bool:
    """A matching, one to one."""
    if len(wanted) != len(operations):
        return False
    left = list(operations)
    for label in wanted:
        found = next((o for o in left if same(label, o, loose=loose, vague=vague)), None)
        if found is None:
            return False
        left.remove(found)
    return True


def same(label: dict[str, Any], operation: EditOperation, *, loose: bool = False, vague: bool = False) -> bool:
    """True when an operation is what a label says.

    Args:
        label: one of the label's ``ops``.
        operation: what was read.
        loose: the amount is a convention, only its direction counts.
        vague: effects, ways of playing and styles are not told apart: their value says what is meant.
    """
    silent = {"remove", "mute_region"}
    op = label["op"] == operation.op or {label["op"], operation.op} <= silent
    op = op or (vague and {label["op"], operation.op} <= {"effect", "dynamics", "restyle"})
    targets = operation.op == "add" or set(label["targets"]) == set(operation.targets)
    place = same_region(label["region"], operation.region)
    value = _value(label["op"], label["value"]) == _value(operation.op, operation.value)
    keep = set(label["keep"]) == set(operation.keep)
    return (
        op
        and targets
        and place
        and label["instrument"] == operation.instrument
        and value
        and keep
        and _amount(label, operation, loose)
    )


def same_region(label: dict[str, Any], region: Region) -> bool:
    """True when a region is the label's."""
    if label["kind"] != region.kind or label.get("name", "").lower() != region.name.lower():
        return False
    if region.kind == "section" and label.get("which", 0) != region.which:
        return False
    numbers = ((label.get("start"), region.start), (label.get("end"), region.end))
    return all((a is None) == (b is None) and (a is None or b is None or abs(a - b) <= 0.01) for a, b in numbers)


def _value(op: str, value: str) -> str:
    """A value as it is compared."""
    if op == "set_chords":
        return " ".join(re.findall(r"[^\s|,–-]+", value))
    if op in ("set_tempo", "extend"):
        return ""
    value = value.strip().lower().replace("crescendo", "build_up")
    if op == "restyle":
        sense = next((s for s in vocabulary().look_up(value.replace("_", " ")) if s.kind == STYLE), None)
        return sense.value if sense else value
    if op == "set_key" and (m := re.fullmatch(r"([a-g])(#|b|♯|♭)? ?(major|minor)", value)):
        pitch = "c d ef g a b".index(m.group(1)) + {"#": 1, "♯": 1, "b": -1, "♭": -1, None: 0}[m.group(2)]
        return f"{pitch % 12} {m.group(3)}"
    return re.sub(r"[\s-]+", "_", value).removeprefix("more_")


def _amount(label: dict[str, Any], operation: EditOperation, loose: bool) -> bool:
    """Amounts: unit and within a tenth, or only the direction; not asked for where the label has none."""
    wanted: float | None = label["amount"]
    got = operation.amount
    if wanted is None:
        return True
    if got is None or label["unit"] != operation.unit:
        return False
    if loose:
        rest = 1.0 if label["unit"] == "factor" else 0.0
        return (wanted > rest) == (got > rest)
    return abs(got - wanted) <= AMOUNT_TOLERANCE * max(abs(wanted), 1e-9)


def meets_family(row: dict[str, Any], operations: tuple[EditOperation, ...]) -> bool:
    """True when one of the controls moved is sensible for the label and applies where and to what was said."""
    for operation in operations:
        moves = moves_of(operation)
        if set(moves) & set(map(control, row["families"])) and any(
            set(label["targets"]) == set(operation.targets) and same_region(label["region"], operation.region)
            for option in [row["ops"], *row.get("alt", [])]
            for label in option
        ):
            return True
    return False


def moves_of(operation: EditOperation) -> tuple[str, ...]:
    """Control moves of an operation in the words of the labels."""
    if operation.op in ("effect", "dynamics"):
        return FAMILIES.get(operation.value, (f"{operation.value} up",))
    if operation.op == "restyle":
        return {"jazz": FAMILIES["jazzier"], "lofi": FAMILIES["lofi"]}.get(operation.value, ())
    if operation.op == "gain" and operation.amount:
        return ("level up",) if operation.amount > 0 else ("level down",)
    if operation.op == "set_tempo" and operation.unit == "factor" and operation.amount:
        return ("tempo up",) if operation.amount > 1 else ("tempo down",)
    return ()


def shown(operation: EditOperation) -> str:
    """An operation in a few words."""
    region = operation.region
    place = (
        ""
        if region.kind == "all"
        else f" @{region.kind} {region.name}{region.start or ''}-{region.end or ''} {region.which or ''}".rstrip()
    )
    amount = "" if operation.amount is None else f" {operation.amount:g} {operation.unit}"
    parts = (operation.op, ",".join(operation.targets), operation.instrument, operation.value)
    return " ".join(p for p in parts if p) + amount + place + (f" keep {','.join(operation.keep)}" if operation.keep else "")


def rows(tallies: dict[str, Tally]) -> list[dict[str, Any]]:
    """The table as data."""
    return [{"kind": k, "right": t.right, "total": t.total, "share": round(t.share, 4)} for k, t in tallies.items()]


def as_markdown(tallies: dict[str, Tally], title: str) -> str:
    """The table as Markdown."""
    lines = [f"### {title}", "", "| kind | right | of | share | goal |", "|---|---:|---:|---:|---:|"]
    for kind, tally in tallies.items():
        goal = f"{GOALS[kind]:.2f}" if kind in GOALS else ""
        lines.append(f"| {kind} | {tally.right} | {tally.total} | {tally.share:.2f} | {goal} |")
    return "\n".join(lines) + "\n"


def goals_met(tallies: dict[str, Tally]) -> bool:
    """True when every goal is reached."""
    return all(tallies[kind].share >= goal for kind, goal in GOALS.items())
