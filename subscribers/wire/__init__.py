"""What comes over the wire: payloads, JSON, addresses, tag names. Knows no room, no Django."""
