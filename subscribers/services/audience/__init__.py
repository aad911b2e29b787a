"""People, their tags and their lists."""
