"""What in a mail's templates is probably a slip: sentences for the person who wrote them."""

import re
from collections.abc import Iterator

# Gmail shows no more of a mail's HTML and cuts off the rest, the way out with it.
MOST_SHOWN = 102 * 1024  # bytes of UTF-8
MOST_NAMED = 3
# Tags as other products write them: *|FNAME|*, [[first_name]], %FIRSTNAME%, {subscriber.name}.
_FOREIGN = re.compile(
    r"\*\|\w[^|\n]{0,60}\|\*|\[\[\s*[A-Za-z_][\w. ]{0,60}\]\]|%[A-Z][A-Z_]{2,40}%"
    r"|(?<![{%$])\{(?:subscriber|contact|event|user)\.[\w.]{1,60}\}(?!\})"
)
_ADDRESS = re.compile(r"""\b(?:href|src)\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_WHOLE = re.compile(
    r"\s*(?:https?://|mailto:|tel:|sms:|cid:|data:image/|#|\{\{|\{%)", re.IGNORECASE
)
_BARE_TAG = re.compile(r"\{\{(?:(?!\}\}|url_encode).)*\}\}")


def find_all(*, html: str, other: str) -> Iterator[str]:
    """Yield a sentence for each kind of slip in the HTML, and in the other templates together."""
    foreign = list(dict.fromkeys(_FOREIGN.findall(f"{other}\n{html}")))
    if foreign:
        named = ", ".join(foreign[:MOST_NAMED])
        yield f"{named} looks like a tag of another product: readers see it as it stands."
    addresses = [one or two for one, two in _ADDRESS.findall(html)]
    partial = list(dict.fromkeys(each for each in addresses if not _WHOLE.match(each)))
    if partial:
        named = ", ".join(repr(each) for each in partial[:MOST_NAMED])
        yield f"The address {named} leads nowhere in a mail: begin it with https://."
    for each in addresses:
        query = each.partition("?")[2]
        if found := _BARE_TAG.search(query):
            tag = found[0]
            better = f"{tag[:-2].rstrip()} | url_encode}}}}"
            yield f"A + or & in {tag} breaks the link that it stands in: write {better}."
            break
    size = len(html.encode())
    if size > MOST_SHOWN:
        yield (
            f"The HTML has {size // 1024} KB: some readers cut a mail off after 102 KB, and with "
            "it the link to unsubscribe."
        )
