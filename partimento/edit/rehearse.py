"""A plan gone through without any sound: stems, places and amounts are checked as the edit itself would."""

from __future__ import annotations

from partimento.edit.change import Piece
from partimento.edit.contents import Contents
from partimento.edit.execute import confined
from partimento.edit.region import resolve
from partimento.edit.registry import executor
from partimento.edit.targets import tracks_of, without_spared
from partimento.plan.edit import EditPlan, EditRequest


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
            piece = Piece(now, score, contents.request, contents.stems, (request.seed, index, number), lambda: contents.mix)
            change = executor(operation.op)(piece, operation, span)
            now, score = change.plan, change.score
