"""A workspace's sync rules and watched sequences, cached by `config_version`.

May know models and `decisions`; calls no other room of these services.
"""
