"""Release a checkpoint: small weights, configuration, and an entry in the manifest with its measured figures.

    python -m partimento.evaluate.release runs/codec/step-00010000 --data held_out/ --recipe recipes/mini-codec.yaml \\
        --about "training data in words" --hardware "2 CPU cores" --commit abc1234 [--name mini-codec] [--out DIR]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec

from partimento.checkpoints import MANIFEST, WEIGHTS_FOLDER, Manifest, ManifestEntry, built_in, read_manifest, sha256_of
from partimento.errors import FileError, PartimentoError, RequestError

MAX_LOSS_BY_PACKING = 0.01
"""A release whose mel distance grows by more than this when packed is refused."""


def run_counters(checkpoint: Path) -> tuple[float, float]:
    """Hours of sound seen and minutes trained, from a checkpoint's run log. Raises FileError when there is none."""
    from partimento.train.curves import read_log

    step = int(checkpoint.name.rsplit("-", 1)[-1])
    rows = [r for r in read_log(checkpoint.parent) if r["step"] <= step and "audio_s" in r]
    if not rows:
        raise FileError(f"the log beside {checkpoint} says nothing up to step {step}")
    return rows[-1]["audio_s"] / 3600.0, rows[-1]["wall_s"] / 60.0


def export_codec(
    checkpoint: Path, data: Path, out: Path, entry: ManifestEntry, *, n_files: int = 24, new_tokens: bool = False
) -> tuple[ManifestEntry, str]:
    """Pack a codec checkpoint into ``out``, measure it there, and list it.

    Args:
        checkpoint: folder that the trainer wrote.
        data: held-out sounds.
        out: weights' folder.
        entry: name and facts; file, hash, size and results are filled in here.
        n_files: sounds to measure on.
        new_tokens: whether its tokens may be others than those of the release of that name; models of these then no longer fit.

    Returns:
        The entry as listed, and the table of figures as text.

    Raises:
        FileError: something cannot be read.
        RequestError: packing costs too much quality, or tokens are others than before.
    """
    from safetensors.torch import save_file

    from partimento.codec.loading import TRAINING_ONLY, load_mini_codec
    from partimento.codec.packing import pack
    from partimento.evaluate.codec import evaluate_codec

    codec = load_mini_codec(checkpoint)
    out.mkdir(parents=True, exist_ok=True)
    staging = out / f".{entry.name}.partial"
    staging.mkdir(exist_ok=True)
    config = {"model": msgspec.to_builtins(codec.config)}
    (staging / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    packed = pack(codec.state_dict(), drop=TRAINING_ONLY, keep=("quantizer.entries",))
    save_file(packed, str(staging / "model.safetensors"))
    if not new_tokens and _tokens_of(out, entry.name) not in (None, load_mini_codec(staging).tokens_sha256()):
        raise RequestError(
            f"tokens of {checkpoint} are others than those of the released {entry.name}, and language models of these would no "
            "longer fit: --new-tokens if that is meant"
        )
    before = evaluate_codec(checkpoint, data, n_files=n_files, ceilings=False, opus_kbps=())
    after = evaluate_codec(staging, data, n_files=n_files, ceilings=False)
    after = replace(after, measured=f"{entry.name} on {data.resolve().name}")
    whole = after.rows[0]
    lost = whole.mel - before.rows[0].mel
    if lost > MAX_LOSS_BY_PACKING:
        raise RequestError(f"packing raises the mel distance by {lost:.3f}; the limit is {MAX_LOSS_BY_PACKING}: keep float16")
    results = {
        "mel_distance": round(whole.mel, 3), "mel_distance_0_6_khz": round(whole.mel_low, 3),
        "chroma_cosine": round(whole.chroma, 4), "lowest_perplexity": round(min(after.perplexities), 1),
    }  # fmt: skip
    if whole.kept.onsets is not None:
        results["onset_f1"] = round(whole.kept.onsets, 3)
    true = after.original
    for name, value, heard in (("beat_f1", whole.kept.beats, true.beats), ("chord_overlap", whole.kept.chords, true.chords)):
        if value is not None and heard is not None:
            results |= {name: round(value, 3), f"{name}_original": round(heard, 3)}
    for row in after.rows:
        if row.name.startswith("Opus"):
            results[f"mel_distance_{row.name.lower().replace(' ', '_')}"] = round(row.mel, 3)
    listed = install(staging, out, replace(entry, results=results))
    return listed, after.markdown()


def _tokens_of(out: Path, name: str) -> str | None:
    """What a released codec's tokens are known by; None where none of that name is released."""
    from partimento.codec.loading import codec_of

    if all(one.name != name for one in read_manifest(out).models):
        return None
    found = built_in(name, out)
    return codec_of(found.weights, found.config).tokens_sha256()


def install(staging: Path, out: Path, entry: ManifestEntry) -> ManifestEntry:
    """Move packed weights and their configuration from ``staging`` into a weights' folder, and list them there.

    Args:
        staging: holds ``model.safetensors`` and ``config.json``; it is gone afterwards.
        out: weights' folder.
        entry: facts; files, hash and size are filled in here.
    """
    file, config = out / f"{entry.name}.safetensors", out / f"{entry.name}.json"
    (staging / "model.safetensors").chmod(0o644)  # safetensors writes files that only their owner may read
    (staging / "model.safetensors").replace(file)
    (staging / "config.json").replace(config)
    staging.rmdir()
    listed = replace(entry, file=file.name, config=config.name, sha256=sha256_of(file), bytes=file.stat().st_size)
    enlist(out, listed)
    return listed


def enlist(out: Path, entry: ManifestEntry) -> None:
    """Write an entry into the manifest of a weights' folder, in the place of an older one of that name."""
    others = tuple(e for e in read_manifest(out).models if e.name != entry.name)
    text = msgspec.json.format(msgspec.json.encode(Manifest((*others, entry))), indent=2).decode() + "\n"
    (out / MANIFEST).write_text(text, encoding="utf-8")


def release_parser(
    description: str, data_help: str, name: str, *, name_help: str | None = None, caches: bool = False
) -> argparse.ArgumentParser:
    """The options that every release has: the checkpoint, what it is measured on, and the facts of its card.

    Args:
        description: of the command.
        data_help: what ``--data`` is.
        name: default of ``--name``.
        name_help: where the default is not said by itself.
        caches: ``--data`` takes one or more.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", type=Path, nargs="+" if caches else None, required=True, help=data_help)
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--about", required=True, help="the training data, in words")
    parser.add_argument("--hardware", required=True)
    parser.add_argument("--commit", required=True)
    parser.add_argument("--name", default=name, help=name_help)
    parser.add_argument("--out", type=Path, default=WEIGHTS_FOLDER)
    parser.add_argument("--status", default="experimental", choices=("experimental", "released"))
    return parser


def run_release(
    args: argparse.Namespace, command: str, export: Callable[[ManifestEntry], tuple[ManifestEntry, str]], end: str = ""
) -> int:
    """Release what :func:`release_parser` was given, and say so; returns the exit code.

    Args:
        args: its options.
        command: prints the figures again; goes into the entry.
        export: from the facts to the listed entry and its table.
        end: printed behind the table.
    """
    try:
        hours, minutes = run_counters(args.checkpoint)
        entry = ManifestEntry(
            args.name, "", "", "", 0, "Apache-2.0", args.recipe, args.commit, args.about, round(hours, 1), args.hardware,
            round(minutes), {}, command, args.status,
        )  # fmt: skip
        listed, table = export(entry)
    except PartimentoError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{listed.file}: {listed.bytes / 1e6:.1f} MB, SHA-256 {listed.sha256}\n\n{table}", end=end)
    return 0


def main(argv: list[str] | None = None) -> int:
    """Command line of this module."""
    parser = release_parser("Release a codec checkpoint into the package's weights.", "held-out sounds", "mini-codec")
    parser.add_argument("--files", type=int, default=24)
    parser.add_argument("--new-tokens", action="store_true", help="tokens may be others than those of the release before")
    args = parser.parse_args(argv)
    command = f"partimento evaluate codec {args.name} --data DIR --files {args.files}"

    def export(entry: ManifestEntry) -> tuple[ManifestEntry, str]:
        """Into the weights' folder."""
        return export_codec(args.checkpoint, args.data, args.out, entry, n_files=args.files, new_tokens=args.new_tokens)

    return run_release(args, command, export)


if __name__ == "__main__":
    sys.exit(main())
