"""The admin as people see it: signing in, looking around, and hostile texts on every page."""

from typing import TYPE_CHECKING

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from config.admin_base import admin_url, list_url, view_url
from config.admin_links import page_url
from events.models import Event, Sequence, SyncRuleTag
from subscribers.models import Subscriber, Suppression, Tag
from subscribers.wire.address_hashes import address_hash
from tests import factories
from tests.support.sequence_making import make_sequence

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "correct horse battery"
HOSTILE = (
    "\"'><img src=x onerror=alert(1)><script>alert(2)</script>"
    "{{constructor.constructor('alert(3)')()}}<svg onload=alert(4)>\u2069\u202ejavascript:alert(5)"
)
# Merge tags are checked when a sequence is stored.
PRINTED = HOSTILE.replace("{{", "{").replace("}}", "}")
# Names no longer have signs of direction.
NAME = HOSTILE.replace("\u2069\u202e", "")
# The names of events in sequences, and what filters compare with, have no merge tags.
EVENT = PRINTED.replace("\u2069\u202e", "")
WATCH = """
window.reports = [];
document.addEventListener("securitypolicyviolation", e => window.reports.push(e.violatedDirective));
"""

# The product's own words that run backwards.
TURNED = """
() => {
  const turned = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, text = node.textContent;
    if (text.includes("\\u202e")) continue;
    const place = text.search(/[a-z]{2}/);
    if (place < 0) continue;
    const at = (from) => {
      const range = document.createRange();
      range.setStart(node, from);
      range.setEnd(node, from + 1);
      return range.getBoundingClientRect();
    };
    const [one, two] = [at(place), at(place + 1)];
    if (one.width && one.top === two.top && one.left > two.left) {
      turned.push(`${node.parentElement.tagName}: ${text.trim().slice(0, 60)}`);
    }
  }
  return turned;
}
"""


def sign_in(page: "Page", server: LiveServer, *, is_wide: bool = True) -> None:
    """Sign in through the form, as a superuser."""
    User.objects.create_superuser("ada", password=PASSWORD)
    page.goto(server.url + "/admin/")
    page.fill("input[name=username]", "ada")
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_selector("text=Subscribers", state="visible" if is_wide else "attached")


def hostile_rows() -> list[Model]:
    """Make a row of every kind whose every text is hostile."""
    # Templates run on the confirmation page's preview; a colour is checked before it is stored.
    workspace = factories.WorkspaceFactory.create(
        name=HOSTILE,
        confirmation_subject=PRINTED,
        confirmation_html=PRINTED + "{{DOUBLE_OPT_IN_URL}}",
        confirmation_text=PRINTED + "{{DOUBLE_OPT_IN_URL}}",
    )
    person = factories.SubscriberFactory.create(
        workspace=workspace,
        email=HOSTILE,
        pending=True,
        external_id=HOSTILE,
        first_name=HOSTILE,
        attributes={HOSTILE: [HOSTILE, {HOSTILE: HOSTILE}]},
    )
    tagged = factories.SubscriberTagFactory.create(subscriber=person, tag__name=HOSTILE[:100])
    joined = factories.ListMembershipFactory.create(subscriber=person, list__name=HOSTILE)
    named = factories.SyncRuleTagFactory.create(
        rule__workspace=workspace,
        rule__trigger_event=HOSTILE,
        rule__purchased_product={"tags": [HOSTILE]},
        tag=tagged.tag,
        role=SyncRuleTag.Role.ADD,
    )
    event = factories.EventFactory.create(
        subscriber=person,
        definition__name=HOSTILE,
        event_id=HOSTILE,
        properties={HOSTILE: HOSTILE},
        effects={
            "tagsAdded": [{"tag": HOSTILE, "tagId": "0" * 32, "rule": named.rule.pk.hex}],
            "rulesSkipped": [{"rule": "0" * 32, "reason": HOSTILE}],
            "failedStages": [{"stage": HOSTILE, "error": HOSTILE}],
            HOSTILE: HOSTILE,
        },
    )
    failed = factories.FailedStageFactory.create(event=event, last_error=HOSTILE)
    key = factories.ApiKeyFactory.create(workspace=workspace, name=HOSTILE)
    enrollment, email, sequence = hostile_enrollments(event)
    record, suppression = hostile_consent(person)
    conditions = [
        {"field": "attribute", "operator": "is", "value": f"plan:{HOSTILE}"},
        {"field": "firstName", "operator": "contains", "value": HOSTILE},
        {"field": "added", "operator": "less_than", "value": "7 days"},
    ]
    segment = factories.SegmentFactory.create(
        workspace=workspace, name=HOSTILE, root={"children": conditions}
    )
    run = factories.AudienceEnrollmentFactory.create(
        sequence=sequence,
        segment=segment,
        skipped_reasons={HOSTILE: 1},
        error=HOSTILE,
        actor=HOSTILE[:150],
    )
    entry = LogEntry.objects.create(
        user=User.objects.get(),
        content_type=ContentType.objects.get_for_model(person),
        object_id=str(person.pk),
        object_repr=HOSTILE,
        action_flag=CHANGE,
        change_message=HOSTILE,
    )
    return [
        workspace,
        person,
        tagged.tag,
        joined.list,
        named.rule,
        event.definition,
        event,
        failed,
        key,
        entry,
        record,
        suppression,
        run,
        segment,
        enrollment,
        email,
        sequence,
    ]


def hostile_consent(person: Subscriber) -> tuple[Model, Model]:
    """Make a line of the ledger and a suppression whose every text is hostile."""
    record = factories.ConsentRecordFactory.create(
        subscriber=person,
        kind="left_list",
        method=HOSTILE[:40],
        user_agent=HOSTILE,
        api_key=HOSTILE[:20],
        request_id=HOSTILE[:64],
        list_name=HOSTILE,
        reason=HOSTILE,
        actor=HOSTILE[:150],
    )
    suppression = factories.SuppressionFactory.create(
        workspace=person.workspace,
        email=HOSTILE,
        address_hash=address_hash(person.workspace.address_hash_key, person.email_key),
        source=HOSTILE[:20],
        details=HOSTILE,
    )
    factories.ConfirmationFactory.create(subscriber=person, mails=1)
    hour = {"subject": HOSTILE, "starts_at": timezone.now(), "delayed": 1}
    factories.AskedHourFactory.create(scope="domain", **hour)
    factories.AskedHourFactory.create(scope="key", **hour)
    return record, suppression


def hostile_enrollments(event: Event) -> tuple[Model, Model, Model]:
    """Make an enrollment, a mail and a sequence whose every text is hostile."""
    workspace, person = event.workspace, event.subscriber
    filters = [
        {"path": PRINTED.replace(".", " ").replace("[", ""), "operator": "equals", "value": PRINTED}
    ]
    sequence = make_sequence(
        workspace,
        {"type": "email", "id": "mail", "label": HOSTILE, "subject": PRINTED, "text": PRINTED},
        {"type": "condition", "rules": [{"type": "did_event", "eventName": EVENT}]},
        {"type": "wait_for_event", "eventName": EVENT, "propertyFilters": filters},
        name=NAME,
        key="hostile",
        description=HOSTILE,
        labels=[HOSTILE[:100]],
        eventName=EVENT,
        propertyFilters=filters,
        stopCondition={"type": "event_received", "value": EVENT, "propertyFilters": filters},
    )
    # A row from before names were checked.
    Sequence.objects.update(name=HOSTILE)
    assert sequence.current_version is not None
    step = sequence.current_version.steps.get(key="mail")
    enrollment = factories.EnrollmentFactory.create(
        version=sequence.current_version,
        step=step,
        subscriber=person,
        started_by=event,
        waiting=True,
        awaits=HOSTILE,
        entry_key=HOSTILE,
        entered_via={"kind": HOSTILE, "name": HOSTILE},
        last_error=HOSTILE,
        reason=HOSTILE,
    )
    email = factories.OutgoingEmailFactory.create(
        subscriber=person,
        skipped=True,
        subject=HOSTILE,
        sender=HOSTILE,
        reply_to=HOSTILE,
        cause=HOSTILE,
        html=HOSTILE,
        text=HOSTILE,
        headers={HOSTILE: HOSTILE},
        reason=HOSTILE[:100],
        last_error=HOSTILE,
    )
    factories.StepRunFactory.create(
        enrollment=enrollment,
        email=email,
        error=HOSTILE,
        outcome={HOSTILE: HOSTILE, "reason": HOSTILE, "gone": [HOSTILE], "unmet": HOSTILE},
    )
    return enrollment, email, sequence


def addresses_of(rows: list[Model]) -> list[str]:
    """Return the pages about hostile rows, and those that lead to them."""
    person, event, sequence = rows[1], rows[6], rows[-1]
    suppression = next(row for row in rows if isinstance(row, Suppression))
    return [
        "/admin/",
        view_url(rows[0], "confirmation-preview"),
        view_url(person, "confirming"),
        view_url(person, "leaving"),
        view_url(person, "suppressing"),
        view_url(suppression, "lifting"),
        list_url(type(person), pending_for=0),
        *(list_url(type(row)) for row in rows),
        *(admin_url(row) for row in rows),
        *(admin_url(row).replace("/change/", "/history/") for row in rows),
        list_url(type(event), subscriber__id__exact=person.pk),
        list_url(type(event), name=NAME, person=HOSTILE, property=f"a = {HOSTILE}"),
        list_url(type(event), property=f"= {HOSTILE}"),
        view_url(event, "replaying"),
        f"{admin_url(rows[4])}?try=1",
        *(
            view_url(sequence, name)
            for name in (
                "flow",
                "versions",
                "activating",
                "pausing",
                "archiving",
                "moving",
                "enrolling",
                "enrolling-segment",
            )
        ),
        f"{view_url(sequence, 'step-mail')}?number=1",
        f"{view_url(sequence, 'step')}?number=1",
        list_url(type(person), q=HOSTILE),
        list_url(type(person), tag=rows[2].pk.hex),
        admin_url(rows[2]).replace("/change/", "/delete/"),
        admin_url(rows[4]).replace("/change/", "/delete/"),
    ]


def test_hostile_texts_run_on_no_page(page: "Page", live_server: LiveServer) -> None:
    sign_in(page, live_server)
    rows = hostile_rows()
    dialogs: list[str] = []
    faults: list[str] = []

    def note_dialog(dialog: "Dialog") -> None:
        dialogs.append(page.url)
        dialog.dismiss()

    page.on("dialog", note_dialog)
    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
    page.add_init_script(WATCH)

    for address in addresses_of(rows):
        answer = page.goto(live_server.url + address)
        # Pictures that fail have called `onerror` by the load event; a dialog follows at once.
        page.wait_for_timeout(50)

        assert answer is not None
        assert answer.status == 200, address
        assert page.evaluate("window.reports") == [], address
        assert page.evaluate(TURNED) == [], address

    assert dialogs == []
    assert faults == []


def test_what_a_request_did_is_found_by_clicking(page: "Page", live_server: LiveServer) -> None:
    sign_in(page, live_server)
    event = factories.EventFactory.create(
        definition__name="order.placed", properties={"order": {"id": "A-7"}}
    )

    page.click("nav >> text=Subscribers")
    page.click(f"text={event.subscriber.email}")
    page.click("text=order.placed")

    assert page.url == live_server.url + admin_url(event)
    assert page.inner_text(".cueline-json code") == "A-7"


def test_a_key_is_made_shown_once_and_revoked(page: "Page", live_server: LiveServer) -> None:
    sign_in(page, live_server)
    workspace = factories.WorkspaceFactory.create()

    page.goto(live_server.url + "/admin/subscribers/apikey/add/")
    page.select_option("select[name=workspace]", str(workspace.pk))
    page.fill("input[name=name]", "shop")
    page.check("input[name=scopes][value='account:read']")
    page.click("button[name=_save]")
    text = page.inner_text("#new-key")
    page.click("text=All API keys")
    page.click("text=shop")
    page.click("button:has-text('Revoke')")
    page.wait_for_selector("text=is revoked")

    assert text.startswith("cue_")
    assert text not in page.content()


def test_the_search_of_the_whole_admin_works_by_keyboard(
    page: "Page", live_server: LiveServer
) -> None:
    person = factories.SubscriberFactory.create(last_name="Novak", email="tomas.n@example.com")
    sign_in(page, live_server)
    page.goto(live_server.url + list_url(Tag))
    box = page.get_by_role("searchbox", name="Find anything")

    page.keyboard.press("Control+k")
    box.press_sequentially("zzzz")
    page.wait_for_selector("text=Nothing found for “zzzz”")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    box.wait_for(state="hidden")
    page.locator(".cueline-find").focus()
    page.keyboard.press("Enter")
    box.press_sequentially("novak")
    page.wait_for_selector(".cueline-found")
    page.keyboard.press("Enter")

    page.wait_for_url(f"**{page_url(person)}")
