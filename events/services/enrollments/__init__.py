"""Enrollments entered, moved, and changed by an operator or by what happens to a person."""
