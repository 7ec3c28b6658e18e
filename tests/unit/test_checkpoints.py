import json
from pathlib import Path

import msgspec
import pytest

from partimento.checkpoints import WEIGHTS_FOLDER, Manifest, ManifestEntry, built_in, read_manifest, sha256_of
from partimento.errors import FileError


def entry(**changes: object) -> ManifestEntry:
    values: dict[str, object] = {
        "name": "m", "file": "m.safetensors", "config": "m.json", "sha256": "", "bytes": 3, "licence": "CC0-1.0", "recipe": "r",
        "commit": "c", "data": "d", "hours_seen": 1.0, "hardware": "h", "minutes": 2.0, "results": {"mel": 0.5}, "command": "x",
    }  # fmt: skip
    return ManifestEntry(**(values | changes))  # type: ignore[arg-type]


def test_checked_against_its_hash(tmp_path: Path) -> None:
    (tmp_path / "m.safetensors").write_bytes(b"abc")
    good = sha256_of(tmp_path / "m.safetensors")
    assert good == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    (tmp_path / "manifest.json").write_bytes(msgspec.json.encode(Manifest((entry(sha256=good), entry(name="bad", sha256="0")))))
    assert built_in("m", tmp_path).weights == tmp_path / "m.safetensors"
    with pytest.raises(FileError, match="not the file that was released"):
        built_in("bad", tmp_path)
    with pytest.raises(FileError, match="built in: m, bad"):
        built_in("other", tmp_path)


def test_damaged_manifest(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"models": [{"name": "x"}]}))
    with pytest.raises(FileError, match="damaged"):
        read_manifest(tmp_path)
    assert read_manifest(tmp_path / "none") == Manifest()


def test_shipped_files_are_those_listed() -> None:
    for listed in read_manifest().models:
        assert built_in(listed.name).config.exists()
        assert (WEIGHTS_FOLDER / listed.file).stat().st_size == listed.bytes
