"""The arranging half of the composer: everything but the tune, and how all of it is played.

``arrange(sketch, rng)`` writes the parts, ``accompany(sketch, tracks, rng)`` gives a lone tune player a second hand,
``perform(score, plan, sketch, rng)`` sets loudness and timing. What styles look like is data
(``partimento/styles/data``); the engine knows no style by name.
"""

from partimento.compose.arrange.arranger import arrange
from partimento.compose.arrange.perform import perform
from partimento.compose.arrange.second_hand import accompany

__all__ = ["accompany", "arrange", "perform"]
