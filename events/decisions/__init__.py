"""What an event starts, stops and releases, and which tags it changes. Pure functions on plain
values: may know `language`, no Django and no services.
"""
