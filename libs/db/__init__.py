"""Owns every way to PostgreSQL: the pool, transactions under a scope, row security, migrations.

Never: a query of a service, or a commit anywhere else. SQL stands beside the function that runs it.
"""

from asyncpg.exceptions import CheckViolationError as CheckViolation
from asyncpg.exceptions import ExclusionViolationError as ExclusionViolation
from asyncpg.exceptions import ForeignKeyViolationError as ForeignKeyViolation
from asyncpg.exceptions import UniqueViolationError as UniqueViolation

from libs.db.database import Database
from libs.db.errors import DatabaseClash, DatabaseUnavailable, TransactionUndone
from libs.db.metadata import service_metadata
from libs.db.transaction import Row, Transaction

__all__ = [
    "CheckViolation",
    "Database",
    "DatabaseClash",
    "DatabaseUnavailable",
    "ExclusionViolation",
    "ForeignKeyViolation",
    "Row",
    "Transaction",
    "TransactionUndone",
    "UniqueViolation",
    "service_metadata",
]
