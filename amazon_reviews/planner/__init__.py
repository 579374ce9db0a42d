"""The planner: from what the outputs say of themselves to the work that is pending.

It is pure: plain values in, plain values out. `pipeline/state.py` reads what is there.
"""
