"""Why a claim is wrong: the single change that explains its numbers, found by search."""
