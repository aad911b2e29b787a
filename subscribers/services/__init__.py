"""Services for subscribers, mail and workspaces; one package a topic. The contracts in
pyproject.toml say which room may call which. Enrollments learn of changes through `reactions`.
"""
