"""MusicGen from its published checkpoints, in either layout."""
