"""Database connections, and SQL without the ORM. Knows no other room."""
