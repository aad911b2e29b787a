"""Events counted by hour of receipt and by day of occurrence."""
