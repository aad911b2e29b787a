"""The line by which somebody sends a first event from a terminal."""

import json

BODY = {
    "email": "ada@example.com",
    "events": [{"name": "signed_up", "properties": {"plan": "free"}}],
}


def curl_line(*, base_url: str, api_key: str) -> str:
    return (
        f"curl -X POST {base_url}/api/v1/subscribers/events/bulk"
        f' -H "Authorization: Bearer {api_key}" -H "Content-Type: application/json"'
        f" -d '{json.dumps(BODY)}'"
    )
