"""A system's clips, made from captions when they are not there yet: one file per caption, resumable."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path

from partimento.audio import write_audio
from partimento.errors import PartimentoError, RequestError
from partimento.evaluate.systems.work import Progress, no_progress
from partimento.paths import make_folder
from partimento.plan.request import GenerateRequest


def make_clips(
    model: str,
    captions: Mapping[str, str],
    folder: Path,
    *,
    n_clips: int | None = None,
    duration_s: float = 10.0,
    seed: int = 0,
    n_jobs: int = 1,
    progress: Progress = no_progress,
) -> tuple[Path, tuple[str, ...]]:
    """Generate a clip per caption with ``generate --model MODEL``.

    Args:
        model: a performer: ``score``, or the folder or id of a checkpoint.
        captions: by clip id.
        folder: clips go to ``FOLDER/MODEL``; those that are there already are kept.
        n_clips: how many captions, from the first; None takes all.
        duration_s: length of each.
        seed: of every request.
        n_jobs: processes.
        progress: bar.

    Returns:
        The folder, and a line for every caption that failed.

    Raises:
        RequestError: no captions, or an id that is not a file name.
    """
    chosen = dict(islice(captions.items(), n_clips))
    if not chosen:
        raise RequestError("no captions to make clips from")
    for name in chosen:
        if Path(name).name != name or name in (".", ".."):
            raise RequestError(f"caption id '{name}' cannot be a file name")
    out = make_folder(folder / Path(model).name)
    work = [(name, text) for name, text in chosen.items() if not (out / f"{name}.flac").exists()]
    job = partial(_one, model, out, duration_s, seed)
    if n_jobs == 1:
        failed = [line for line in progress(map(job, work), len(work), f"making {out.name}") if line]
    else:
        with ProcessPoolExecutor(n_jobs) as pool:
            failed = [line for line in progress(pool.map(job, work), len(work), f"making {out.name}") if line]
    return out, tuple(failed)


def _one(model: str, out: Path, duration_s: float, seed: int, item: tuple[str, str]) -> str:
    """Make one clip; returns why it failed, or nothing."""
    from partimento.pipeline import generate

    name, text = item
    try:
        result = generate(GenerateRequest(text, duration_s=duration_s, seed=seed, model=model), audio_report=False)
    except PartimentoError as error:
        return f"{out.name}/{name}: {error}"
    write_audio(out / f"{name}.flac", result.audio)
    return ""
