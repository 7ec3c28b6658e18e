"""From a recipe and token caches to a language model's task, its recipe completed with what a checkpoint must name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from partimento.codec.loading import load_mini_codec
from partimento.codec.mini import MiniCodec
from partimento.data.cache.encoders import EncoderSpec, FrameLayout, open_encoder
from partimento.errors import RequestError
from partimento.lm.audio_lm import CodecUsed
from partimento.train.captioning import training_words
from partimento.train.lm import LmTask
from partimento.train.lm_data import TokenWindows
from partimento.train.recipe import Recipe
from partimento.train.task import held_out_of


def completed(recipe: Recipe, codec: MiniCodec) -> Recipe:
    """The recipe with the text tower's vocabulary and the hash of its codec, which is given."""
    text = recipe.text if recipe.text.words else replace(recipe.text, words=training_words())
    return replace(recipe, text=text, codec_used=CodecUsed(recipe.codec_used.source, codec.tokens_sha256()))


def lm_task(
    recipe: Recipe,
    data: Sequence[Path],
    valid: Sequence[Path] | None,
    say: Callable[[str], None],
    on_skip: Callable[[str, str], None] = lambda name, reason: None,
) -> tuple[Recipe, LmTask]:
    """The completed recipe and its task.

    Args:
        recipe: with ``task: lm``.
        data: caches of ``partimento data encode`` by the recipe's codec; their training split.
        valid: caches whose validation split is held out; None takes ``data``.
        say: gets a line on how much there is.
        on_skip: gets the name of an item that cannot be read, and the reason.

    Raises:
        FileError: no cache or codec. RequestError: tokens of another codec.
    """
    codec = load_mini_codec(recipe.codec_used.source)
    recipe = completed(recipe, codec)
    model, lm = recipe.lm_model, recipe.lm

    def windows(folders: Sequence[Path], split: str) -> TokenWindows:
        return TokenWindows(folders, model.n_codebooks, lm.window_frames, recipe.text, lm.own_caption_share, split, on_skip)

    train = windows(data, "train")
    check_codec(recipe, train.layout, data[0])
    say(f"{train.n_items} items, {train.duration_s / 3600:.2f} h of tokens of {recipe.codec_used.source}")
    codebooks = codec.quantizer.entries
    fits = codebooks.shape[2] <= model.width
    if not fits:
        say(f"the codec's entries have {codebooks.shape[2]} numbers, the model {model.width}: it begins from random embeddings")
    return recipe, LmTask(recipe, train, held_out_of(windows, data, valid, say), codebooks if fits else None)


def check_codec(recipe: Recipe, layout: FrameLayout, folder: Path) -> None:
    """Raise RequestError unless a cache holds tokens of the recipe's codec."""
    source = recipe.codec_used.source
    wanted, codes = open_encoder(EncoderSpec("tokens", source)).layout, recipe.lm_model.cardinality
    if wanted.cardinality != codes:
        raise RequestError(
            f"the recipe's model speaks {codes} codes and {source} has {wanted.cardinality}: set lm_model.cardinality"
        )
    if layout.fingerprint != wanted.fingerprint:
        raise RequestError(
            f"{folder} holds tokens of {layout.name} ({layout.fingerprint[:8]}), the recipe speaks those of {source} as it is "
            f"now ({wanted.fingerprint[:8]}): encode the data again into another folder (partimento data encode DATA "
            f"--codec {source} --out CACHE), or set codec_used.source to the codec that made them"
        )
