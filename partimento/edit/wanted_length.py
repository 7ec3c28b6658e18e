"""How long something shall be: one reading of "to", "off" and "more" for scores and recordings."""

from __future__ import annotations

from partimento.errors import RequestError
from partimento.plan.edit import EditOperation


def wanted_length(operation: EditOperation, length: float, bar: float, second: float) -> float | None:
    """Length that ``extend`` or ``trim`` asks for; None when no amount is given.

    ``extend`` adds its amount, with ``value`` ``to`` it says the new length; a ``factor`` always scales. ``trim`` says what
    to keep, with ``value`` ``off`` what to cut.

    Args:
        operation: with ``amount`` and ``unit`` (``bars``, ``s`` or ``factor``).
        length: of what is there, in any unit.
        bar, second: in the same unit.

    Raises:
        RequestError: nothing would be left.
    """
    amount, unit = operation.amount, operation.unit
    if amount is None:
        return None
    share = amount * length if unit == "factor" else amount * (second if unit == "s" else bar)
    if operation.op == "extend":
        wanted = share if unit == "factor" or operation.value == "to" else length + share
    else:
        wanted = length - share if operation.value == "off" else share
    if wanted <= 0:
        there = f"{length / bar:.3g} bars ({length / second:.2f} s)"
        raise RequestError(f"nothing would be left: {amount:g} {unit} of {there}; give a smaller amount")
    return wanted
