"""Can these settings work, and are they those that a dataset's folder was made with?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from partimento.data.audio_folder import json_lines
from partimento.data.datasets.item import SKIPPED
from partimento.data.render_config import RenderConfig
from partimento.data.render_files import ITEM, item_folder
from partimento.data.render_pieces import first_draw, sheet_files, unusable_sheets, usable_sheet
from partimento.data.render_record import check_jobs, collection_digest, refuse_change
from partimento.errors import FileError, RequestError

MAX_ITEMS = 1_000_000


def check_render(config: RenderConfig, jobs: int) -> None:
    """Settings that can never work, found before the first item.

    Raises:
        RequestError: a number out of its range.
        FileError: a SoundFont or the sheets cannot be used.
    """
    from partimento.score.soundfont import find_soundfont

    check_jobs(jobs)
    if config.seed < 0:
        raise RequestError(f"--seed {config.seed} is negative; take 0 or more")
    if not 1 <= config.n_items <= MAX_ITEMS:
        raise RequestError(f"--items {config.n_items} is outside 1 to {MAX_ITEMS}")
    if not 0.0 <= config.composed_share <= 1.0:
        raise RequestError(f"--composed {config.composed_share:g} is outside 0 to 1")
    if not config.soundfonts:
        raise RequestError("no SoundFont; name one with --soundfont")
    for font in (*config.soundfonts, *filter(None, [config.held_out_soundfont])):
        find_soundfont(font)
    if config.sheets is None:
        return
    files = sheet_files(config.sheets)
    if config.composed_share < 1.0 and all(usable_sheet(config.sheets, path) is None for path in files):
        first = next(iter(unusable_sheets(config.sheets).values()))
        raise FileError(
            f"none of the {len(files)} sheets under {config.sheets} can be used ({first}); "
            "name another folder, or leave out --sheets to have all pieces composed"
        )


def render_settings(config: RenderConfig) -> dict[str, object]:
    """What decides the items, by the names of the command line; the same on every machine."""
    from partimento.score.soundfont import find_soundfont

    def font(name: str) -> str:
        path = find_soundfont(name).path
        return f"{path.name} ({path.stat().st_size} bytes)"

    sheets = config.sheets
    return {
        "--seed": config.seed,
        "--sheets": None if sheets is None else collection_digest(sheet_files(sheets), sheets),
        "--composed": float(config.composed_share) if sheets is not None else 1.0,
        "--soundfont": [font(name) for name in config.soundfonts],
        "--held-out-soundfont": None if config.held_out_soundfont is None else font(config.held_out_soundfont),
        "stems": config.stems,
        "sample rate": config.sample_rate,
        "seconds": [float(x) for x in config.seconds],
        "gain jitter": float(config.gain_jitter_db),
        "room share": float(config.room_share),
    }


def check_old_items(config: RenderConfig, lines: Iterable[dict[str, Any]]) -> None:
    """Could these items, of a folder that does not say its settings, be of these? Raises RequestError when not."""
    from partimento.score.soundfont import find_soundfont

    bad = {str(row["sheet"]) for row in json_lines(config.out / SKIPPED) if "sheet" in row}
    fonts = [find_soundfont(f).name for f in (*config.soundfonts, *filter(None, [config.held_out_soundfont]))]
    for line in lines:
        index = int(line["id"])
        if line["soundfont"] not in fonts:
            refuse_change(config.out, "--soundfont", line["soundfont"], fonts)
        place = item_folder(config.out, index)
        if (place / ITEM).exists() and config.stems != (place / "stems").is_dir():
            refuse_change(config.out, "stems", not config.stems, config.stems)
        _, sheet = first_draw(config, np.random.default_rng([config.seed, index]))
        if config.sheets is None or sheet is None:
            same = line["group"] == f"composed {config.seed} {index}"
        else:
            drawn = sheet.relative_to(config.sheets).as_posix()
            same = line["source"] == drawn or drawn in bad
        if not same:
            raise RequestError(
                f"{config.out} was made with another --seed, --sheets or --composed (item {line['id']} plays "
                f"'{line['source']}'); take another folder, or the same again"
            )
