"""Signal processing that changes a sound: filters, dynamics, saturation, width, room, tape.

Each effect is a pure function ``(samples float32 [C, n], sample_rate Hz, parameters) -> samples``; length and channel
count stay. None of them draws on chance or on anything outside its arguments; :class:`Limiter` alone keeps what came before,
for sound in pieces.
"""

from partimento.audio.effects.dynamics import compress, even_out, shape_transients
from partimento.audio.effects.filters import high_pass, high_shelf, low_pass, low_shelf, peaking, tilt
from partimento.audio.effects.limiter import Limiter, limit
from partimento.audio.effects.saturation import bit_crush, saturate, soften_top
from partimento.audio.effects.space import chorus, echo, pan, reverberate, set_width, vibrato_tape

__all__ = [
    "Limiter",
    "bit_crush",
    "chorus",
    "compress",
    "echo",
    "even_out",
    "high_pass",
    "high_shelf",
    "limit",
    "low_pass",
    "low_shelf",
    "pan",
    "peaking",
    "reverberate",
    "saturate",
    "set_width",
    "shape_transients",
    "soften_top",
    "tilt",
    "vibrato_tape",
]
