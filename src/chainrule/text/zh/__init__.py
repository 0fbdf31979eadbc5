"""Chinese texts (简体中文), a file for each part of the library."""

from chainrule.text.zh import (
    audit,
    checkpoints,
    cli,
    common,
    compiler,
    data,
    drawing,
    estimators,
    explain,
    formats,
    graph,
    learning,
    reading,
    training,
)

TABLE: dict[str, str] = {
    **audit.TABLE,
    **checkpoints.TABLE,
    **cli.TABLE,
    **common.TABLE,
    **compiler.TABLE,
    **data.TABLE,
    **drawing.TABLE,
    **estimators.TABLE,
    **explain.TABLE,
    **formats.TABLE,
    **graph.TABLE,
    **learning.TABLE,
    **reading.TABLE,
    **training.TABLE,
}
