"""Checks of the house rules that neither the type checker nor the import rules can say."""
