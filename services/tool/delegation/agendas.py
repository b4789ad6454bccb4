"""Which calendar is whose: from a provider's name to its agenda."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from libs.providers.google.calendar import Calendar
from services.tool.access import Access
from services.tool.delegation import google_agenda, outlook_agenda
from services.tool.delegation.agenda import CALENDARS, Agenda
from services.tool.work_clients import WorkClients


@dataclass(frozen=True, slots=True)
class Agendas:
    """One owner's calendars."""

    access: Access
    google: Calendar
    work: WorkClients
    timeout_s: float

    def at(self, provider: str, zone: ZoneInfo) -> Agenda:
        """The calendar at that provider. Raises KeyError for one that keeps none."""
        if provider == google_agenda.PROVIDER:
            return google_agenda.GoogleAgenda(self.access, self.google, self.timeout_s)
        if provider == outlook_agenda.PROVIDER:
            events, actions = self.work.outlook_agenda, self.work.outlook_event_actions
            return outlook_agenda.OutlookAgenda(self.access, events, actions, zone, self.timeout_s)
        raise KeyError(provider)


def calendars_among(connected: frozenset[str]) -> tuple[str, ...]:
    """The connected providers that keep a calendar, the one that events go into first."""
    return tuple(provider for provider in CALENDARS if provider in connected)
