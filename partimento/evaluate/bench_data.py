"""Speed of the data engine: rendering with stems, and the caches.

"Times real time per core" is seconds of mixed sound per second of processor time, so that processes beside this one count
little. Some items are rendered before the clock starts: what each process reads and compiles once (styles, SoundFonts, filters)
is spread over thousands of items in a real dataset.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from partimento.data.render import render_item
from partimento.data.render_config import RenderConfig
from partimento.errors import PartimentoError
from partimento.evaluate.bench import BenchRow
from partimento.threads import one_thread

N_ITEMS = 40
GOAL = 80.0
_WARM_UP = 20


def bench_data(n_items: int = N_ITEMS, sheets: Path | None = None) -> list[BenchRow]:
    """Rows for composed pieces, for sheets where a folder of them is given, for half of each, and for the caches.

    Args:
        n_items: measured per kind.
        sheets: folder of MusicXML lead sheets.
    """
    shares = {"composed pieces": 1.0} | ({"sheets": 0.0, "half of each": 0.5} if sheets is not None else {})
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, share in shares.items():
            config = RenderConfig(root / name.replace(" ", "-"), sheets, n_items, 1, composed_share=share)
            rows += _render(config, name)
        rows += _caches(root / "composed-pieces")
    return rows


def _render(config: RenderConfig, name: str) -> list[BenchRow]:
    """Speed and stems of one kind."""
    # Other items than those measured, or their notes would be waiting in the cache.
    _items(replace(config, seed=2), _WARM_UP)
    started, wall = time.process_time(), time.perf_counter()
    lines = _items(config, config.n_items)
    used, waited = time.process_time() - started, time.perf_counter() - wall
    seconds = sum(float(line["seconds"]) for line in lines)
    stems = sum(float(line["stems"]) * float(line["seconds"]) for line in lines) / max(seconds, 1e-9)
    met = seconds / used >= GOAL
    return [
        BenchRow(f"rendering {name} with {stems:.1f} stems each", seconds / used, "x per core", f">= {GOAL:g}", met),
        BenchRow("the same by the clock on the wall", seconds / waited, "x"),
    ]


def _items(config: RenderConfig, n_items: int) -> list[dict[str, Any]]:
    """Lines of items; those that cannot be made are left out, as a dataset does."""
    lines: list[dict[str, Any]] = []
    for index in range(n_items):
        try:
            lines.append(render_item(config, index))
        except (PartimentoError, ValueError, KeyError, ArithmeticError):
            continue
    return lines


def _caches(data: Path) -> list[BenchRow]:
    """Speed of encoding the mixes that were rendered."""
    from partimento.data.cache.encoders import EncoderSpec, FrameEncoder, open_encoder
    from partimento.data.cache.sound import item_sound
    from partimento.data.datasets.folder import read
    from partimento.data.datasets.item import Item

    mixes = [item for item in read(data) if isinstance(item, Item) and item.id.endswith("mix.flac")][:8]
    specs = {"log-mel frames": EncoderSpec("mel")}
    if find_spec("torch") is not None:
        specs["tokens of mini-codec"] = EncoderSpec("tokens", "mini-codec")

    def encoding(encoder: FrameEncoder) -> Callable[[Item], object]:
        return lambda item: encoder.encode(item_sound(item, encoder.layout.sample_rate, encoder.layout.channels))

    rows = []
    for name, spec in specs.items():
        with one_thread() if spec.kind == "tokens" else nullcontext():
            work = encoding(open_encoder(spec))
            work(mixes[0])
            started = time.process_time()
            for item in mixes:
                work(item)
            used = time.process_time() - started
        speed = sum(item.duration_s for item in mixes) / used
        rows.append(BenchRow(f"{name}, from the file", speed, "x per core"))
    return rows
