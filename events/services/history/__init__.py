"""Events that are imported, exported and pruned."""
