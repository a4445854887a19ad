"""What is remembered of runs, and what is made of it: trends, alerts, a dashboard."""
