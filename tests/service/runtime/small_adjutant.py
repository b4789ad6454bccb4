"""`python -m tests.service.runtime.small_adjutant <data directory>`: a supervisor with two small services."""

import sys
from pathlib import Path

from libs.runtime.data_directory import held
from libs.runtime.settings import PlatformSettings
from libs.runtime.supervisor import Supervisor
from libs.telemetry.logs import configure_logs


def main(data_dir: Path) -> int:
    """Until it is asked to end."""
    platform = PlatformSettings.explicit(data_dir=data_dir, port=0, grace_s=5)
    configure_logs("supervisor", "info")
    with held(data_dir):
        return Supervisor(platform, ("sync", "voice"), {"voice": 2}).run(_say_ready)


def _say_ready(_url: str) -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
