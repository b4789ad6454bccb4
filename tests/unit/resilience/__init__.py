"""Unit tests of libs.resilience."""
