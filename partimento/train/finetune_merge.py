"""An adapter and its base as one model: a checkpoint like the base, which everything that takes models takes."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from partimento.checkpoints import CONFIG_FILE, WEIGHTS_FILE
from partimento.errors import FileError, RequestError
from partimento.models.mini import is_mini, load_audio_lm, mini_files
from partimento.models.musicgen.loader import load_musicgen
from partimento.models.musicgen.store import Layout, store_model
from partimento.paths import make_folder, write_bytes
from partimento.train.finetune_adapter import find_adapter, load_adapter, merged, read_card


def merge_adapter(adapter: Path, to: Path, *, base: str | None = None, layout: Layout | None = None) -> str:
    """Write the model that an adapter and its base are together.

    Args:
        adapter: its folder, or that of its run.
        to: folder that does not exist yet.
        base: where the base is; None takes the name or folder that the adapter was made with.
        layout: of a MusicGen; None keeps the base's.

    Returns:
        How it is stored.

    Raises:
        RequestError: another base than the adapter's, ``to`` exists, or a layout for a model of our own.
        FileError: no adapter, or a damaged one. Others as :func:`partimento.models.musicgen.loader.load_musicgen`.
    """
    folder = find_adapter(adapter)
    source = base or read_card(folder).base
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise RequestError(f"{to} exists; give a new folder")
    if is_mini(source):
        if layout is not None:
            raise RequestError(f"{source} is a model of our own and has no other layout; leave out --layout")
        _merge_mini(folder, source, to)
        return "partimento"
    model = load_musicgen(source)
    merged(load_adapter(model.lm, folder))
    return store_model(model, to, layout).layout


def _merge_mini(adapter: Path, source: str, to: Path) -> None:
    """A folder like the trainer's: weights in float32 and the base's configuration."""
    from safetensors.torch import save

    model, _ = load_audio_lm(source)
    merged(load_adapter(model.lm, adapter))
    make_folder(to.parent)
    place = Path(tempfile.mkdtemp(prefix=f".{to.name[:40]}.", dir=to.parent))
    try:
        write_bytes(place / WEIGHTS_FILE, save({name: tensor.contiguous() for name, tensor in model.state_dict().items()}))
        shutil.copyfile(mini_files(source)[1], place / CONFIG_FILE)
        load_audio_lm(str(place))
        place.chmod(0o755)
        os.replace(place, to)
    except OSError as error:
        raise FileError(f"cannot write {to}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(place, ignore_errors=True)
