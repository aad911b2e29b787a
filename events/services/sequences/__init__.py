"""Sequences: created, edited into versions, activated, exported and imported."""
