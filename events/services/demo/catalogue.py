"""What the demo's company has: its lists, rules, sequences, plans, and the names of its people."""

from typing import Any

from events.services.configuration.sync_rules import PRESET, RuleSpec

WORKSPACE_NAME = "Lumen"
SENDER = "hello@example.com"
SENDER_NAME = "Mia from Lumen"
POSTAL_ADDRESS = "Lumen, 1 Example Street, 10115 Berlin"
MAIL_LAYOUT = """\
<style>
  .page { background: #eef6f5; font-family: sans-serif; padding: 24px 12px }
  .mail, .foot { margin: 0 auto; max-width: 560px; padding: 8px 32px }
  .mail { background: #ffffff; border-radius: 8px; line-height: 1.5 }
  .name { color: #2b655f; font-size: 20px; font-weight: bold }
  .mail a { color: #2b655f }
  .foot, .foot a { color: #4b5563; font-size: 13px }
</style>
<div class="page">
  <div class="mail"><p class="name">{{workspace.name}}</p>{{content}}</div>
  <p class="foot">{{workspace.postalAddress}} · <a href="{{unsubscribeUrl}}">No more mails</a></p>
</div>
"""

FIRST_NAMES = (
    "Ada", "Ahmed", "Aiko", "Alejandra", "Amara", "Anders", "Anna", "Arjun", "Astrid", "Beatriz",
    "Björn", "Camille", "Chiara", "Daniel", "Elif", "Emeka", "Emma", "Esra", "Felix", "Fiona",
    "Giulia", "Hana", "Henrik", "Ines", "Ivan", "Jana", "Jonas", "Kofi", "Lars", "Leila", "Lena",
    "Lucía", "Malik", "Marta", "Mateo", "Mei", "Nadia", "Noah", "Olga", "Omar", "Paula", "Pedro",
    "Priya", "Ravi", "Rosa", "Sara", "Sofia", "Tariq", "Tomás", "Yuki", "Zoë",
)  # fmt: skip
LAST_NAMES = (
    "Abel", "Adeyemi", "Andersen", "Bauer", "Berg", "Bianchi", "Castro", "Chen", "Costa", "Demir",
    "Diallo", "Dubois", "Eriksson", "Fischer", "Garcia", "Haas", "Haddad", "Ito", "Jansen", "Kaya",
    "Keller", "Khan", "Kim", "Kowalski", "Larsen", "Lindqvist", "Lopez", "Martin", "Mensah", "Mora",
    "Nakamura", "Novak", "Okafor", "Olsen", "Patel", "Perez", "Popov", "Rossi", "Santos", "Schulz",
    "Sharma", "Silva", "Tanaka", "Vogel", "Wagner", "Weber", "Yilmaz", "Zhang",
)  # fmt: skip
DOMAINS = ("example.com", "example.org", "example.net")
TIME_ZONES = ("Europe/Berlin", "Europe/London", "America/New_York", "Asia/Tokyo", "")
# Price a month by name.
PLANS = {"solo": 12, "team": 49, "studio": 129}
SOURCES = ("search", "friend", "podcast", "newsletter", "conference")
LINK = "https://lumen.example/projects"
PAGES = ("/pricing", "/features", "/blog/ship-faster", "/templates", "/compare")
COUNTRIES = ("DE", "GB", "US", "JP", "FR", "BR", "IN", "NG")
BROWSERS = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
)

NEWS, BETA, WEBINARS = "Product news", "Beta testers", "Webinars"
# Name, description, whether new people join it.
LISTS = (
    (NEWS, "What is new in Lumen, once a month.", True),
    (BETA, "Try features before everybody else.", False),
    (WEBINARS, "Invitations to our monthly webinar.", False),
)
RULES = (
    RuleSpec(trigger_event="signed_up", add=("lead",)),
    RuleSpec(trigger_event="teammate.invited", add=("team-player",), requires=("customer",)),
    *PRESET,
)


def _mail(step_id: str, subject: str, *paragraphs: str, **rest: Any) -> dict[str, Any]:
    body = "".join(f"<p>{each}</p>" for each in paragraphs)
    html = f'{body}<p><a href="{LINK}">Open Lumen</a></p><p>Mia, Lumen</p>'
    return {"type": "email", "id": step_id, "subject": subject, "html": html, **rest}


WELCOME = {
    "name": "Welcome",
    "key": "welcome",
    "description": "Greets who signs up, and helps those who have not begun after three days.",
    "labels": ["onboarding"],
    "trigger": "event_received",
    "eventName": "signed_up",
    "enrollmentMode": "one_time",
    "stopCondition": {"type": "event_received", "value": "account.deleted"},
    "steps": [
        _mail(
            "hello",
            "Welcome to Lumen, {{subscriber.firstName|friend}}",
            "Hi {{subscriber.firstName|there}},",
            "it is good to have you. Start with a first project: it takes two minutes.",
            previewText="Your first project takes two minutes",
            onFailure="end",
        ),
        {
            "type": "wait_for_event",
            "id": "first-project",
            "eventName": "project.created",
            "timeout": {"days": 3},
            "onTimeout": "continue",
        },
        {"type": "delay", "id": "a-day", "days": 1},
        _mail(
            "tips",
            "Three things that save an hour a day",
            "Hi {{subscriber.firstName|there}},",
            "templates, shortcuts and shared views: here is how teams of your size use them.",
        ),
        {"type": "delay", "id": "a-week", "days": 7},
        {
            "type": "condition",
            "id": "not-yet-customer",
            "rules": [{"type": "no_tag", "tag": "customer"}],
            "onFalse": "exit",
        },
        _mail(
            "question",
            "A quick question, {{subscriber.firstName|friend}}",
            "What keeps you from using Lumen every day? Just reply, I read everything.",
        ),
        {"type": "update_tags", "id": "welcomed", "add": ["welcomed"]},
    ],
}
TRIAL = {
    "name": "Trial to customer",
    "key": "trial",
    "description": "Accompanies the 14 days of a trial; ends with the purchase.",
    "labels": ["sales"],
    "trigger": "event_received",
    "eventName": "saas.trial_started",
    "stopCondition": {"type": "event_received", "value": "saas.purchase"},
    "sendingWindow": {
        "enabled": True,
        "timezone": "Europe/Berlin",
        "days": ["monday", "tuesday", "wednesday", "thursday", "friday"],
        "startTime": "09:00",
        "endTime": "18:00",
    },
    "steps": [
        {"type": "delay", "id": "five-days", "days": 5},
        _mail(
            "half-time",
            "Half of your trial is still ahead",
            "Hi {{subscriber.firstName|there}},",
            "your trial of the {{event.plan|solo}} plan has {{event.trialDays|14}} days in all.",
        ),
        {"type": "delay", "id": "six-days", "days": 6},
        {
            "type": "condition",
            "id": "has-projects",
            "rules": [{"type": "did_event", "eventName": "project.created"}],
            "then": [
                _mail(
                    "your-team",
                    "Lumen is better together, {{subscriber.firstName|friend}}",
                    "Your first projects are there. Invite two people, and share a view.",
                ),
            ],
            "else": [
                _mail(
                    "templates",
                    "Start with a template",
                    "A blank page is hard. Ten templates get you to a first project.",
                ),
                {"type": "update_tags", "id": "needs-help", "add": ["needs-help"]},
            ],
        },
        {"type": "delay", "id": "a-day", "days": 1},
        _mail(
            "three-left",
            "Three days left on your trial",
            "Keep what you built: the {{event.plan|solo}} plan costs "
            "{{event.price|12}} euros a month.",
        ),
        {"type": "delay", "id": "three-days", "days": 3},
        {
            "type": "split",
            "id": "which-offer",
            "branches": [
                {
                    "id": "discount",
                    "weight": 50,
                    "steps": [
                        _mail(
                            "discount-mail",
                            "Your projects are safe with us",
                            "Your projects stay for 30 days, and 20 % off is yours until then.",
                        ),
                    ],
                },
                {
                    "id": "call",
                    "weight": 50,
                    "steps": [
                        _mail(
                            "call-mail",
                            "Shall we talk for ten minutes?",
                            "Your trial is over. Tell us what was missing: reply with a time.",
                        ),
                    ],
                },
            ],
        },
        {"type": "update_tags", "id": "trial-over", "remove": ["needs-help"]},
    ],
}
WIN_BACK = {
    "name": "Win back",
    "key": "win-back",
    "description": "Asks those who left us what was missing, and tells them what is new.",
    "labels": ["retention"],
    "trigger": "tag_added",
    "tagNames": ["churned"],
    "activeSubscribersOnly": True,
    "stopCondition": {"type": "event_received", "value": "saas.purchase"},
    "steps": [
        {"type": "delay", "id": "two-days", "days": 2},
        _mail(
            "why",
            "What was missing, {{subscriber.firstName|friend}}?",
            "We are sorry to see you go. One line of reply helps us more than you think.",
        ),
        {"type": "delay", "id": "a-month", "days": 20},
        _mail(
            "news",
            "What is new since you left",
            "Faster search, a calendar, and prices that follow the size of your team.",
        ),
    ],
}
RECEIPT = {
    "name": "Receipt",
    "key": "receipt",
    "description": "A draft: one receipt for each order.",
    "trigger": "event_received",
    "eventName": "saas.purchase",
    "enrollmentMode": "matching_field",
    "enrollmentFieldPath": "order.id",
    "steps": [
        _mail(
            "receipt",
            "Your receipt {{event.order.id}}",
            "Thank you. {{event.amount}} euros were paid for the {{event.plan}} plan.",
            isTransactional=True,
        )
    ],
}
ACTIVE_SEQUENCES = (WELCOME, TRIAL, WIN_BACK)
DRAFTS = (RECEIPT,)
