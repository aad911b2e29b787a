"""The wire: HTTP shapes in, services, HTTP shapes out."""
