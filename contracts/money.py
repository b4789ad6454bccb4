"""Money is an integer of millionths of a US dollar, so that sums are exact."""

from typing import NewType

CostMicros = NewType("CostMicros", int)
