"""Multi-step runs: planned, shown, carried out step by step as durable commands.

plan (data) ──> run_state (what follows from what happened; pure) ──> run_rows (tables) ──> stepping (one step at work)
"""
