"""What a computation is: primitives' records, nodes, graphs, tracing, and the reference interpreter.

From the bottom up: `primitive` (records and the registry), `context` (what is being traced, scope names),
`node`, `graph`, `interpreter`, `reader` (text → graph), `trace` (Python function → graph).
"""
