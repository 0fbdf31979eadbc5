"""Chinese texts (简体中文), a file for each part of the library."""

from chainrule.text.zh import common, data, graph, training

TABLE: dict[str, str] = {**common.TABLE, **data.TABLE, **graph.TABLE, **training.TABLE}
