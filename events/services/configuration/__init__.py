"""What a workspace has configured, remembered by its version: sync rules and watched sequences. May
know models and `decisions`; calls no other room of these services.
"""
