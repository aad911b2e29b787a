"""A workspace's colour on public pages, and what can be seen on and beside it.

The style is in the page and the policy names its hash: no file per colour is loaded, and no other
style applies.
"""

from base64 import b64encode
from hashlib import sha256

from subscribers.pages import colors

OURS = "#2b655f"
# The card's colour in `pages.css`, light and dark; a control's edge needs a contrast of 3 to 1.
LIGHT_CARD, DARK_CARD = "#ffffff", "#1a1a20"
LEAST_FOR_CONTROLS = 3


def style_of(color: str) -> str:
    """Return the style sheet of a colour; the default's where the text is none."""
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
    """Return the policy's source that allows exactly this style sheet."""
    return f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'"
