"""Sequences: created, edited into versions, activated, exported and imported.

May know `language`, models, and tags and workspaces of `subscribers`; never locks a person.
"""
