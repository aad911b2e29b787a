"""The statements of the fast path, by name.

`{guard}` matches if the process's memory of the workspace is current, `{identity}` if the row is
the person's; both are made below, of conditions only: values are parameters. `{enrollments}` is
empty, or a part from `enrollment_statements`.
"""

import re
from functools import lru_cache

from subscribers.wire import profile
from subscribers.wire.payloads import Person

# --- The profile -------------------------------------------------------------------------------

_TEXTS = ", ".join(profile.NAMES)
_TEXTS_GIVEN = ", ".join(f"%({name})s" for name in profile.NAMES)
_TEXTS_READ = ", ".join(f"s.{name}" for name in profile.NAMES)
_TEXTS_SET = ", ".join(f"{name} = %({name})s" for name in profile.NAMES)

# --- Conditions -------------------------------------------------------------------------------

GUARD = "w.id = %(workspace)s AND w.config_version = %(config_version)s"
GUARD_KEY = (
    " AND EXISTS (SELECT 1 FROM subscribers_apikey k WHERE k.workspace_id = w.id"
    " AND k.prefix = %(key_prefix)s AND k.key_hash = %(key_hash)s AND k.revoked_at IS NULL)"
)
# A pending person may need another confirmation mail: the reference path decides.
IDENTITY = "s.workspace_id = w.id AND s.status <> 'pending'"
# The same for a person who left and is to be asked again.
IDENTITY_STAYS = " AND s.status = 'active'"
IDENTITY_EMAIL = " AND s.email_key = %(email_key)s"
IDENTITY_EXTERNAL_ID = " AND s.external_id = %(external_id)s"
UNCHANGED_TEXT = {name: f" AND s.{name} <> ''" for name in profile.NAMES}
UNCHANGED_ATTRIBUTES = " AND s.attributes || %(attributes)s::jsonb = s.attributes"


def guard(*, has_key: bool) -> str:
    """Return the conditions on the workspace `w`, and on the key if only its prefix is known."""
    return GUARD + GUARD_KEY * has_key


def identity(person: Person) -> str:
    """Return the conditions that find the person's row `s` by everything that is given."""
    return (
        IDENTITY
        + IDENTITY_EMAIL * (person.email is not None)
        + IDENTITY_EXTERNAL_ID * (person.external_id is not None)
        + IDENTITY_STAYS * person.resubscribes
    )


def unchanged(person: Person) -> str:
    """Return the conditions under which the request leaves the row `s` as it is."""
    texts = "".join([UNCHANGED_TEXT[name] for name in person.texts])
    return texts + UNCHANGED_ATTRIBUTES * bool(person.attributes)


@lru_cache(maxsize=64)
def in_sqlite(statement: str) -> str:
    return re.sub(r"%\((\w+)\)s", r":\1", statement)


# --- PostgreSQL -------------------------------------------------------------------------------

_INSERT_ALL_EVENTS = """
    INSERT INTO events_event (
        id, workspace_id, subscriber_id, definition_id, event_id, occurred_at, received_at,
        is_historical, properties, effects)
    SELECT e.id, %(workspace)s, person.id, e.definition, e.event_id, e.occurred_at, %(now)s,
        false, e.properties, e.effects
    FROM person, jsonb_to_recordset(%(events)s::jsonb) AS e (
        id uuid, definition uuid, event_id text, occurred_at timestamptz, properties jsonb,
        effects jsonb)
"""
_INSERT_EVENTS = f"""{_INSERT_ALL_EVENTS}
    ON CONFLICT (subscriber_id, definition_id, event_id) WHERE event_id IS NOT NULL DO NOTHING
    RETURNING 1
"""
_INSERT_TAGS = """
    INSERT INTO subscribers_subscribertag (id, workspace_id, subscriber_id, tag_id, created_at)
    SELECT t.id, %(workspace)s, person.id, t.other, %(now)s
    FROM person, jsonb_to_recordset(%(tags)s::jsonb) AS t (id uuid, other uuid)
    ON CONFLICT DO NOTHING
"""
_COUNTED = "SELECT (SELECT count(*) FROM person), (SELECT count(*) FROM inserted)"
# A repeated event leaves its row out; the caller counts the rows.
INSERT_EVENTS_OF_KNOWN_PERSON = f"""
WITH person AS (
    SELECT s.id, s.email, s.external_id, {_TEXTS_READ}, s.status, s.unsubscribed_at
    FROM subscribers_subscriber s JOIN subscribers_workspace w ON w.id = s.workspace_id
    WHERE {{guard}} AND {{identity}}{{unchanged}}
), inserted AS ({_INSERT_EVENTS})
SELECT (SELECT count(*) FROM inserted), * FROM person
"""  # noqa: S608 - no values in it
# The request that loses a race for the identity gets no row.
CREATE_PERSON = f"""
WITH person AS (
    INSERT INTO subscribers_subscriber (
        id, workspace_id, email, email_key, external_id, {_TEXTS}, status,
        attributes, unsubscribe_token, tags_version, created_at, updated_at)
    SELECT %(subscriber)s, w.id, %(email)s, %(email_key)s, %(external_id)s, {_TEXTS_GIVEN},
        'active', %(new_attributes)s::jsonb, %(token)s, %(tag_changes)s, %(now)s, %(now)s
    FROM subscribers_workspace w
    WHERE {{guard}}
    ON CONFLICT DO NOTHING
    RETURNING id
), joined AS (
    INSERT INTO subscribers_listmembership (id, workspace_id, subscriber_id, list_id, subscribed_at)
    SELECT l.id, %(workspace)s, person.id, l.other, %(now)s
    FROM person, jsonb_to_recordset(%(lists)s::jsonb) AS l (id uuid, other uuid)
), tagged AS ({_INSERT_TAGS}), inserted AS ({_INSERT_EVENTS}){{enrollments}}
SELECT count(*) FROM inserted
"""  # noqa: S608 - as above
# JSON comes as text: Django's connection does not decode it.
READ_PERSON = f"""
SELECT s.id, s.email, s.external_id, {_TEXTS_READ}, s.attributes::text,
    s.status, s.unsubscribed_at, s.tags_version,
    (SELECT json_object_agg(l.tag_id, t.name)::text
    FROM subscribers_subscribertag l JOIN subscribers_tag t ON t.id = l.tag_id
    WHERE l.subscriber_id = s.id)
FROM subscribers_subscriber s JOIN subscribers_workspace w ON w.id = s.workspace_id
WHERE {{guard}} AND {{identity}}
"""  # noqa: S608 - as above
# No lock: the person does not change, and the events precede whatever changes them next.
INSERT_PLANNED_EVENTS = f"""
WITH person AS (
    SELECT id FROM subscribers_subscriber
    WHERE id = %(subscriber)s AND tags_version = %(tags_version)s
), inserted AS ({_INSERT_EVENTS})
{_COUNTED}
"""  # noqa: S608 - as above
# After a wait for the row PostgreSQL checks the condition again: a raised version does not match.
# A repeated event fails the statement, since the rules of a stored event must not run again.
WRITE_PLANNED_TAGS_AND_EVENTS = f"""
WITH person AS (
    UPDATE subscribers_subscriber SET tags_version = tags_version + %(tag_changes)s
    WHERE id = %(subscriber)s AND tags_version = %(tags_version)s
    RETURNING id
), removed AS (
    DELETE FROM subscribers_subscribertag
    WHERE subscriber_id = (SELECT id FROM person) AND tag_id = ANY(%(removed)s::uuid[])
), tagged AS ({_INSERT_TAGS}), inserted AS ({_INSERT_ALL_EVENTS} RETURNING 1)
{_COUNTED}
"""  # noqa: S608 - as above
# These tags are from before the wait for the lock: the write under it checks them again.
LOCK_PERSON = READ_PERSON + "FOR NO KEY UPDATE OF s"
WRITE_UNDER_LOCK = f"""
WITH person AS (
    SELECT %(subscriber)s::uuid AS id
    WHERE %(is_plain)s OR %(tags_before)s::uuid[] = ARRAY(
        SELECT tag_id FROM subscribers_subscribertag
        WHERE subscriber_id = %(subscriber)s ORDER BY tag_id)
), changed AS (
    UPDATE subscribers_subscriber
    SET {_TEXTS_SET}, attributes = %(attributes)s::jsonb,
        tags_version = tags_version + %(tag_changes)s,
        updated_at = CASE WHEN %(is_changed)s THEN %(now)s ELSE updated_at END
    WHERE id = (SELECT id FROM person) AND (%(is_changed)s OR %(tag_changes)s > 0)
), removed AS (
    DELETE FROM subscribers_subscribertag
    WHERE subscriber_id = (SELECT id FROM person) AND tag_id = ANY(%(removed)s::uuid[])
), tagged AS ({_INSERT_TAGS}){{enrollments}}
{_INSERT_EVENTS}
"""  # noqa: S608 - as above

# --- SQLite -----------------------------------------------------------------------------------

# No row: the guard does not match. A row without a person: nobody has the identity.
FIND_PERSON = f"""
SELECT s.id, s.email, s.external_id, {_TEXTS_READ}, s.attributes, s.status,
    s.unsubscribed_at
FROM subscribers_workspace w
LEFT JOIN subscribers_subscriber s ON {{identity}}
WHERE {{guard}}
"""  # noqa: S608 - as above
READ_TAGS = """
SELECT l.tag_id, t.name
FROM subscribers_subscribertag l
JOIN subscribers_tag t ON t.id = l.tag_id
WHERE l.subscriber_id = :subscriber
"""
INSERT_PERSON = in_sqlite(f"""
INSERT INTO subscribers_subscriber (
    id, workspace_id, email, email_key, external_id, {_TEXTS}, status, attributes,
    unsubscribe_token, tags_version, created_at, updated_at)
VALUES (:subscriber, :workspace, :email, :email_key, :external_id, {_TEXTS_GIVEN}, 'active',
    :new_attributes, :token, :tag_changes, :now, :now)
ON CONFLICT DO NOTHING
""")  # noqa: S608 - as above
UPDATE_PERSON = in_sqlite(f"""
UPDATE subscribers_subscriber SET {_TEXTS_SET}, attributes = :attributes, updated_at = :now
WHERE id = :subscriber
""")  # noqa: S608 - as above
UPDATE_TAGS_VERSION = """
UPDATE subscribers_subscriber SET tags_version = tags_version + :tag_changes
WHERE id = :subscriber
"""
INSERT_MEMBERSHIP = """
INSERT INTO subscribers_listmembership (id, workspace_id, subscriber_id, list_id, subscribed_at)
VALUES (?, ?, ?, ?, ?)
"""
INSERT_TAG = """
INSERT INTO subscribers_subscribertag (id, workspace_id, subscriber_id, tag_id, created_at)
VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""
DELETE_TAG = "DELETE FROM subscribers_subscribertag WHERE subscriber_id = ? AND tag_id = ?"
INSERT_EVENT = """
INSERT INTO events_event (
    id, workspace_id, subscriber_id, definition_id, event_id, occurred_at, received_at,
    is_historical, properties, effects)
VALUES (?, ?, ?, ?, ?, ?, ?, false, ?, ?)
ON CONFLICT (subscriber_id, definition_id, event_id) WHERE event_id IS NOT NULL DO NOTHING
"""
