"""Texts and sounds as numbers."""
