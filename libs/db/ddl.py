"""What a migration imports: the recurring pieces of a schema, each explained where it lives."""

from libs.db.api_usage import create_api_usage
from libs.db.bus_tables import create_bus_tables
from libs.db.data_keys import create_data_keys
from libs.db.grants import grant_to_service
from libs.db.partitions import partition_by_month
from libs.db.security import enable_row_security, enable_row_security_with_secret, leave_open_to_service

__all__ = [
    "create_api_usage",
    "create_bus_tables",
    "create_data_keys",
    "enable_row_security",
    "enable_row_security_with_secret",
    "grant_to_service",
    "leave_open_to_service",
    "partition_by_month",
]
