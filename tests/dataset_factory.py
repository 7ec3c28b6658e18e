"""Tiny folders in the layouts of public datasets, as their documentation describes them."""

import csv
import json
from pathlib import Path

import numpy as np
import yaml

RATE = 8_000


def sound(path: Path, seconds: float = 0.5, rate: int = RATE, level: float = 0.2, channels: int = 1) -> Path:
    """A file of noise; the suffix chooses its format."""
    import soundfile

    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(len(str(path.name)))
    samples = level * rng.uniform(-1, 1, (round(seconds * rate), channels))
    soundfile.write(path, samples, rate)
    return path


def slakh_stem(inst_class: str, program: int, is_drum: bool = False, rendered: bool = True) -> dict[str, object]:
    """A stem's row of ``metadata.yaml``."""
    return {
        "audio_rendered": rendered, "inst_class": inst_class, "integrated_loudness": -13.0, "is_drum": is_drum,
        "midi_program_name": f"{inst_class} {program}", "midi_saved": True, "plugin_name": "x.nkm", "program_num": program,
    }  # fmt: skip


def slakh(root: Path, split: str = "train", number: int = 1) -> Path:
    """One track of Slakh2100: guitar, drums, a choir, and a stem that was never rendered."""
    folder = root / split / f"Track{number:05d}"
    stems = {
        "S00": slakh_stem("Guitar", 30), "S01": slakh_stem("Drums", 128, is_drum=True),
        "S02": slakh_stem("Strings (continued)", 52), "S03": slakh_stem("Sound Effects", 120, rendered=False),
    }  # fmt: skip
    meta = {"UUID": "1a81", "audio_dir": "stems", "midi_dir": "MIDI", "normalized": True, "overall_gain": 0.18, "stems": stems}
    for name in ("S00", "S01", "S02"):
        sound(folder / "stems" / f"{name}.flac")
        (folder / "MIDI").mkdir(exist_ok=True)
        (folder / "MIDI" / f"{name}.mid").write_bytes(b"MThd")
    sound(folder / "mix.flac")
    (folder / "all_src.mid").write_bytes(b"MThd")
    (folder / "metadata.yaml").write_text(yaml.safe_dump(meta))
    return folder


def moisesdb(root: Path, name: str = "0358facf") -> Path:
    """One song of MoisesDB: two tracks of guitar, one of drums."""
    folder = root / "moisesdb_v0.1" / name
    stems = [
        {"id": "s1", "stemName": "guitar", "tracks": [
            {"id": "g1", "trackType": "acoustic guitar", "extension": "wav", "has_bleed": False},
            {"id": "g2", "trackType": "clean electric guitar", "extension": "wav", "has_bleed": False}]},
        {"id": "s2", "stemName": "drums", "tracks": [
            {"id": "d1", "trackType": "full acoustic drumkit", "extension": "wav", "has_bleed": True}]},
    ]  # fmt: skip
    for stem, ids in (("guitar", ("g1", "g2")), ("drums", ("d1",))):
        for i, track in enumerate(ids):
            sound(folder / stem / f"{track}.wav", 0.5 + 0.1 * i, channels=2)
    (folder / "data.json").write_text(json.dumps({"song": "A", "artist": "B", "genre": "rock", "stems": stems}))
    return folder


def musdb(root: Path, split: str = "train", name: str = "Band - Song") -> Path:
    """One song of MUSDB18-HQ."""
    folder = root / split / name
    for stem in ("mixture", "vocals", "drums", "bass", "other"):
        sound(folder / f"{stem}.wav", channels=2)
    return folder


MUSICCAPS_HEAD = (
    "ytid", "start_s", "end_s", "audioset_positive_labels", "aspect_list", "caption", "author_id", "is_balanced_subset",
    "is_audioset_eval",
)  # fmt: skip


def table(path: Path, head: tuple[str, ...], rows: list[tuple[object, ...]]) -> Path:
    """A csv file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)
    return path


FMA_GROUPS = ("", "album", "set", "set", "track", "track", "track", "track", "track")
FMA_COLUMNS = ("", "title", "split", "subset", "genre_top", "genres", "license", "tags", "title")


def fma(root: Path, rows: list[tuple[object, ...]]) -> Path:
    """``fma_metadata`` with its three header lines; rows are (track_id, album title, split, subset, ...)."""
    index = ("track_id", *[""] * (len(FMA_COLUMNS) - 1))
    table(root / "fma_metadata" / "tracks.csv", FMA_GROUPS, [FMA_COLUMNS, index, *rows])
    table(root / "fma_metadata" / "genres.csv", ("genre_id", "#tracks", "parent", "title", "top_level"), [
        (21, 9, 0, "Hip-Hop", 21), (4, 9, 0, "Jazz", 4),
    ])  # fmt: skip
    return root
