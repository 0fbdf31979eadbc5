"""Learning: targets, optimizers, the step as a graph, mini-batches, the loop, history."""
