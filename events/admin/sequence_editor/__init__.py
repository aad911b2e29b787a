"""The form that edits a sequence: between what is typed and the wire form. May know `language`,
`sequences` and models; the wire's parser judges what is typed.
"""
