"""Database connections, and rows read without the ORM. Knows no model and no other room."""
