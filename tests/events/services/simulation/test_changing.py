"""Steps that change the person: later steps see it, and no row does."""

import pytest

from subscribers.ids import encode
from subscribers.models import Subscriber, Workspace
from tests import factories
from tests.support.sequence_making import MAIL, make_sequence
from tests.support.simulations import outcomes, simulate, subjects

pytestmark = pytest.mark.django_db
LAST = {"type": "email", "id": "last", "subject": "Last", "text": "."}


@pytest.fixture
def ada(workspace: Workspace) -> Subscriber:
    return factories.SubscriberFactory.create(
        workspace=workspace, email="ada@example.com", first_name="Ada"
    )


def test_a_later_condition_sees_tags_lists_and_attributes(ada: Subscriber) -> None:
    factories.ListFactory.create(workspace=ada.workspace, name="News")
    rules = [
        {"type": "tag", "tag": "vip"},
        {"type": "no_tag", "tag": "lead"},
        {"type": "list", "list": "News"},
        {"type": "attribute", "path": "plan", "operator": "equals", "value": "pro"},
    ]
    sequence = make_sequence(
        ada.workspace,
        {"type": "condition", "rules": rules, "match": "all", "onFalse": "change"},
        LAST,
        {"type": "update_tags", "id": "change", "add": ["vip", "lead"]},
        {"type": "update_tags", "remove": ["lead"]},
        {"type": "update_list", "join": ["News"]},
        {"type": "update_subscriber", "firstName": "Grace", "attributes": {"plan": "pro"}},
        {"type": "condition", "rules": rules},
        {"type": "email", "subject": "Hi {{subscriber.firstName}}", "text": "."},
    )

    simulation = simulate(sequence)

    assert outcomes(simulation)[1:6] == [
        {"tagsAdded": ["vip", "lead"]},
        {"tagsRemoved": ["lead"]},
        {"listsJoined": ["News"]},
        {"changed": ["attributes", "first_name"]},
        {"isMet": True},
    ]
    assert subjects(simulation) == ["Hi Grace"]
    ada.refresh_from_db()
    assert (ada.first_name, ada.attributes) == ("Ada", {})


def test_leaving_lists_and_what_is_gone(ada: Subscriber) -> None:
    news = factories.ListFactory.create(workspace=ada.workspace, name="News")
    old = factories.ListFactory.create(workspace=ada.workspace, name="Old")
    factories.ListMembershipFactory.create(subscriber=ada, list=news)
    sequence = make_sequence(ada.workspace, {"type": "update_list", "leave": ["News", "Old"]})
    gone = encode("lst", old.pk)
    old.delete()

    assert outcomes(simulate(sequence)) == [{"listsLeft": ["News"], "gone": [gone]}]


def test_a_tag_tells_which_other_sequences_it_starts(ada: Subscriber) -> None:
    make_sequence(ada.workspace, MAIL, name="For VIPs", trigger="tag_added", tagNames=["vip"])
    sequence = make_sequence(ada.workspace, {"type": "update_tags", "add": ["vip"]})

    assert outcomes(simulate(sequence)) == [{"tagsAdded": ["vip"], "starts": ["For VIPs"]}]


def test_a_list_tells_which_other_sequences_it_starts(ada: Subscriber) -> None:
    factories.ListFactory.create(workspace=ada.workspace, name="News")
    make_sequence(ada.workspace, MAIL, name="Readers", trigger="contact_added", lists=["News"])
    sequence = make_sequence(ada.workspace, {"type": "update_list", "join": ["News"]})

    assert outcomes(simulate(sequence)) == [{"listsJoined": ["News"], "starts": ["Readers"]}]


def test_a_tag_can_stop_the_enrollment_that_adds_it(ada: Subscriber) -> None:
    stop = {"type": "tag_added", "value": "customer"}
    step = {"type": "update_tags", "add": ["customer"]}
    sequence = make_sequence(ada.workspace, step, MAIL, stopCondition=stop)

    path = simulate(sequence).path

    assert path.ending is not None
    assert (path.ending.status, path.ending.reason) == ("stopped", "stop_condition")
    assert len(path.visits) == 1


def test_unsubscribing_ends_an_enrollment_that_has_nothing_to_inform_of(ada: Subscriber) -> None:
    leave = {"type": "update_subscriber", "status": "unsubscribed"}
    receipt = {**LAST, "isTransactional": True}
    plain = simulate(make_sequence(ada.workspace, leave, MAIL)).path
    informing = simulate(make_sequence(ada.workspace, leave, MAIL, receipt))

    assert plain.ending is not None
    assert (plain.ending.status, plain.ending.reason) == ("stopped", "unsubscribed")
    assert len(plain.visits) == 1
    assert outcomes(informing)[1:] == [
        {"reason": "subscriber_unsubscribed"},
        {"email": "sent"},
    ]


def test_nobody_is_resubscribed(ada: Subscriber) -> None:
    Subscriber.objects.filter(pk=ada.pk).update(status="unsubscribed")
    sequence = make_sequence(ada.workspace, {"type": "update_subscriber", "status": "active"})

    assert outcomes(simulate(sequence)) == [{"refused": "not_resubscribed"}]
