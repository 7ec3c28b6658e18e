"""Tables of systems: folders of sound files of one or more systems, measured against references and set side by side."""
