"""Styles as data: one YAML file each in ``styles/data``, read by the interpreter (tempo, parts, forms) and by the
composer (grooves, patterns, progressions). A new style is a new file.
"""

from partimento.styles.style import Form, FormSection, Style, StylePart, style, style_ids

__all__ = ["Form", "FormSection", "Style", "StylePart", "style", "style_ids"]
