"""Chinese texts (简体中文), a file for each part of the library."""

from chainrule.text.zh import (
    audit,
    cli,
    common,
    compiler,
    data,
    drawing,
    explain,
    formats,
    graph,
    learning,
    reading,
    training,
)

TABLE: dict[str, str] = {
    **audit.TABLE,
    **cli.TABLE,
    **common.TABLE,
    **compiler.TABLE,
    **data.TABLE,
    **drawing.TABLE,
    **explain.TABLE,
    **formats.TABLE,
    **graph.TABLE,
    **learning.TABLE,
    **reading.TABLE,
    **training.TABLE,
}
