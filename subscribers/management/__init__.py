"""What commands share: arguments, progress and files of rows. May know services."""
