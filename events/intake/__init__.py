"""An event as callers and files give it: payloads, rows, cells and presets. May know
`subscribers.wire` and `subscribers.rows`; no Django and no services.
"""
