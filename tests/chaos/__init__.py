"""Kill things while work is under way, then count: nothing lost, nothing doubled."""
