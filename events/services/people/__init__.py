"""Events and enrollments of a person who is erased or merged, and the person's document. May know
`enrollments`, `counts` and the services of `subscribers`; `events.reactions` calls it.
"""
