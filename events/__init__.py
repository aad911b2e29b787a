"""WHAT happened, and what follows from it."""
