"""Models brought into a local folder, converted, and described."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from partimento.errors import FileError, MissingDependencyError, RequestError, UnsupportedError
from partimento.models.musicgen import tables
from partimento.models.musicgen.convert import write_audiocraft, write_transformers
from partimento.models.musicgen.folder import AUDIOCRAFT_FILES, find_folder
from partimento.models.musicgen.loader import MusicGen, load_musicgen
from partimento.models.musicgen.manifest import NAME, unfinished, write_manifest

Layout = Literal["transformers", "audiocraft"]
LAYOUTS: tuple[Layout, ...] = ("transformers", "audiocraft")
_SKIPPED = (".cache", ".git", ".gitattributes", NAME)
_WANTED = ("*.json", "*.safetensors", "*.bin", "*.model", "*.txt", "LICENSE*", "README.md")


def fetch(source: str) -> Path:
    """A local folder, the downloaded copy of an id, or the id downloaded now.

    Raises:
        MissingDependencyError: it is not here and cannot be downloaded; the message says how to get it.
        FileError: a download that stopped half-way.
    """
    try:
        folder = find_folder(source, "its folder as")
    except MissingDependencyError as error:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled

        if Path(source).exists() or source.startswith((".", "/")):
            raise
        try:
            folder = Path(snapshot_download(source, allow_patterns=list(_WANTED)))
        except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled, OSError):
            raise error from None
    half = unfinished(folder)
    if half:
        raise FileError(f"{half[0]} is a download that stopped half-way; get the model again, then import it")
    return folder


def import_model(source: str, to: Path, layout: Layout | None = None, text_encoder: str | None = None) -> MusicGen:
    """Bring a model into a folder of its own, with hashes that every later load checks.

    Args:
        source: a folder or an id, in either layout.
        to: folder that does not exist yet.
        layout: how to store it; None copies it as it is.
        text_encoder: the T5 that AudioCraft's files leave out.

    Returns:
        The model, loaded from ``to``.

    Raises:
        RequestError: ``to`` exists. FileError, ParseError, UnsupportedError, MissingDependencyError: as
            :func:`partimento.models.musicgen.loader.load_musicgen`.
    """
    folder = fetch(source)
    model = load_musicgen(str(folder), text_encoder)  # everything is checked before anything is written
    if model.layout == "partimento":
        raise UnsupportedError(f"{source} is a model of our own; it is used where it is, and has no other layout")
    transformers = model.layout == "transformers"
    if layout is None and (transformers or ((folder / "t5").is_dir() and not _has_pointer(folder))):
        # What a released repository has beside the layout that is used: the same weights once more.
        skipped = (*_SKIPPED, *(AUDIOCRAFT_FILES if transformers else ()))
        return _written(to, lambda place: _copy(folder, place, skipped))
    # AudioCraft's own files need a text encoder, and sometimes a codec, from elsewhere: written anew they have them.
    return store_model(model, to, layout)


def store_model(model: MusicGen, to: Path, layout: Layout | None = None) -> MusicGen:
    """Write a loaded model of a published architecture into a folder of its own.

    Args:
        model: not of the layout ``partimento``.
        to: folder that does not exist yet.
        layout: how to store it; None keeps the model's.

    Returns:
        The model, loaded from ``to``. Errors as of :func:`import_model`.
    """
    write = write_transformers if (layout or model.layout) == "transformers" else write_audiocraft
    return _written(to, lambda place: write(model, place))


def describe(source: str) -> dict[str, Any]:
    """Facts of a checkpoint, and whether its files are those that were imported.

    Raises:
        As :func:`partimento.models.musicgen.loader.load_musicgen`.
    """
    model = load_musicgen(source)
    config, codec = model.lm.config, model.codec
    shape = {"layers": config.n_layers, "d": config.width, "f": config.ffn, "codebooks": config.n_codebooks,
             "text": "cross" if config.cross_attention else "prefix"}  # fmt: skip
    same = [name for name in tables.released_ids() if shape.items() <= tables.facts(name).items()]
    return {
        "folder": str(model.folder),
        "layout": model.layout,
        "shape of": ", ".join(same) or "none of those released",
        "layers": config.n_layers,
        "width": config.width,
        "heads": config.n_heads,
        "codebooks": config.n_codebooks,
        "channels": model.channels,
        "text": "cross-attention" if config.cross_attention else "prefix",
        "melody": config.melody_classes is not None,
        "parameters": sum(p.numel() for p in model.lm.parameters()),
        "codec": f"{codec.sample_rate} Hz, {codec.frame_rate_hz:g} frames/s, {codec.n_codebooks} x {codec.cardinality}",
        "hashes": f"as imported ({NAME})" if (model.folder / NAME).exists() else "none; partimento models import writes them",
    }


def _has_pointer(folder: Path) -> bool:
    """Whether AudioCraft's codec file only names another model."""
    from partimento.checkpoints import read_pickled

    path = folder / "compression_state_dict.bin"
    return path.exists() and "pretrained" in read_pickled(path)


def _copy(folder: Path, place: Path, skipped: tuple[str, ...]) -> None:
    """The files as they are, without those of these names; links of a download cache become files."""
    for path in sorted(folder.iterdir()):
        if path.name in skipped:
            continue
        if path.is_dir():
            shutil.copytree(path, place / path.name)
        else:
            shutil.copyfile(path, place / path.name)


def _written(to: Path, write: Callable[[Path], None]) -> MusicGen:
    """Write into a folder beside ``to``, hash, load it once, then give it its name: never half a model."""
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise RequestError(f"{to} exists; give a new folder")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(prefix=f".{to.name[:40]}.", dir=to.parent))
        try:
            write(place)
            write_manifest(place)
            load_musicgen(str(place))
            place.chmod(0o755)
            os.replace(place, to)
        finally:
            shutil.rmtree(place, ignore_errors=True)
    except OSError as error:
        raise FileError(f"cannot write {to}: {error.strerror or error}") from error
    return load_musicgen(str(to))
