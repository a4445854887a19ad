"""The run: the plan, its stages, and what was done before."""
