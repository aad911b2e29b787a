"""An event as callers and files give it: payloads, rows, cells and presets.

Knows the wire and the rows of `subscribers`, no Django and no services.
"""
