"""Files of rows: CSV, JSONL, their cells and their faults.

Pure: no Django and no services.
"""
