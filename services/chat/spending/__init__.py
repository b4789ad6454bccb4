"""Spending: owns what a model request may cost and did cost: prices, quotas, budgets, the ledger; never who answers."""
