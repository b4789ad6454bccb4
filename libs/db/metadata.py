"""One SQLAlchemy metadata per service schema, with the house's constraint names."""

from sqlalchemy import MetaData

_NAMES = {
    "pk": "pk_%(table_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
}

_metadata: dict[str, MetaData] = {}


def service_metadata(service: str) -> MetaData:
    """The metadata that a service's SQLModel tables hang on; the same object at every call.

    class Base(SQLModel):
        metadata = service_metadata("chat")
    """
    if service not in _metadata:
        _metadata[service] = MetaData(schema=service, naming_convention=_NAMES)
    return _metadata[service]
