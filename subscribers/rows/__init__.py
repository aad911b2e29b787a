"""Files of rows: CSV, JSONL, their cells and their faults. May know `wire`; no Django and no
services.
"""
