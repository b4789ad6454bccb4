"""Unit tests of libs.http."""
