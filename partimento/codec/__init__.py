"""Audio to tokens and back. Needs PyTorch (``pip install partimento[neural]``); nothing outside the learned models loads it."""
