"""The compiler: from a graph to one function that a person can read and Numba compiles.

expand → fuse → lower → emit, each a value that prints; then machine code, kept on disk.
"""
