"""Between the words of the contracts and the values in here."""

import json
from dataclasses import asdict
from datetime import datetime

from pydantic import ValidationError

from contracts.bookings import BookingView, GuestBooking, GuestDetails
from contracts.delegations import BookingPage, DelegationTerms, DelegationView
from contracts.envelope import Scope
from libs.vault import UserKey
from services.tool import times
from services.tool.delegation.bookings import Booking, Status
from services.tool.delegation.constraints import Constraints, Opening
from services.tool.delegation.errors import (
    BookingUnavailable,
    ConstraintsRefused,
    GuestDetailsRefused,
    SlotTaken,
)
from services.tool.delegation.guests import Guest, cleaned, open_guest
from services.tool.delegation.links import Link
from services.tool.delegation.terms import Terms
from services.tool.errors import TimeNotUnderstood

_NOT_RULES = {"label", "shown_name", "timezone", "openings"}


def terms_of(terms_json: str) -> Terms:
    """What an owner wants. Raises ConstraintsRefused with a sentence that says what to mend."""
    try:
        return _checked(DelegationTerms.model_validate_json(terms_json))
    except ValidationError:
        raise ConstraintsRefused("The terms cannot be read.") from None


def changed_terms(terms: Terms, changes_json: str) -> Terms:
    """The same with what is given in place of what was. Raises ConstraintsRefused."""
    try:
        changes = json.loads(changes_json)
        return _checked(DelegationTerms.model_validate(_given(terms).model_dump() | changes))
    except (ValidationError, TypeError):
        raise ConstraintsRefused("The terms cannot be read.") from None


def _checked(given: DelegationTerms) -> Terms:
    try:
        times.zone(given.timezone)
        openings = tuple(Opening(opening.weekday, opening.start, opening.end) for opening in given.openings)
        rules = Constraints(openings=openings, **given.model_dump(exclude=_NOT_RULES))
    except TimeNotUnderstood as error:
        raise ConstraintsRefused(error.detail) from error
    except ValueError as error:
        raise ConstraintsRefused(f"{error}.") from error
    return Terms(given.label, given.shown_name, given.timezone, rules)


def delegation_view(link: Link) -> DelegationView:
    """A link for its owner."""
    return DelegationView(
        delegation_id=link.delegation_id,
        terms=_given(link.terms),
        created_at=link.created_at,
        expires_at=link.expires_at,
        revoked_at=link.revoked_at,
        is_active=link.is_active,
    )


def _given(terms: Terms) -> DelegationTerms:
    words = {"label": terms.label, "shown_name": terms.shown_name, "timezone": terms.timezone}
    return DelegationTerms.model_validate(words | asdict(terms.constraints))


def booking_page(link: Link, scope: Scope) -> BookingPage:
    """A link for outsiders."""
    return BookingPage(
        organization_id=scope.organization_id,
        user_id=scope.user_id,
        delegation_id=link.delegation_id,
        label=link.terms.label,
        shown_name=link.terms.shown_name,
        timezone=link.terms.timezone,
        durations=link.terms.constraints.durations,
        days_ahead=link.terms.constraints.days_ahead,
    )


def booking_view(booking: Booking, key: UserKey) -> BookingView:
    """A booking for the owner."""
    guest = open_guest(key, booking.booking_id, booking.sealed_guest) if booking.sealed_guest else None
    return BookingView(
        booking_id=booking.booking_id,
        status=booking.status.value,
        starts_at=booking.time.start,
        ends_at=booking.time.end,
        guest_name=guest.name if guest else None,
        guest_address=guest.address if guest else None,
        note=guest.note if guest else None,
        guest_timezone=guest.timezone if guest else None,
        created_at=booking.created_at,
        error=booking.error,
    )


def guest_of(details_json: str) -> Guest:
    """An outsider's words, made harmless to look at. Raises GuestDetailsRefused."""
    try:
        given = GuestDetails.model_validate_json(details_json)
    except ValidationError:
        raise GuestDetailsRefused("The details cannot be read.") from None
    return cleaned(given.name, given.address, given.note, given.timezone)


def guest_booking(booking: Booking) -> GuestBooking:
    """A booking for the outsider who made it; on its way to another time it is pending there."""
    start, end = booking.wanted or booking.time
    is_moving = booking.wanted is not None
    return GuestBooking(
        booking_id=booking.booking_id,
        status="pending" if is_moving else booking.status.value,
        starts_at=start,
        ends_at=end,
    )


def required_at(booking: Booking, start: datetime) -> Booking:
    """The booking, if it is there or on its way. Raises SlotTaken, BookingUnavailable when the calendar refused."""
    if booking.status is Status.ACCEPTED and (booking.wanted or booking.time).start != start:
        raise SlotTaken if booking.error == SlotTaken.slug else BookingUnavailable
    return booking
