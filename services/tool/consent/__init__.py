"""Consent: owns the decision whether an effect runs, is asked for, or is refused; proposals, and standing rules.

Never: carries anything out; that is `services.tool.effects`. Never trusts that a planner obeyed.
"""
