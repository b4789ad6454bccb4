"""The emulated Google's log-in pages without a browser."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

from libs.resilience.errors import Unavailable
from libs.sandbox.seeds import EMAIL

TIMEOUT_S = 10.0


class LoginRefused(Unavailable):
    """The emulated Google did not offer, or did not accept, the log-in."""

    slug = "sandbox_login_refused"
    advice = "Check that the redirect address is one the sandbox was started with."


class _Forms(HTMLParser):
    """Every form of a page: where it goes and its fields."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.forms.append((given.get("action") or "", {}))
        elif tag == "input" and self.forms and (name := given.get("name")):
            self.forms[-1][1][name] = given.get("value") or ""


async def log_in(auth_url: str, email: str = EMAIL) -> str:
    """Consent as the seeded user; the address the browser would be sent back to. Raises LoginRefused."""
    async with httpx.AsyncClient(timeout=TIMEOUT_S) as http:
        page = await http.get(auth_url)
        parser = _Forms()
        parser.feed(page.text)
        form = next((form for form in parser.forms if form[1].get("email") == email), None)
        if page.status_code != httpx.codes.OK or form is None:
            raise LoginRefused(f"The log-in page answered {page.status_code} and offers no {email}.")
        answer = await http.post(urljoin(auth_url, form[0]), data=form[1])
    if not answer.has_redirect_location:
        raise LoginRefused(f"The log-in form answered {answer.status_code} instead of a redirect.")
    return answer.headers["location"]
