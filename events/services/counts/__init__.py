"""Counts of events by hour of receipt and by day of occurrence; may know the models of events."""
