"""Why a process cannot start; each says what to set or whom to ask."""

from libs.resilience.errors import Conflict, InvalidInput, Unavailable


class SettingMissing(InvalidInput):
    """A setting without which nothing runs."""

    slug = "setting_missing"
    advice = "Set it in the environment or in .env; `adjutant doctor` shows what is configured."


class UnknownService(InvalidInput):
    """No installed package offers a service of this name."""

    slug = "unknown_service"
    advice = "`adjutant doctor` lists the services that are installed."


class DataDirectoryTaken(Conflict):
    """Another supervisor runs on this data directory."""

    slug = "data_directory_taken"
    advice = "Stop it, or give this one its own with --data-dir."


class PortTaken(Conflict):
    """Somebody else listens on the port."""

    slug = "port_taken"
    advice = "Choose another with ADJUTANT_PORT (0: any free one)."


class BusLost(Unavailable):
    """The connection to NATS was closed for good: the process ends, and its supervisor starts a fresh one."""

    slug = "bus_lost"


class StartFailed(Unavailable):
    """A service ended before it was ready."""

    slug = "start_failed"
    advice = "Its last log lines say why."
