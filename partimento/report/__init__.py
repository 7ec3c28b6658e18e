"""Asked against heard: recomputed from the notes, and by independent analysis of the sound."""

from partimento.report.report import make_report, report_table

__all__ = ["make_report", "report_table"]
