"""English texts, a file for each part of the library."""

from chainrule.text.en import common, data, graph, training

TABLE: dict[str, str] = {**common.TABLE, **data.TABLE, **graph.TABLE, **training.TABLE}
