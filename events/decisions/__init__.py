"""What an event starts, stops and releases, and which tags it changes: pure decisions.

Knows the language of sequences, no Django and no services.
"""
