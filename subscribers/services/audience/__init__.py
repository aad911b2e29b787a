"""People, their tags and their lists. May know `workspaces` and `storage`; the caller reports to
`reactions` what changed.
"""
