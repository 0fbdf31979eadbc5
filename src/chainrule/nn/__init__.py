"""The parts of networks as plain functions of nodes: layers, activations, costs, initialisers.

There is no derivative anywhere in here: the graph's gradient provides all of them.
"""
