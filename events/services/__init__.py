"""What can be done with events, sequences and enrollments; one room for each topic.

The contracts in pyproject.toml say which room may call which.
"""
