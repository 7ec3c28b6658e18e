"""``partimento evaluate plan --systems``: words as other readers understood them, scored like ours.

A system is a folder of plans or one ``.jsonl`` file. A plan is one JSON object per text, in the schema of the labels
(``evaluate/labels/README.md``)::

    {"id": "zh01", "present": ["piano"], "absent": ["drums"], "order": [["piano", "strings"]],
     "tempo": {"bpm": null, "word": "slow"}, "key": "A minor", "metre": "3/4"}

``id`` (or ``ytid``) names the text; in a folder a file ``ID.json`` needs none, and ``*.jsonl`` files hold many. What is left
out counts as not claimed. Precision and recall are those of ``evaluate plan`` with intervals by drawing texts.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from partimento.errors import FileError, PartimentoError, RequestError
from partimento.evaluate.plan_words import FIELDS, TEMPO_CLASSES, Tally, Understood, label_id, plan_of, score_row
from partimento.evaluate.systems.table import Column, Figure, Row, SystemsTable, marked_partial, versions
from partimento.evaluate.systems.text_to_music import named
from partimento.evaluate.systems.work import Progress, no_progress

OURS = "ours (Partimento)"
MAX_BPM = 1_000.0


@dataclass(frozen=True)
class Options:
    """What to compare.

    Attributes:
        systems: folders of plans, or ``.jsonl`` files.
        bootstrap: draws per interval.
        seed: of the draws.
    """

    systems: tuple[Path, ...]
    bootstrap: int = 50
    seed: int = 0


def evaluate_plan_systems(
    options: Options,
    labels: Sequence[dict[str, Any]],
    captions: Mapping[str, str],
    command: str,
    progress: Progress = no_progress,
) -> SystemsTable:
    """Score all systems, and ours, against labelled texts.

    Args:
        options: what to compare.
        labels: rows of :func:`partimento.evaluate.plan_words.read_labels`.
        captions: texts by ``ytid``, for labels without a text of their own.
        command: what makes the table again.
        progress: bar.

    Raises:
        FileError: a system that is neither folder nor ``.jsonl`` file, or without a plan; a caption that is missing.
        RequestError: no labels, two systems of one name, or one none of whose plans names a labelled text.
    """
    by_id = {str(row.get("ytid") or row.get("id")): row for row in labels}
    if not by_id:
        raise RequestError("no labelled texts to compare with; give --labels FILE with at least one row")
    skipped: list[str] = []
    rows = []
    for name, path in named(options.systems).items():
        found, left_out, digest = read_plans(path)
        foreign = [id_ for id_ in found if id_ not in by_id]
        known = {id_: plan for id_, plan in found.items() if id_ in by_id}
        if not known:
            some = f"; {left_out[0]}" if left_out else f" (e.g. '{foreign[0]}')" if foreign else ""
            raise RequestError(f"no plan of {name} names a labelled text{some}; ids are e.g. '{next(iter(by_id))}'")
        skipped += [f"{name}/{line}" for line in left_out]
        skipped += [f"{name}: {len(foreign)} plans of texts without labels, e.g. '{foreign[0]}'"] if foreign else []
        missing = [id_ for id_ in by_id if id_ not in known]
        skipped += [f"{name}: no plan for {len(missing)} of {len(by_id)} texts, e.g. '{missing[0]}'"] if missing else []
        rows.append(_row(name, by_id, known.__getitem__, list(known), options, len(left_out), digest))

    def ours(id_: str) -> Understood:
        """How this package's reader understands a text."""
        text = by_id[id_].get("text") or captions.get(id_)
        if not text:
            raise FileError(f"no caption for '{id_}': give the file that holds it with --captions")
        return plan_of(text)

    reader = {id_: ours(id_) for id_ in progress(list(by_id), len(by_id), "reading")}
    rows.append(_row(OURS, by_id, reader.__getitem__, list(by_id), options, 0, ""))
    columns = tuple(
        Column(f"{field} {kind}", f"{what}, summed over the texts", "more")
        for field in FIELDS
        for kind, what in (("P", "share of the claims that are right"), ("R", "share of the labels that were found"))
    )
    notes = (
        f"{len(by_id)} labelled texts; intervals by drawing texts {options.bootstrap} times, seed {options.seed}",
        "labels' own rules: optional instruments and arguable orders count neither way",
    )
    table = SystemsTable("Words understood", command, columns, tuple(marked_partial(rows)), notes, tuple(skipped))
    return replace(table, versions=versions(("partimento", "numpy")), items="texts", sounding=False)


def read_plans(path: Path) -> tuple[dict[str, Understood], list[str], str]:
    """The plans of a system by text id, what was left out (``file: reason``), and a short hash of the files.

    Raises:
        FileError: neither a folder nor a ``.jsonl`` file, or nothing in it.
    """
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.suffix.lower() in (".json", ".jsonl") and p.is_file())
    elif path.is_file() and path.suffix.lower() == ".jsonl":
        files = [path]
    else:
        raise FileError(f"{path} is neither a folder of plans nor a .jsonl file")
    if not files:
        raise FileError(f"no plans in {path}; one ID.json per text, or .jsonl files, are read")
    found: dict[str, Understood] = {}
    left_out: list[str] = []
    digest = hashlib.sha256()
    for file in files:
        try:
            data = file.read_bytes()
            text = data.decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            left_out.append(f"{file.name}: cannot be read ({error})")
            continue
        digest.update(data)
        many = file.suffix.lower() == ".jsonl"
        pieces = [(f"{file.name}:{n}", line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
        for where, piece in pieces if many else [(file.name, text)]:
            try:
                id_, plan = _plan(piece, None if many else file.stem)
                if id_ in found:
                    raise RequestError(f"a second plan for '{id_}'")
                found[id_] = plan
            except PartimentoError as error:
                left_out.append(f"{where}: {error}")
    return found, left_out, digest.hexdigest()[:12]


def _plan(text: str, id_: str | None) -> tuple[str, Understood]:
    """One plan and the id of its text.

    Raises:
        RequestError: it is not in the schema.
    """
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"not JSON ({error})") from error
    if not isinstance(row, dict):
        raise RequestError("not a JSON object")
    name = row.get("ytid") or row.get("id") or id_
    if not isinstance(name, str):
        raise RequestError("has no id (or ytid)")
    tempo = row.get("tempo") or {}
    if not isinstance(tempo, dict):
        raise RequestError("tempo must be an object with bpm and word")
    word = _text(tempo, "word")
    if word is not None and word not in TEMPO_CLASSES:
        raise RequestError(f"tempo word '{word}' is none of {', '.join(TEMPO_CLASSES)}")
    order = row.get("order") or []
    if not isinstance(order, list) or not all(isinstance(p, list) and len(p) == 2 for p in order):
        raise RequestError("order must be a list of pairs")
    pairs = frozenset((label_id(a), label_id(b)) for a, b in (_names(pair, "order") for pair in order))
    return name, Understood(
        frozenset(map(label_id, _names(row.get("present") or [], "present"))),
        frozenset(map(label_id, _names(row.get("absent") or [], "absent"))),
        pairs, word, _bpm(tempo.get("bpm")), _text(row, "metre"), _text(row, "key"),
    )  # fmt: skip


def _names(value: object, what: str) -> list[str]:
    """A list of instrument ids."""
    if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
        raise RequestError(f"{what} must be a list of instrument ids")
    return list(value)


def _text(row: dict[str, Any], name: str) -> str | None:
    """A text or null."""
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise RequestError(f"{name} must be a text or null, got {value!r:.40}")
    return value or None


def _bpm(value: object) -> float | None:
    """A tempo or null."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not 0 < value <= MAX_BPM:
        raise RequestError(f"tempo bpm must be a number above 0 and at most {MAX_BPM:g}, got {value!r:.40}")
    return float(value)


def _row(
    name: str, labels: Mapping[str, dict[str, Any]], plan: Callable[[str], Understood], ids: Sequence[str],
    options: Options, n_skipped: int, digest: str,
) -> Row:  # fmt: skip
    """A system's precision and recall of every field."""
    counts = np.zeros((len(ids), len(FIELDS), 4))
    for index, id_ in enumerate(sorted(ids)):
        tallies = {field: Tally() for field in FIELDS}
        score_row(labels[id_], plan(id_), tallies)
        counts[index] = [(t.right, t.claimed, t.found, t.wanted) for t in tallies.values()]
    rng = np.random.default_rng(options.seed)
    drawn = [counts[rng.integers(len(ids), size=len(ids))].sum(axis=0) for _ in range(options.bootstrap)]
    total = counts.sum(axis=0)
    figures = {}
    for place, field in enumerate(FIELDS):
        for kind, top, bottom in (("P", 0, 1), ("R", 2, 3)):
            n = int(total[place, bottom])
            if not n:
                continue  # nothing claimed, or nothing to find: no figure, rather than a perfect one
            shares = [d[place, top] / d[place, bottom] for d in drawn if d[place, bottom]]
            low, high = (float(q) for q in np.quantile(shares, [0.025, 0.975])) if shares else (None, None)
            figures[f"{field} {kind}"] = Figure(float(total[place, top] / n), low, high, n)
    return Row(name, len(ids), n_skipped, 0.0, figures, data=digest)
