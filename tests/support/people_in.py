"""People imported by the command, from a file of the test."""

from functools import partial

from subscribers.models import Subscriber
from tests.support import importing_files

imported = partial(importing_files.imported, "import_subscribers", name="people.csv")
refused = partial(importing_files.refused, "import_subscribers", name="people.csv")


def only() -> Subscriber:
    return Subscriber.objects.get()
