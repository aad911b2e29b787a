"""What becomes of events and enrollments when a person is erased, merged or exported."""
