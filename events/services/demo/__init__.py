"""A demo workspace: a software company's people over the 90 days that end now.

Drawn from a fixed seed: the same moment gives the same people and events. They are played through
the product's own services, with the time of the demo. None of its mail leaves: a mail server that
opens no connection takes it, and the workspace's mail is paused whenever others can see it. No
step of its sequences is a webhook.
"""

from events.services.demo import crowd
from events.services.demo.demo import DEMO_SLUG, PEOPLE, HasOtherPeople, Seeded, find_demo, seed

add_crowd = crowd.add

__all__ = ["DEMO_SLUG", "PEOPLE", "HasOtherPeople", "Seeded", "add_crowd", "find_demo", "seed"]
