"""Enrollments entered, moved and changed, by an operator or by what happens to a person.

The person's row is locked first. May know `sequences`, `configuration` and the services of
`subscribers`.
"""
