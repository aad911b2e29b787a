"""What can be done with people, mail and workspaces; a room a topic. The contracts in
pyproject.toml say which room may call which. What follows for enrollments: `reactions`.
"""
