"""An event from callers and files: payloads, rows, cells and presets. May know `subscribers.wire`
and `subscribers.rows`; no Django and no services.
"""
