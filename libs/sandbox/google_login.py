"""The emulated providers' log-in pages without a browser."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

from libs.resilience.errors import Unavailable
from libs.sandbox.seeds import EMAIL

TIMEOUT_S = 10.0


class LoginRefused(Unavailable):
    """The emulated provider did not offer, or did not accept, the log-in."""

    slug = "sandbox_login_refused"
    advice = "Check that the redirect address is one the sandbox was started with."


class NobodyThere(LoginRefused):
    """The address is not one of an emulated provider that runs."""

    advice = "Give the authUrl that POST /api/integrations/connect answered; if it answered an error, mend that first."


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


async def log_in(auth_url: str, person: str = EMAIL) -> str:
    """Consent as the seeded person; the address the browser would be sent back to. Raises LoginRefused.

    Each provider offers one form per person: Google with the address, GitHub with the log-in name (the part before
    the @), Slack with an id that it makes itself, the seeded person's last.
    """
    try:
        return await _log_in(auth_url, person)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NobodyThere(f"No emulated provider answers at {auth_url[:200]!r}.") from error


async def _log_in(auth_url: str, person: str) -> str:
    async with httpx.AsyncClient(timeout=TIMEOUT_S) as http:
        page = await http.get(auth_url)
        parser = _Forms()
        parser.feed(page.text)
        form = _form_of(parser.forms, person)
        if page.status_code != httpx.codes.OK or form is None:
            raise LoginRefused(f"The log-in page answered {page.status_code} and offers no {person}.")
        answer = await http.post(urljoin(auth_url, form[0]), data=form[1])
    if not answer.has_redirect_location:
        raise LoginRefused(f"The log-in form answered {answer.status_code} instead of a redirect.")
    return answer.headers["location"]


def _form_of(forms: list[tuple[str, dict[str, str]]], person: str) -> tuple[str, dict[str, str]] | None:
    for form in forms:
        fields = form[1]
        if fields.get("email") == person or fields.get("login") == person.partition("@")[0]:
            return form
    with_ids = [form for form in forms if "user_id" in form[1]]
    return with_ids[-1] if with_ids else None
