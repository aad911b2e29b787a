"""Files of rows: CSV, JSONL, cells and faults. May know `wire`; no Django and no services."""
