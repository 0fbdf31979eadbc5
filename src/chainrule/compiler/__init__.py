"""The compiler: from a graph to one function that a person can read, and its machine code.

expand → fuse → lower → emit, each a value that prints; then machine code, kept on disk.
"""
