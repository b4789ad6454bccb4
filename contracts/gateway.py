"""What the gateway tells the others: who joined."""

from typing import ClassVar, Literal, Self

from contracts.envelope import Event, Service
from contracts.ids import OrganizationId, UserId

Tier = Literal["FREE", "STARTER", "PROFESSIONAL", "ENTERPRISE"]


class UserRegistered(Event):
    """Somebody signed up. Sent by the gateway once per account, in the transaction that creates it."""

    subject: ClassVar[str] = "evt.gateway.user.registered.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.CONTEXT, Service.NOTIFICATION, Service.VOICE, Service.CHAT)

    user_id: UserId
    organization_id: OrganizationId
    timezone: str
    """IANA name, such as `Europe/Berlin`."""
    tier: Tier | None = None
    """The organization's plan."""

    @classmethod
    def example(cls) -> Self:
        return cls(
            user_id=UserId("u_0193b0f1a8c07d3e9f00112233445566"),
            organization_id=OrganizationId("org_0193b0f1a8c07d3e9f00112233445566"),
            timezone="Europe/Berlin",
        )
