"""From a recipe and folders of sound to a trained model: what ``partimento train`` calls.

partimento train recipes/mini-codec.yaml --data train/ --valid valid/ --out runs/codec --minutes 20
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from partimento.data.audio_folder import RENDERED_MANIFEST, AudioFile, AudioWindows, find_training_audio
from partimento.paths import check_folder
from partimento.train.loop import Limits, Trainer, pick_device
from partimento.train.processes import join
from partimento.train.recipe import Recipe
from partimento.train.resume import refuse_another_model, with_vocabulary_of
from partimento.train.skipping import Skipped
from partimento.train.state import TrainState, checkpoints, weights_file
from partimento.train.task import Task

VALID_SEED = 77


def train(
    recipe: Recipe,
    data: Sequence[Path],
    out: Path,
    *,
    valid: Sequence[Path] | None = None,
    limits: Limits | None = None,
    device: str = "auto",
    warm_start: str | Path | None = None,
    say: Callable[[str], None] = lambda line: None,
    live: Callable[[str], None] | None = None,
) -> TrainState:
    """Train, or go on training, in the folder ``out``.

    Args:
        recipe: what.
        data: for the codec folders of sound files or datasets of :mod:`partimento.data.render` (their training split); for the
            score model datasets of :mod:`partimento.data.scores`; for the language model caches of ``partimento data encode``,
            for the joint embedding those of its log-mel features.
        out: folder of the run.
        valid: the same, held out; None takes the ``valid`` split when all ``data`` are rendered datasets, else nothing.
        limits: when to stop; none means the recipe's total steps.
        device: ``auto``, ``cpu`` or ``cuda``.
        warm_start: weights to begin from: a file, a checkpoint, a run's folder or the name of a built-in model.
        say: gets progress lines.
        live: as of :class:`partimento.train.loop.Trainer`.

    Raises:
        FileError: data or weights cannot be read, or nothing can be written in ``out``.
        RequestError: the run in ``out`` is of another model. UnsupportedError: no such device.
        TrainingStopped: the loss is no longer a number.
    """
    processes = join(device)
    if not processes.is_first:
        say = _silence
    pick_device(device)
    check_folder(out)
    if recipe.task == "score":
        recipe = with_vocabulary_of(recipe, out, warm_start)
    refuse_another_model(out, recipe)
    if warm_start is not None and not checkpoints(out):
        weights_file(warm_start)
    skipped = Skipped(out, say)
    task: Task
    if recipe.task == "lm":
        from partimento.train.lm_setup import lm_task

        recipe, task = lm_task(recipe, data, valid, say, skipped.add)
    elif recipe.task == "embed":
        from partimento.train.embed import embed_task

        recipe, task = embed_task(recipe, data, valid, say, skipped.add)
    elif recipe.task == "score":
        task = _score_task(recipe, data, valid, say, skipped)
    else:
        task = _codec_task(recipe, data, valid, say, skipped)
    trainer = Trainer(recipe, task, out, device=device, warm_start=warm_start, say=say, processes=processes, live=live)
    return trainer.run(limits or Limits())


def _silence(_line: str) -> None:
    """Of all processes but the first."""


def _codec_task(
    recipe: Recipe, data: Sequence[Path], valid: Sequence[Path] | None, say: Callable[[str], None], skipped: Skipped
) -> Task:
    """The codec on sound files."""
    from partimento.train.codec import CodecTask

    codec, model = recipe.codec, recipe.model
    window = codec.window_frames * model.hop

    def found(folders: Sequence[Path], split: str = "train") -> list[AudioFile]:
        """Files of a split; those that cannot be read are named."""
        files, lines = find_training_audio(folders, split)
        for line in lines:
            skipped.add(*line.rsplit(": ", 1))
        return files

    files = found(data)
    windows = AudioWindows(files, model.sample_rate, window, gain_db=codec.gain_db, on_skip=skipped.add)
    if valid is None and all((folder / RENDERED_MANIFEST).exists() for folder in data):
        valid = data
    held_out = None
    if valid is not None:
        held_out = AudioWindows(found(valid, "valid"), model.sample_rate, window, on_skip=skipped.add)
    say(f"{len(files)} files, {windows.duration_s / 3600:.2f} h of sound")
    return CodecTask(recipe, windows, held_out)


def _score_task(
    recipe: Recipe, data: Sequence[Path], valid: Sequence[Path] | None, say: Callable[[str], None], skipped: Skipped
) -> Task:
    """The score model on datasets of scores."""
    from partimento.data.scores import read_scores
    from partimento.train.score import ScoreTask
    from partimento.train.score_data import ScoreWindows

    model = recipe.score_model

    def windows(folders: Sequence[Path], split: str) -> ScoreWindows:
        lines = [line for folder in folders for line in read_scores(folder, skipped.add) if line["split"] == split]
        return ScoreWindows(lines, recipe.score, model.vocabulary, model.context, chords=model.chord_tokens, on_skip=skipped.add)

    train, held_out = windows(data, "train"), windows(valid or data, "valid")
    say(f"{train.n_pieces} pieces to learn from, {held_out.n_pieces} held out")
    return ScoreTask(recipe, train, held_out)
