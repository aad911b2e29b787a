"""What the commands that export tables share: their options, and the file that they write."""
