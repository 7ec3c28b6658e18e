"""Plan → score: frame, harmony, tune, arrangement.

The way of a piece stands on one page in :mod:`partimento.compose.composer`.
"""

from partimento.compose.composer import compose
from partimento.compose.melody import compose_lead_sheet, write_melody

__all__ = ["compose", "compose_lead_sheet", "write_melody"]
