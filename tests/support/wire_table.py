"""The answers of the calls, as typed clients expect them; `wire_shapes` has the notation.

`?` marks what the hosted product has and Cueline does not, and what comes in some answers only.
"""

from collections.abc import Mapping
from functools import cache

from tests.support.calling import Reply
from tests.support.wire_shapes import Kind, Reader, faults_of

COUNTS = "sent:int, delivered:int, opened:int, clicked:int, bounced:int"
NAMED: Mapping[str, str] = {
    "OptIn": "required!:bool, emailQueued!:bool",
    "Subscriber": """id!, email!, externalId, firstName, lastName, status!, tags![str],
        customAttributes!{}, timezone, createdAt!:time, updatedAt!:time, unsubscribedAt:time,
        emailProvider?, phone?, phoneCountry?, smsStatus?""",
    "Person": f"""...Subscriber,
        lists![{{id!,name!,description,isPrivate:bool,subscribedAt:time,unsubscribedAt:time}}],
        activity![{{id!,eventType!,eventName!,eventTime!:time,properties!{{}},emailSendId,clickedUrl,
            bounceType,engagementQuality:human|machine|asset|unknown,machine:bool,
            classificationReasons[str],campaignId?,smsSendId?,smsSegments?:int,smsErrorCode?}}],
        emailStats!{{{COUNTS},complained:int,unsubscribed:int}},
        sequenceEnrollments![{{tokenId!,sequenceId!,sequenceName!,sequenceStatus!,
            enrollmentStatus!,currentNodeId,currentNodeLabel,currentNodeType,enteredAt!:time,
            scheduledFor:time,updatedAt!:time}}],
        notes![str]""",
    "Tagged": "id!, email!, created!:bool, tags![str]",
    "Tag": """id!, name!, isSystem!:bool, color!:gray|red|orange|amber|yellow|lime|green|emerald|
        teal|cyan|sky|blue|indigo|violet|purple|fuchsia|pink|rose""",
    "List": """id!, name!, description, isPrivate!:bool, allowMemberUnsubscribe!:bool,
        subscriberCount!:int, activeSubscriberCount!:int, createdAt!:time""",
    "BulkTags": """requested!:int, matched!:int, updated!:int, unchanged!:int, failed!:int,
        failures![{email,subscriberId,error!}], notFound!{emails![str],externalIds![str],
        subscriberIds![str]}, tags![str], triggeredAutomations!:bool, message!""",
    "Rules": """syncRules![{triggerEvent!,conditions{requiresTags[str],requiresNotTags[str],
        purchasedProduct{}},actions!{addTags![str],removeTags![str]}}], isDefault!:bool,
        message!""",
    "Window": "enabled!:bool, timezone!, days![str], startTime!, endTime!",
    "Sequence": """id!, name!, description, status!, trigger!, triggerConfig!{},
        enrollmentPaused!:bool, effectiveStatus!:draft|live|enrollment_paused|paused|archived,
        effectiveStatusSummary!, acceptsNewEnrollments!:bool, processesExistingEnrollments!:bool,
        activeSubscribersOnly!:bool, sendingWindow:Window, labels![str], labelIds![str], fromEmail,
        fromName, replyToEmail, createdAt!:time, updatedAt!:time, pausedAt:time, pauseReason,
        replyToName?, bccEmails?[str], frequencyCapEnabled?:bool, userCancellable?:bool,
        keyDates?{}, replyProfileId?, senderProfileId?, pauseSource?, pausedByUserId?,
        pausedByUser?{id,email,name}""",
    "Node": """id!, nodeType!, config!{}, position!{x!:num,y!:num}, updatedAt!:time,
        structuralStepNumber!:num, automationId?, updateHints?{}""",
    "Edge": "sourceNodeId!, targetNodeId!, condition{}",
    "Stop": "type!, value, matchConfig:Match",
    # One of three, by `mode`.
    "Match": """mode!:event_property|event_property_filter|field_value,
        rules?[{entryFieldPath!,eventFieldPath!}],
        propertyFilters?[{path!,operator!:exists|not_exists|equals|not_equals|one_of|contains|
            greater_than|less_than,value?:any}]""",
    "SequenceMail": """stepNumber!:int, nodeId!, emailId!, subject!, previewText, delayMs!:int,
        isTransactional!:bool, delayDisplay?, name?, nodeType?, delayMode?, fromName?, replyTo?""",
    "WholeSequence": """...Sequence, stopCondition:Stop, nodes![Node], edges![Edge],
        emails![SequenceMail], emailCount!:int, graphRevision!""",
    "Switched": """sequenceId!, status!, effectiveStatus!, effectiveStatusSummary!,
        enrollmentPaused!:bool, acceptsNewEnrollments!:bool, processesExistingEnrollments!:bool,
        message!, warnings![str]""",
    "Offsets": "count!:int, total:int, limit!:int, offset!:int, hasMore!:bool",
    "Enrollment": """enrollmentId!, sequenceId!, subscriberId!, email!, firstName, lastName,
        subscriberStatus!, status!, currentNodeId, currentNodeLabel, currentNodeType,
        currentNodeMissing!:bool, enrollmentKey, enrollmentStartedAt!:time, lastUpdatedAt!:time,
        waitUntil:time, pausedAt:time, pauseReason, failedReason,
        enteredVia!{kind!,name,value,description}, entryContext!{triggerType!,eventId,eventName,
            eventPropertyKeys![str],hasEventProperties!:bool,hasFieldSnapshots?:bool,
            fieldSnapshotKeys?[str]},
        stopConditionMatches?:bool, stopConditionMatchReason?, movedAt?:time, movedFromNodeId?,
        moveReason?""",
    "Held": """enrollmentId!, subscriberId!, currentNodeId!, outcome!:paused|already_paused|
        in_progress|resumed|not_paused, status!, pausedAt:time, waitUntil:time, subscriberEmail""",
    "HeldAnswer": """enrollments![Held], notEnrolled![{email!,subscriberId!}],
        notFound!{emails![str],subscriberIds![str]}, message!, sequenceId!""",
    "Permissions": "scopes[str], fullAccess!:bool, preset!",
    "ActiveKey": "id!, name!, prefix!, type!",
    "Key": """id!, name!, prefix!, type!, isCurrent!:bool, permissions!:Permissions,
        createdAt!:time, updatedAt!:time, lastUsedAt:time, scopes[str], deviceName?""",
    "Import": """id!, batchId!, fileName, status!, totalRows!:int, processedCount!:int,
        addedCount!:int, updatedCount!:int, skippedCount!:int, failedCount!:int,
        duplicateRows!:int, emailCount!:int, totalChunks!:int, completedChunks!:int,
        failedChunks!:int, skippedReasons!{}, failedReasons!{}, failedChunkReasons!{},
        createdAt!:time, startedAt?:time, completedAt:time, updatedAt!:time""",
    "LocalSuppression": """suppressed!:bool, reason, scope, source, suppressionId, suppressionType,
        delistable:bool""",
}

ROWS: Mapping[str, str] = {
    "POST subscribers/events": """subscriber!{id!,email!,created!:bool},
        event?{id!,name!,definitionCreated!:bool}, duplicate?:bool, optIn?:OptIn,
        sideEffectFailures?[str], historical?:bool, inserted?:int, duplicates?:int,
        events?[{id!,name!,occurredAt!:time}], accountIgnored?{reason!,message!}""",
    "POST subscribers/events/bulk": """subscriber!{id!,email!,created!:bool}, optIn?:OptIn,
        events![{id?,name,definitionCreated?:bool,duplicate?:bool,sideEffectFailures?[str]}]""",
    "POST subscribers/events/imports": """total!:int, recorded!:int, duplicates!:int, failed!:int,
        failures![{index!:int,error!,code!}], sideEffectFailed!:int,
        sideEffectFailures![{index!:int,stages![str],error!}], subscribers!:int, error?""",
    "POST subscribers": """subscriber!{...Subscriber,created!:bool,updated!:bool,skipped!:bool},
        optIn?:OptIn""",
    "GET subscribers": """subscribers![Subscriber], pagination!{hasMore!:bool,limit!:int,nextCursor,
        orderBy!,page:int,total:int,totalPages:int}""",
    "GET subscribers/{email}": "subscriber!:Person",
    "PATCH subscribers/{email}": "subscriber!:Subscriber",
    "DELETE subscribers/{email}": "deleted!:bool",
    "POST subscribers/imports": "import!:Import, deduplicated!:bool, message!",
    "GET subscribers/imports/{import_id}": "import!:Import",
    "GET subscribers/me": "account!{companyId!,companyName!,apiKeyType!}",
    "GET subscribers/attributes": """attributes![{key!,valueType!:string|number|boolean,
        isArray!:bool,mixedTypes!:bool,sampledContacts!:int,sampleValue!}], sampledContacts!:int""",
    "POST subscribers/tags": "subscriber!:Tagged, tag!{id!,name!,created!:bool}, optIn?:OptIn",
    "POST subscribers/tags/remove": "subscriber!:Tagged, tag!{name!,removed!:bool}",
    "POST subscribers/tags/bulk": """subscriber!:Tagged, tags!{added![str],created![str]},
        optIn?:OptIn""",
    "POST subscribers/bulk/tags/add": "...BulkTags",
    "POST subscribers/bulk/tags/remove": "...BulkTags",
    "GET lists": "lists![List]",
    "POST lists": "list!:List",
    "PATCH lists/{list_id}": "list!:List",
    "DELETE lists/{list_id}": "removedMemberships!:int",
    "POST lists/{list_id}/subscribers": """listId!, total!:int, processed!:int, created!:int,
        updated!:int, skipped!:int, failed!:int, addedToList!:int, duplicateInputCount!:int,
        ignoredBlankCount!:int, results![{email!,success!:bool,created!:bool,updated!:bool,
        skipped!:bool,addedToList!:bool,error?}]""",
    "POST lists/{list_id}/subscribers/remove": "removed!:int, notFound![str]",
    "GET tags": "tags![Tag]",
    "POST tags": "tag!:Tag",
    "PATCH tags/{tag_id}": "tag!:Tag",
    "DELETE tags/{tag_id}": "",
    "GET sync-rules": "...Rules",
    "PUT sync-rules": "...Rules",
    "GET events/schemas": """eventName, note!, events![{eventName!,requestedEventName,label!,
        category!,description!,documented!:bool,documentedProviders![str],mergeTagPrefix!,
        notes![str],providers![{provider!,examplePayload!{},
        properties![{path!,type!,description!,mergeTag!}]}]}]""",
    "GET events/sample": """eventName!,
        sample{eventTime!:time,properties!{},subscriberId!}""",
    "GET sequences": "sequences![Sequence], pagination!:Offsets",
    "GET sequences/{sequence_id}": "sequence!:WholeSequence",
    "POST sequences/{sequence_id}/enable": "...Switched",
    "POST sequences/{sequence_id}/disable": "...Switched",
    "POST sequences/{sequence_id}/pause-enrollments": "...Switched",
    "POST sequences/{sequence_id}/resume-enrollments": "...Switched",
    "POST sequences/{sequence_id}/archive": "sequence!:Sequence",
    "POST sequences/{sequence_id}/unarchive": "sequence!:Sequence",
    "POST sequences/{sequence_id}/duplicate": "sequence!:Sequence, nodes![Node], edges![Edge]",
    "POST sequences/{sequence_id}/enroll": """enrolled!:int, skipped!:int, notFound![str],
        scheduledFor:time, targetNodeId""",
    "GET sequences/{sequence_id}/enrollments": """enrollments![Enrollment], pagination!:Offsets,
        sequenceId!, sequenceName!, statuses![str], stopCondition:Stop,
        stopConditionMatchEvaluatedCount?:int""",
    "GET sequences/{sequence_id}/enrollments/{enrollment_id}": """enrollment!:Enrollment,
        nodeHistory![{nodeId!,nodeType!,nodeLabel,eventType!,eventTime!:time}],
        nodeHistoryLimit!:int, nodeHistoryTruncated!:bool,
        historySource!:node_events|token_context|both|none, sequenceId!, sequenceName!,
        stopCondition:Stop, branchDecisions?[{nodeId,decidedAt:time}]""",
    "POST sequences/{sequence_id}/enrollments/pause": """...HeldAnswer, pausedCount!:int,
        alreadyPausedCount!:int, inProgressCount!:int""",
    "POST sequences/{sequence_id}/enrollments/resume": """...HeldAnswer, resumedCount!:int,
        notPausedCount!:int, enqueuedCount!:int, enqueueErrors![{enrollmentId!,error!}],
        sequenceRunning!:bool""",
    "POST sequences/{sequence_id}/enrollments/cancel": """matchedCount:int, cancelledCount!:int,
        remainingCount:int, hasMore!:bool, dryRun!:bool, enrollments![{tokenId!,subscriberId!,
        subscriberEmail!,enrollmentKey,status!}], target!{notFoundSubscriberIds![str]}, message!,
        sequenceId!""",
    "GET sequences/{sequence_id}/simulate": """enrollment!{}, readiness!{ready!:bool,errors![str],
        warnings![str]}, path!{}, sendsMail!:bool, sequenceId!, sequenceName!, status!""",
    "GET suppressions": """suppressions![{email!,reason!:bounced|complaint,suppressionType!,scope!,
        source!,suppressedAt!:time,delistable!:bool,bounceCount!:int,bounceType?,bounceSubType?}],
        page!:int, limit!:int, total:int, hasMore!:bool, sortBy!, sortOrder!""",
    "GET suppressions/{address}": """suppression!{email!,suppressed!:bool,knownRecipient!:bool,
        local!:LocalSuppression,ses!{entries![{email,reason,region}],regionsChecked![str]}}""",
    "DELETE suppressions/{address}": """email!, removed!:bool, removedLocalBounce!:bool,
        reactivatedSubscriberIds![str], remainingSuppression!{}, removedSesRegions![str]""",
    "GET account": """companies![{id!,name!,role!}], currentCompanyId!, user!{id!}, message!,
        apiKeyPermissions!{...Permissions,activeKey!:ActiveKey,description?,manageUrl?,
        currentScopeCount?:int,selectedScopeCount?:int,canSendLive?:bool}""",
    "GET api-keys": "apiKeys![Key]",
    "POST api-keys": """apiKey!{id!,name!,prefix!,key!,scopes[str],createdAt!:time,
        permissions!:Permissions}, message!""",
    "PATCH api-keys/{key_id}": "apiKey!:Key, message!",
    "DELETE api-keys/{key_id}": "apiKey!:Key, message!",
}

# What callers send: bodies, and queries of calls that read or delete.
TAKEN: Mapping[str, str] = {
    "POST subscribers": """email externalId firstName lastName customAttributes status tags lists
        duplicateStrategy optInMode enrollInSequences createdAt timezone phone phoneCountry
        smsConsent""",
    "GET subscribers": """status tags list listId listName segmentId query email attribute
        attributeOperator unsubscribedAfter unsubscribedBefore limit page cursor includeTotal""",
    "GET subscribers/{email}": "includeMachineEngagement",
    "PATCH subscribers/{email}": """email externalId firstName lastName customAttributes
        customAttributesStrategy status tags timezone""",
    "GET subscribers/attributes": "includeNested",
    "POST subscribers/imports": """subscribers duplicateStrategy optInMode enrollInSequences listIds
        fileName idempotencyKey defaultPhoneCountry smsConsent""",
    "POST subscribers/tags": "tag email externalId firstName lastName customAttributes",
    "POST subscribers/tags/remove": "tag email externalId firstName lastName",
    "POST subscribers/tags/bulk": "tags email externalId firstName lastName customAttributes",
    "POST subscribers/bulk/tags/add": "tags emails externalIds subscriberIds triggerAutomations",
    "POST subscribers/bulk/tags/remove": "tags emails externalIds subscriberIds triggerAutomations",
    "POST lists": "name description isPrivate allowMemberUnsubscribe",
    "PATCH lists/{list_id}": "name description isPrivate allowMemberUnsubscribe",
    "POST lists/{list_id}/subscribers": "emails duplicateStrategy enrollInSequences optInMode",
    "POST lists/{list_id}/subscribers/remove": "emails subscriberIds",
    "POST tags": "name color",
    "PATCH tags/{tag_id}": "color",
    "PUT sync-rules": "syncRules",
    "GET events/schemas": "eventName provider",
    "GET events/sample": "eventName",
    "GET sequences": "status search label labels limit offset",
    "POST sequences/{sequence_id}/duplicate": "name",
    "POST sequences/{sequence_id}/enroll": "emails subscriberIds targetNodeId",
    # Without `stopConditionMatch`.
    "GET sequences/{sequence_id}/enrollments": """status subscriberId email currentNodeId sort limit
        offset""",
    "POST sequences/{sequence_id}/enrollments/pause": "emails subscriberIds reason",
    "POST sequences/{sequence_id}/enrollments/resume": "emails subscriberIds",
    "POST sequences/{sequence_id}/enrollments/cancel": """cancelAll subscriberIds subscriberId
        fieldValues fieldPath dryRun reason""",
    "GET sequences/{sequence_id}/simulate": "subscriberId email limit",
    "GET suppressions": "page limit search sort order region",
    "GET suppressions/{address}": "region",
    "DELETE suppressions/{address}": "region",
    "POST api-keys": "name preset scopes",
    "PATCH api-keys/{key_id}": "name preset scopes",
}

# Calls that the hosted product does not have.
OURS = frozenset({
    "POST subscribers/{email}/unsubscribe", "GET subscribers/{email}/timeline", "GET events",
    "GET events/{event_id}", "GET definitions",
})  # fmt: skip

# Rows that Cueline does not have; each says so.
NOT_HERE = (
    "GET tracking-settings", "PATCH tracking-settings",
    "GET frequency-cap", "PUT frequency-cap", "DELETE frequency-cap",
    "POST sequences", "PUT sequences/{id}", "DELETE sequences/{id}", "GET sequences/{id}/stats",
    "POST sequences/{id}/enrollments/move", "POST sequences/{id}/nodes/n/render",
    "POST sequences/{id}/nodes/n/test", "POST sequences/{id}/enroll-audience",
    "POST sequences/{id}/enroll-audience/estimate", "GET sequences/{id}/audience-enrollments",
    "GET sequences/{id}/audience-enrollments/a",
    "POST sequences/{id}/audience-enrollments/a/cancel", "GET segments",
    "POST segments", "PATCH segments/s", "DELETE segments/s",
    "GET segments/s/count", "POST transactional/send", "GET email-sends", "GET email-sends/e",
    "GET webhooks", "POST webhooks", "PATCH webhooks/w", "DELETE webhooks/w",
    "POST webhooks/w/secrets", "DELETE webhooks/w/secrets/s", "GET webhooks/w/deliveries",
    "GET webhooks/w/deliveries/d/attempts", "POST webhooks/w/deliveries/d/replay",
    "POST webhooks/w/test",
)  # fmt: skip


def row_of(name: str) -> str:
    """Return a call as the table has it: the other ways to name a person are the same row."""
    for way in ("external/{external_id}", "external"):
        name = name.replace(f" subscribers/{way}", " subscribers/{email}")
    return name


@cache
def shape_of_row(row: str) -> Kind:
    return Reader(f"success!:bool, {ROWS[row]}", NAMED).read()


def assert_has_shape(reply: Reply, row: str) -> None:
    """Hold an answer against its row; it is neither empty nor a redirect."""
    assert reply.status in {200, 207}, reply.json
    assert "Location" not in reply.headers
    assert [*faults_of(reply.json, shape_of_row(row))] == []
