"""Chinese texts (简体中文), a file for each part of the library."""

from chainrule.text.zh import cli, common, compiler, data, explain, graph, training

TABLE: dict[str, str] = {
    **cli.TABLE,
    **common.TABLE,
    **compiler.TABLE,
    **data.TABLE,
    **explain.TABLE,
    **graph.TABLE,
    **training.TABLE,
}
