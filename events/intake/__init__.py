"""An event from callers and files: payloads, rows, cells, presets and products. May know
`subscribers.wire` and `subscribers.rows`; no Django and no services.
"""
