"""Reading: from the text of a NumPy script to its cost and the derivatives that it claims, in one graph."""

from chainrule.audits.reading.reader import read_script

__all__ = ["read_script"]
