"""One person erased, merged, exported, or given another address."""
