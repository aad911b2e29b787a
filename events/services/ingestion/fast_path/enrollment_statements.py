"""The statements of the fast path that begin, release and stop enrollments.

Stopping comes before beginning: it may free the slot.
"""

# The properties of the starting event, as text: only where something compares with them.
ENTRY = (
    "(SELECT CAST(v.properties AS text) FROM events_event v"
    " WHERE v.id = events_enrollment.started_by_id)"
)
COLUMNS = (
    "id, workspace_id, subscriber_id, sequence_id, version_id, status, entry_slot, entry_key,"
    " started_by_id, entered_via, is_test, depth, step_id, visit, step_since, awaits, due_at, lane,"
    " attempts, last_error, status_before_pause, reason, entered_at, updated_at, ended_at"
)


def read_enrollments(statement: str, *, with_entry: bool) -> str:
    return statement.format(entry=ENTRY if with_entry else "NULL")


# --- PostgreSQL -------------------------------------------------------------------------------

READ_ENROLLMENTS = """
SELECT id, sequence_id, status, entry_slot, entry_key, awaits, step_id, released_by, {entry}
FROM events_enrollment
WHERE subscriber_id = %(subscriber)s AND sequence_id = ANY(%(sequences)s::uuid[])
    AND entry_slot IS NOT NULL
"""
# Part of a statement with a CTE `person`, which is empty if the plan does not apply any more.
START_ENROLLMENTS = f""", begun AS (
    INSERT INTO events_enrollment ({COLUMNS})
    SELECT r.id, %(workspace)s, person.id, r.sequence_id, r.version_id, r.status, r.entry_slot,
        r.entry_key, r.started_by_id, r.entered_via, %(is_test)s, 0, r.step_id, 1, %(now)s, '',
        r.due_at, r.lane, 0, '', '', r.reason, %(now)s, %(now)s, r.ended_at
    FROM person, jsonb_to_recordset(%(begun)s::jsonb) AS r (
        id uuid, sequence_id uuid, version_id uuid, status text, entry_slot text, entry_key text,
        started_by_id uuid, entered_via jsonb, step_id uuid, due_at timestamptz, lane smallint,
        reason text, ended_at timestamptz)
)"""  # noqa: S608 - no values in it
# Locks in the order of ids: activating a sequence locks its enrollments, but not their people.
CHANGE_ENROLLMENTS = """
WITH changes AS (
    SELECT * FROM jsonb_to_recordset(%(changes)s::jsonb) AS c (
        id uuid, is_stopped boolean, keeps_slot boolean, reason text, released_by uuid)
), held AS (
    SELECT id FROM events_enrollment WHERE id IN (SELECT id FROM changes)
    ORDER BY id FOR NO KEY UPDATE
)
UPDATE events_enrollment AS e
SET status = CASE WHEN c.is_stopped THEN 'stopped' ELSE e.status END,
    reason = CASE WHEN c.is_stopped THEN c.reason ELSE e.reason END,
    ended_at = CASE WHEN c.is_stopped THEN %(now)s ELSE e.ended_at END,
    due_at = CASE WHEN c.is_stopped THEN NULL WHEN e.status = 'paused' THEN e.due_at
        ELSE %(now)s END,
    due_before_pause = CASE WHEN NOT c.is_stopped AND e.status = 'paused' THEN %(now)s
        ELSE e.due_before_pause END,
    lease_token = CASE WHEN c.is_stopped THEN NULL ELSE e.lease_token END,
    lease_expires_at = CASE WHEN c.is_stopped THEN NULL ELSE e.lease_expires_at END,
    awaits = CASE WHEN c.is_stopped THEN '' ELSE e.awaits END,
    released_by = c.released_by,
    entry_slot = CASE WHEN c.is_stopped AND NOT c.keeps_slot THEN NULL ELSE e.entry_slot END,
    updated_at = %(now)s
FROM held JOIN changes AS c ON c.id = held.id
WHERE e.id = held.id
"""

# --- SQLite -----------------------------------------------------------------------------------

READ_ENROLLMENTS_IN_SQLITE = """
SELECT id, sequence_id, status, entry_slot, entry_key, awaits, step_id, released_by, {entry}
FROM events_enrollment
WHERE subscriber_id = :subscriber AND entry_slot IS NOT NULL
"""
START_ENROLLMENT = f"""
INSERT INTO events_enrollment ({COLUMNS})
VALUES (:id, :workspace, :subscriber, :sequence_id, :version_id, :status, :entry_slot, :entry_key,
    :started_by_id, :entered_via, :is_test, 0, :step_id, 1, :now, '', :due_at, :lane, 0, '', '',
    :reason, :now, :now, :ended_at)
"""  # noqa: S608 - as above
STOP_ENROLLMENT = """
UPDATE events_enrollment
SET status = 'stopped', reason = :reason, ended_at = :now, due_at = NULL,
    lease_token = NULL, lease_expires_at = NULL, awaits = '', released_by = NULL,
    entry_slot = CASE WHEN :keeps_slot THEN entry_slot ELSE NULL END, updated_at = :now
WHERE id = :id
"""
RELEASE_ENROLLMENT = """
UPDATE events_enrollment
SET released_by = :released_by,
    due_at = CASE WHEN status = 'paused' THEN due_at ELSE :now END,
    due_before_pause = CASE WHEN status = 'paused' THEN :now ELSE due_before_pause END,
    updated_at = :now
WHERE id = :id
"""
