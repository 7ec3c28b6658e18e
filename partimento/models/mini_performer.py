"""The built-in audio language model as a performer. It hears the plan's canonical caption, whatever language was spoken."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from partimento.interpret import make_plan
from partimento.interpret.caption import learned_caption
from partimento.models.mini import MINI, mini_files
from partimento.models.musicgen_performer import MusicGenPerformer, story_of
from partimento.models.performer import Support
from partimento.plan.plan import Plan
from partimento.plan.request import GenerateRequest
from partimento.plan.story import StorySection

if TYPE_CHECKING:
    from partimento.codec.mini_stream import MiniCodecPart


class MiniPerformer(MusicGenPerformer):
    """A model by ``partimento train recipes/mini.yaml``.

    Args:
        source: ``mini`` or its checkpoint folder.
    """

    name = MINI
    description = "the built-in audio language model, or a checkpoint trained like it: words to sound, learned; needs PyTorch"
    licence = "Apache-2.0 (built in), or the checkpoint's own"
    support = MusicGenPerformer.support | dict.fromkeys(("melody (score file)", "melody (recording)"), Support.REFUSED)
    packages = ("torch", "safetensors")

    def _words(self, plan: Plan, request: GenerateRequest) -> tuple[tuple[StorySection, ...], str, tuple[str, ...]]:
        """The caption of the plan (of each section's plan), and what to stay away from as a caption of its own."""
        if request.story is None:
            words = "" if request.extends_without_words else learned_caption(plan)
            sections: tuple[StorySection, ...] = (StorySection(0.0, words),)
            negatives: tuple[str, ...] = ("",)
        else:
            sections, negatives = story_of(plan, request)
            sections = tuple(replace(section, text=_caption(section.text)) for section in sections)
        things = [thing.strip() for thing in request.negative.split(",") if thing.strip()]
        return sections, _shunned(", ".join(things)), tuple(_shunned(words) for words in negatives)

    def provenance(self, request: GenerateRequest) -> dict[str, str]:
        """Layout, engine, versions, and the hashes of the weights and of what makes sound of their tokens."""
        from partimento.checkpoints import sha256_of

        codec = cast("MiniCodecPart", self._load(request.engine).codec).codec
        return super().provenance(request) | {
            "weights_sha256": sha256_of(mini_files(self.source)[0]), "decoder_sha256": codec.sound_sha256(),
        }  # fmt: skip


def _caption(words: str) -> str:
    """The caption of words; none for none."""
    return learned_caption(make_plan(GenerateRequest(words))) if words.strip() else ""


def _shunned(words: str) -> str:
    """Something to stay away from, worded like a caption; empty for nothing."""
    return f"A piece with {words}." if words else ""
