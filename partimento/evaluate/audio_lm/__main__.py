"""``python -m partimento.evaluate.audio_lm``: likelihoods alone."""

from partimento.evaluate.audio_lm.likelihood import main

if __name__ == "__main__":
    raise SystemExit(main())
