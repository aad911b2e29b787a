"""Events counted by hour of receipt and by day of occurrence. May know the models of events only.
"""
