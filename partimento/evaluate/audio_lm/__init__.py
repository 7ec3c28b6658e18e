"""How good is an audio language model: likelihood, obedience, closeness to real music, faults, memory, speed.

``partimento evaluate mini`` runs the parts; ``python -m partimento.evaluate.audio_lm`` is the first of them alone.
"""
