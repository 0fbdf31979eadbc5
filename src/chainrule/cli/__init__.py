"""The command line: ``chainrule train``, ``explain`` and the others, one file for each command.

From the bottom up: `printing` (to the two streams), `values` (what options take), `complaints` (a click error
as one line), `commands` (commands, groups and their help, in the reader's language), `about` (which file an
error is about) and `inputs` (data against a model), the commands, `app` (`main` and the exit codes).

A command imports what it needs when it runs, so that ``chainrule --help`` is quick. click writes none of the
words that a person reads: its own are fixed in English, so usage, help and errors are written here.
"""

from chainrule.cli.app import main

__all__ = ["main"]
