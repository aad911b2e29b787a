"""What can be done with events, sequences and enrollments; a room a topic. The contracts in
pyproject.toml say which room may call which.
"""
