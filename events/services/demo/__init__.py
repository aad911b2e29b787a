"""A demo workspace: a software company's people over the 90 days that end now.

Drawn from a fixed seed: the same moment gives the same people, events and mails. Nothing of it can
be mailed: the workspace's mail is paused, addresses are of example.com and its like, and what
became of each mail is written as a row.
"""

from events.services.demo import crowd
from events.services.demo.demo import DEMO_SLUG, PEOPLE, HasOtherPeople, Seeded, find_demo, seed

add_crowd = crowd.add

__all__ = ["DEMO_SLUG", "PEOPLE", "HasOtherPeople", "Seeded", "add_crowd", "find_demo", "seed"]
