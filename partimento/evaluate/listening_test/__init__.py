"""Listening tests: pairs of systems under one caption, rated by people on a web page, counted with intervals and tests.

In the manner of Agostinelli et al., "MusicLM: Generating Music From Text", 2023, appendix: A or B, five answers.
"""
