"""Unit tests of libs.runtime."""
