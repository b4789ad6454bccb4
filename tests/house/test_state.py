"""State changes in one place and in one way."""

import ast
import re

import pytest

from contracts.envelope import Service
from tests.house.repository import python_files, text_of, tree_of

# The benchmarks measure raw SQL as a baseline; the embedded server is not yet anybody's database.
_TRANSACTION_WORDS = re.compile(r"^\s*(begin|commit|rollback|start transaction)\b", re.IGNORECASE)


def test_nobody_commits_but_the_database_library() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path in python_files("contracts", "libs", "services")
        if path.parts[:2] != ("libs", "db")
        for node in ast.walk(tree_of(path))
        if _commits(node)
    ]

    assert found == [], "open a transaction with libs.db; it commits at its end"


def _commits(node: ast.AST) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in {"commit", "rollback"}:
            return True
        if node.func.attr in {"execute", "fetch", "fetchrow", "fetchval"} and node.args:
            first = node.args[0]
            return isinstance(first, ast.Constant) and bool(_TRANSACTION_WORDS.match(str(first.value)))
    return False


def test_settings_are_read_in_the_settings_classes_only() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path in python_files("contracts", "libs", "services")
        if path.parts[:2] not in {("libs", "runtime"), ("libs", "testing")}
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"} and _is_os(node.value)
    ]

    assert found == [], "declare it in a settings class: it is documented and checked there"


def _is_os(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "os"


@pytest.mark.parametrize("name", tuple(Service))
def test_a_service_has_its_own_schema_and_row_security(name: Service) -> None:
    versions = [path for path in python_files("services") if path.parts[1:4] == (name, "migrations", "versions")]
    written = "\n".join(text_of(path) for path in versions)

    assert versions, f"{name} has no migration"
    assert "create_bus_tables(" in written, "outbox, inbox and dead letters stand in every schema"
    assert "enable_row_security" in written, "user-owned rows are hidden from everybody else"


@pytest.mark.parametrize("name", tuple(Service))
def test_a_migration_is_named_by_date_and_slug(name: Service) -> None:
    for path in python_files("services"):
        if path.parts[1:4] == (name, "migrations", "versions") and path.name != "__init__.py":
            assert re.match(r"^\d{4}_\d{2}_\d{2}_\d{4}_[a-z][a-z0-9_]+\.py$", path.name), path


def test_no_exception_is_swallowed_silently() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path in python_files()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}))
        and len(node.body) == 1
        and isinstance(node.body[0], ast.Pass)
    ]

    assert found == []
