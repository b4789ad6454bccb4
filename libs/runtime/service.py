"""What a service is to the runtime: a name, settings, a table of routes, and how its dependencies are opened."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from libs.runtime.settings import PlatformSettings, ServiceSettings

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from libs.bus import Bus, Route
    from libs.db import Database
    from libs.vault import MasterKeys, TransitSeal, Vault

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)
DepsT = TypeVar("DepsT")


@dataclass(frozen=True, slots=True)
class Resources(Generic[SettingsT]):
    """What the runtime has opened before a service opens its own; it closes them after the service."""

    settings: SettingsT
    platform: PlatformSettings
    db: "Database"
    bus: "Bus"
    vault: "Vault"
    seal: "TransitSeal"
    master_keys: "MasterKeys"
    stopping: asyncio.Event
    """Set when the process is asked to end; what waits for a client ends then."""


@dataclass(frozen=True, slots=True)
class Service(Generic[SettingsT, DepsT]):
    """One line per fact; the whole of a service's `app.py` leads to it."""

    name: str
    settings: type[SettingsT]
    routes: "tuple[Route[DepsT], ...]"
    open: Callable[[Resources[SettingsT]], AbstractAsyncContextManager[DepsT]]
    web: "Callable[[DepsT], ASGIApp] | None" = None
    """The public web application; the gateway alone has one."""


AnyService = Service[Any, Any]
