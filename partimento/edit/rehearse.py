"""A plan gone through without any sound: stems, places and amounts are checked as the edit itself would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from partimento.audio.waveform import Waveform
from partimento.edit.change import Piece
from partimento.edit.contents import Contents
from partimento.edit.execute import confined
from partimento.edit.region import resolve
from partimento.edit.registry import executor
from partimento.edit.targets import tracks_of, without_spared
from partimento.plan.edit import EditPlan, EditRequest


class _Stems(Mapping[str, Waveform]):
    """Stems of a piece; a part that came in meanwhile has none yet, and any sound of the right length stands for it."""

    def __init__(self, stems: Mapping[str, Waveform]) -> None:
        self._stems = stems

    def __getitem__(self, name: str) -> Waveform:
        return self._stems[name if name in self._stems else next(iter(self._stems))]

    def __iter__(self) -> Iterator[str]:
        return iter(self._stems)

    def __len__(self) -> int:
        return len(self._stems)


def rehearse(contents: Contents, plan: EditPlan, request: EditRequest) -> None:
    """Do the operations of a plan on plan and score alone; nothing is rendered and nothing changes.

    Of sounds that are meant (``effect``) only targets and place are checked: how far they go depends on the signal.

    Raises:
        PartimentoError: what the edit would be refused with.
    """
    if contents.plan is None or contents.score is None:
        return
    now, score = contents.plan, contents.score
    for index, asked in enumerate(plan.operations):
        operation = confined(asked, request, score)
        for number, span in reversed(list(enumerate(resolve(operation.region, score)))):
            if operation.op == "effect":
                tracks_of(without_spared(operation, score).targets, score)
                continue
            seed = (request.seed, index, number)
            piece = Piece(now, score, contents.request, _Stems(contents.stems), seed, lambda: contents.mix)
            change = executor(operation.op)(piece, operation, span)
            now, score = change.plan, change.score
