"""How a workspace's pages look: its colour, and what can be seen on and beside it.

The style stands in the page and the policy names its hash: so no file per colour is loaded, and
still nothing runs or paints that the policy does not know.
"""

from base64 import b64encode
from hashlib import sha256

from subscribers.pages import colors

OURS = "#2b655f"
# The card of `pages.css`, by light and by dark; what bounds a control has to stand out by 3 to 1.
LIGHT_CARD, DARK_CARD = "#ffffff", "#1a1a20"
LEAST_FOR_CONTROLS = 3


def style_of(color: str) -> str:
    """Return the style sheet of a colour; ours for what is none."""
    brand = color.lower() if colors.is_color(color) else OURS
    by_light, by_dark = (
        colors.made_visible(brand, on=card, ratio=LEAST_FOR_CONTROLS)
        for card in (LIGHT_CARD, DARK_CARD)
    )
    return (
        f":root{{--brand:{brand};--on-brand:{colors.text_on(brand)};--edge:{by_light}}}"
        f"@media (prefers-color-scheme:dark){{:root{{--edge:{by_dark}}}}}"
    )


def source_of(style: str) -> str:
    """Return the source by which a content policy allows exactly this style sheet."""
    return f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'"
