"""One person's time line: all that is stored about what happened to them, newest first.

`sources` is the registry of what it is made of; `reading` merges them page by page.
"""
