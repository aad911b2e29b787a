"""The options and the output of the commands that export tables."""
