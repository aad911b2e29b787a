"""Database connections, and rows read without the ORM."""
