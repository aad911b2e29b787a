"""How times are shown."""
