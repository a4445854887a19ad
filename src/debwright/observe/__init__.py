"""What people look at: reports, the console, metrics, diagnoses and notifications."""
