"""A demo workspace: a software company's people over the 90 days that end now.

Drawn from a fixed seed: the same moment gives the same people and events. Everything happens
through the product's own services, with the time of the demo. No mail leaves: its mail server opens
no connection, and the workspace's mail is paused whenever other processes can see it. No step of
its sequences is a webhook.
"""

from events.services.demo import crowd
from events.services.demo.demo import DEMO_SLUG, PEOPLE, HasOtherPeople, Seeded, find_demo, seed

add_crowd = crowd.add

__all__ = ["DEMO_SLUG", "PEOPLE", "HasOtherPeople", "Seeded", "add_crowd", "find_demo", "seed"]
